import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { failures } from "../../../lib/observe/failures";
import { Journal, type SeenEvent } from "../../../lib/observe/journal";
import type { Face, Identity } from "../../../lib/message";

const face = (identity: Partial<Identity> = {}): Face => ({
  box: { x: 0, y: 0, width: 9, height: 9 },
  score: 1,
  embedding: Float32Array.of(1, 2),
  model: "m",
  identity: {
    outcome: "match",
    name: "Alice",
    person: "a",
    groups: ["family"],
    distance: 0.3,
    threshold: 0.58,
    margin: null,
    candidates: [
      { name: "Alice", distance: 0.3, euclidean: 0.4, photo: "a1" },
      { name: "Bob", distance: 0.9, euclidean: 0.8, photo: "b1" },
    ],
    reason: "below_threshold",
    ...identity,
  },
});
const STRANGER = { outcome: "unknown", name: null, person: null, reason: "above_threshold" } as const;
const picture = (): Promise<Buffer> => Promise.resolve(Buffer.from("a face"));
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A moment by two clocks; the second is never put forward or back. */
const moment = (at: number, tick = at): { at: number; tick: number } => ({ at, tick });

describe("Journal", () => {
  let journal = new Journal();
  afterEach(() => {
    journal.close();
    journal = new Journal();
  });
  const told = (): string[] => journal.recent.map(({ source, name, at }) => `${source} ${name} ${at}`);

  it("tells once of somebody who stays, and again when they were away for ten seconds", () => {
    for (let at = 0; at <= 30_000; at += 40) journal.offer("door", [face()], moment(at), picture);
    assert.deepEqual(told(), ["door Alice 0"]);
    journal.offer("door", [face()], moment(40_000), picture);
    journal.offer("door", [face()], moment(50_040), picture);
    assert.deepEqual(told(), ["door Alice 50040", "door Alice 0"]);
  });

  it("tells cameras and people apart, and takes strangers five seconds apart for two", () => {
    journal.offer("door", [face(), face({ name: "Bob", person: "b" })], moment(0), picture);
    journal.offer("garden", [face()], moment(1), picture);
    for (const at of [2, 5002, 10_003]) journal.offer("door", [face(STRANGER)], moment(at), picture);
    assert.deepEqual(told(), ["door null 10003", "door null 2", "garden Alice 1", "door Bob 0", "door Alice 0"]);
  });

  it("says how much a small or blurred face counted, and nothing where nobody measured it", () => {
    const quality = { size: 9, blur: 2, exposure: 120, pose: { yaw: 0, pitch: 0, roll: 0 }, weight: 0.12 };
    journal.offer("door", [{ ...face(), quality }], moment(0), picture);
    journal.offer("garden", [face()], moment(1), picture);
    assert.deepEqual(
      journal.recent.map(({ source, weight }) => [source, weight]),
      [
        ["garden", null],
        ["door", 0.12],
      ],
    );
    assert.equal(journal.quality(journal.recent[1]?.id ?? ""), quality);
  });

  it("says why, keeps picture and embedding in reach, and tells listeners once the picture is there", async () => {
    const heard: SeenEvent[] = [];
    journal.on("seen", (event) => heard.push(event));
    journal.offer("door", [face()], moment(7), picture);
    await settled();
    const [event] = journal.recent as [SeenEvent];
    assert.deepEqual(
      [heard, event.reason, event.threshold, event.candidates.length, event.picture],
      [[event], "below_threshold", 0.58, 2, true],
    );
    assert.deepEqual(
      [journal.picture(event.id)?.toString(), journal.embedding(event.id, "m")],
      ["a face", Float32Array.of(1, 2)],
    );
    assert.deepEqual([journal.picture("nobody"), journal.embedding("nobody", "m")], [undefined, undefined]);
    assert.equal(
      journal.embedding(event.id, "another"),
      undefined,
      "an embedding of another network says nothing in the gallery",
    );
  });

  it("keeps an event whose picture cannot be cut", async () => {
    journal.offer("door", [face()], moment(0), () => Promise.reject(new Error("no picture")));
    await settled();
    assert.deepEqual(
      journal.recent.map(({ picture: has }) => has),
      [false],
    );
  });

  it("cuts the pictures of a crowd one after the other, of eight that wait at most", async () => {
    let [cutting, most] = [0, 0];
    const slow = async (): Promise<Buffer> => {
      cutting += 1;
      most = Math.max(most, cutting);
      await settled();
      cutting -= 1;
      return picture();
    };
    const heard: SeenEvent[] = [];
    journal.on("seen", (event) => heard.push(event));
    journal.offer(
      "door",
      Array.from("abcdefghij", (person) => face({ name: person, person })),
      moment(0),
      slow,
    );
    while (heard.length < 10) await settled();
    assert.deepEqual(
      [most, journal.recent.map(({ picture: has }) => has)],
      [1, [false, false, ...Array.from({ length: 8 }, () => true)]],
    );
  });

  it("tells nobody twice for the clock, be it put forward or back, and whoever comes back then", () => {
    for (const [at, tick] of [
      [0, 0],
      [3_600_000, 100],
      [-3_600_000, 200],
    ] as const)
      for (const who of [face(), face(STRANGER)]) journal.offer("door", [who], moment(at, tick), picture);
    assert.deepEqual(told(), ["door null 0", "door Alice 0"]);
    journal.offer("door", [face()], moment(-3_580_000, 20_000), picture);
    assert.deepEqual(told()[0], "door Alice -3580000");
  });

  it("cuts no more than ten pictures a second, and goes on when the clock is put back", async () => {
    const pictured = async (source: string, at: number, tick = at): Promise<boolean | undefined> => {
      journal.offer(source, [face()], moment(at, tick), picture);
      await settled();
      return journal.recent[0]?.picture;
    };
    const first: (boolean | undefined)[] = [];
    for (let index = 0; index < 11; index += 1) first.push(await pictured(`camera ${index}`, 50_000 + index));
    assert.deepEqual(first, [...Array.from({ length: 10 }, () => true), false]);
    assert.deepEqual(
      [
        await pictured("later", 51_000),
        await pictured("too soon after it", 51_000),
        await pictured("put back", 40_000, 52_001),
      ],
      [true, false, true],
    );
  });

  it("cuts no picture of a person who was deleted while it waited", async () => {
    let cuts = 0;
    const counted = (): Promise<Buffer> => {
      cuts += 1;
      return picture();
    };
    journal.offer("door", [face(), face({ name: "Bob", person: "b" })], moment(0), counted);
    journal.forget("a", "Alice");
    await settled();
    assert.equal(cuts, 1);
  });

  it("keeps the newest two hundred", () => {
    for (let index = 0; index < 1000; index += 1) journal.offer(`camera ${index}`, [face()], moment(index), picture);
    assert.deepEqual([journal.recent.length, journal.recent[0]?.at, journal.recent.at(-1)?.at], [200, 999, 800]);
  });

  it(
    "tells nothing any more of a person who was deleted, not even as a candidate, nor of a picture that was " +
      "being cut",
    async () => {
      journal.offer("door", [face(), face({ name: "Bob", person: "b" })], moment(0), picture);
      journal.forget("a", "Alice");
      await settled();
      assert.deepEqual(
        journal.recent.map(({ name, candidates }) => [name, candidates.map((candidate) => candidate.name)]),
        [["Bob", ["Bob"]]],
      );
    },
  );

  it("takes no notice of what is no face, and of anything once closed", () => {
    journal.offer(
      "door",
      [face({ outcome: "noface" }), { box: { x: 0, y: 0, width: 1, height: 1 }, score: 1 }],
      moment(0),
      picture,
    );
    assert.deepEqual(journal.recent, []);
    journal.close();
    journal.offer("door", [face()], moment(0), picture);
    assert.deepEqual(journal.recent, []);
  });

  it("is not the end of Node-RED where a listener throws, which the diagnosis tells", async () => {
    journal.on("seen", () => {
      throw new TypeError("a listener broke");
    });
    journal.offer("door", [face()], moment(0), picture);
    await settled();
    assert.deepEqual(told(), ["door Alice 0"]);
    const [{ where, kind, told: sentence } = {}] = failures.list();
    assert.deepEqual([where, kind, sentence], ["journal", "TypeError", false]);
  });
});
