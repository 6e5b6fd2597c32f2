import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Node, NodeAPI, NodeDef } from "node-red";
import sharp from "sharp";
import { Gallery } from "../../lib/gallery/gallery";
import type { Face, FaceMessage } from "../../lib/message";
import { Journal } from "../../lib/observe/journal";
import { openStore } from "../../lib/people/lmdb/store";
import { isSealed } from "../../lib/presence/seal";
import { messageSchema } from "../../lib/message";
import type { Presence, Visit } from "../../lib/visit";
import facePresence from "../../nodes/face-presence/face-presence";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { decided } from "../support/decided";

let userDir = "";
let id = "";
let nodes = 0;
const galleries: Promise<Gallery>[] = [];

function fakeGallery(RED: NodeAPI): void {
  RED.nodes.registerType(
    "face-gallery",
    function register(this: Node & { gallery?: Promise<Gallery>; journal?: Journal }, def: NodeDef) {
      RED.nodes.createNode(this, def);
      const open = async (): Promise<Gallery> => {
        const folder = join(userDir, "photos");
        mkdirSync(folder, { recursive: true });
        const gallery = new Gallery({
          folder,
          store: await openStore({ folder: join(userDir, "people") }),
          encoder: { model: "fake", fingerprint: "f", threshold: 0.5, encode: async () => [] },
        });
        void gallery.start();
        return gallery;
      };
      this.journal = new Journal();
      this.gallery = open();
      galleries.push(this.gallery);
      const closing = this.gallery;
      this.on("close", (done: () => void) => {
        void closing.then((gallery) => gallery.close()).finally(done);
      });
    },
  );
}

const visits: Visit[] = [];
const states: Presence[] = [];
const badges: { fill?: string; text?: string }[] = [];
const warnings: string[] = [];

/** The words of a test are their keys, with what was put in. */
function withWords(register: (RED: NodeAPI) => void): (RED: NodeAPI) => void {
  return (RED) =>
    register(
      Object.assign(Object.create(RED) as NodeAPI, {
        _: (key: string, values?: Record<string, unknown>): string => [key, ...Object.values(values ?? {})].join(" "),
      }),
    );
}

async function load(fields: object = {}): Promise<void> {
  visits.length = states.length = badges.length = warnings.length = 0;
  await helper.load(
    [fakeGallery, withWords(facePresence)],
    [
      { id: "g", type: "face-gallery", name: "" },
      { id, type: "face-presence", name: "", gallery: "g", away: "3", wires: [["visit"], ["state"]], ...fields },
      { id: "visit", type: "helper" },
      { id: "state", type: "helper" },
    ],
  );
  helper.getNode("visit").on("input", (message) => visits.push((message as FaceMessage).visit as Visit));
  helper.getNode("state").on("input", (message) => states.push((message as FaceMessage).presence as Presence));
  const spy = helper.getNode(id) as unknown as {
    on(event: string, listener: (call: { args: [unknown] }) => void): void;
  };
  spy.on("call:status", ({ args: [badge] }) => badges.push(badge as object));
  spy.on("call:warn", ({ args: [text] }) => warnings.push(String(text)));
}

const told = (): string[] => visits.map(({ event, name }) => `${event} ${name}`);
const untilTold = (number: number): Promise<true> =>
  eventually(`event ${number}`, () => (visits.length >= number ? true : undefined));

let sequence = 0;
let payload: Buffer;
/** A frame of a camera, taken so long ago. */
function frame(faces: Face[], camera = "gate", age = 0): FaceMessage {
  sequence += 1;
  return {
    payload,
    faces,
    topic: "kept",
    frame: { source: camera, sequence, capturedAt: Date.now() - age, width: 320, height: 240 },
  };
}

/** Somebody stands there until so much was told. */
async function stand(face: () => Face, number: number, camera = "gate"): Promise<void> {
  for (const deadline = Date.now() + 180_000; visits.length < number && Date.now() < deadline;) {
    send(id, frame([face()], camera));
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
  }
  assert.ok(visits.length >= number, told().join(", "));
}

const alice = (fields: Partial<Face> = {}): Face => decided("alice", { track: 1, ...fields });
const stranger = (fields: Partial<Face> = {}): Face => decided(null, { track: 2, ...fields });

describe("face-presence node", () => {
  before(async () => {
    payload = await sharp({ create: { width: 320, height: 240, channels: 3, background: "#88aa66" } })
      .jpeg()
      .toBuffer();
    await startServer();
  });
  after(() => stopServer());
  afterEach(async () => {
    await helper.unload();
    await Promise.all(galleries.splice(0).map(async (gallery) => (await gallery).close()));
  });
  const anew = (): void => {
    userDir = mkdtempSync(join(tmpdir(), "presence-"));
    // A node remembers who was here when it was closed.
    id = `presence${(nodes += 1)}`;
  };

  it("tells that somebody has arrived, who it is, and that they have left, each once, and sealed", async () => {
    anew();
    await load({ zones: [{ camera: "gate", zone: "outside" }] });
    await stand(alice, 2);
    await untilTold(3);
    assert.deepEqual(told(), ["arrived null", "confirmed Alice", "left Alice"]);
    const [arrived, confirmed, left] = visits as [Visit, Visit, Visit];
    assert.equal(new Set(visits.map(({ visit }) => visit)).size, 1);
    assert.deepEqual(
      [confirmed.person, confirmed.confirmed, confirmed.zone, confirmed.source, confirmed.zones, confirmed.gallery],
      ["alice", true, "outside", "gate", ["outside"], "g"],
    );
    assert.ok(arrived.sequence < confirmed.sequence && confirmed.sequence < left.sequence);
    assert.equal(left.duration, left.lastSeen - left.since);
    assert.ok(left.duration > 0, `${left.duration} ms`);
    assert.ok(left.at - left.lastSeen >= 1000);
    for (const visit of visits) {
      assert.ok(isSealed(visit));
      assert.equal((await sharp(visit.snapshot).metadata()).format, "jpeg");
      assert.equal(messageSchema.safeParse({ payload, visit }).error, undefined);
    }
    const forged = { ...confirmed, zone: "inside" };
    assert.ok(!isSealed(forged));
  });

  it("says nothing of a face of a single frame, nor of one that repeats what another found", async () => {
    anew();
    await load();
    send(id, frame([alice()]));
    for (let age = 100; age <= 900; age += 100) send(id, frame([alice({ carriedAgeMs: age })]));
    const answer = nextMessage("state");
    send(id, { payload: "who" });
    assert.deepEqual((await answer).presence?.here, []);
    assert.deepEqual(told(), []);
  });

  it("keeps what was on the frame's message, and answers who is here with what was on the question", async () => {
    anew();
    await load({ away: "30" });
    const first = nextMessage("visit");
    await stand(alice, 2);
    assert.deepEqual([(await first)["topic"], (await first).payload], ["kept", payload]);
    const answer = new Promise<FaceMessage>((resolve) => {
      helper.getNode("state").on("input", (message) => {
        if ((message as FaceMessage)["topic"] === "asked") resolve(message);
      });
    });
    send(id, { payload: "who", topic: "asked" });
    const { presence } = await answer;
    assert.ok(presence !== undefined && isSealed(presence));
    assert.deepEqual(
      presence.here.map(({ name, confirmed }) => [name, confirmed]),
      [["Alice", true]],
    );
    assert.equal(messageSchema.safeParse({ payload, presence }).error, undefined);
  });

  it("tells who is here when that changes and about once a second, and that nobody is any more", async () => {
    anew();
    await load();
    await stand(alice, 2);
    await untilTold(3);
    await eventually("an empty state", () => (states.at(-1)?.here.length === 0 ? true : undefined));
    assert.ok(states.some(({ here }) => here[0]?.name === "Alice"));
    assert.ok(states.every((state, index) => isSealed(state) && state.sequence > (states[index - 1]?.sequence ?? 0)));
    const texts = badges.map(({ text }) => text);
    assert.ok(texts.includes("face-presence.status.here 1 · Alice"), texts.join(", "));
    await eventually("the badge says so", () =>
      badges.at(-1)?.text === "face-presence.status.nobody" ? true : undefined,
    );
  });

  it("tells strangers as such, and keeps them to who is here where it is told to", async () => {
    anew();
    await load();
    await stand(stranger, 2);
    assert.deepEqual(told(), ["arrived null", "confirmed null"]);
    await helper.unload();
    await Promise.all(galleries.splice(0).map(async (gallery) => (await gallery).close()));
    await load({ unknown: false });
    for (let index = 0; index < 40 && !states.some(({ here }) => here[0]?.confirmed === true); index += 1) {
      send(id, frame([stranger()]));
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    assert.ok(states.some(({ here }) => here[0]?.confirmed === true && here[0].person === null));
    assert.deepEqual(told(), []);
  });

  it("leaves out late frames, and says so once", async () => {
    anew();
    await load({ maxAge: "5000" });
    for (let index = 0; index < 6; index += 1) send(id, frame([alice()], "gate", 60_000 - index * 500));
    await eventually("a warning", () => (warnings.length > 0 ? true : undefined));
    assert.deepEqual(warnings, ["face-presence.warn.stale gate"]);
    assert.deepEqual(told(), []);
    await eventually("a badge", () =>
      badges.some(({ text }) => text === "face-presence.status.stale") ? true : undefined,
    );
  });

  it("goes on where it was after a redeploy, and nobody arrives twice", async () => {
    anew();
    await load({ away: "20" });
    await stand(alice, 2);
    const [{ visit }] = visits as [Visit];
    await helper.unload();
    await load({ away: "20" });
    await eventually("the state of before", () => (states[0]?.here[0]?.name === "Alice" ? true : undefined));
    for (let index = 0; index < 10; index += 1) {
      send(id, frame([alice({ track: 77 })]));
      await new Promise((resolve) => {
        setTimeout(resolve, 60);
      });
    }
    assert.deepEqual(told(), []);
    assert.deepEqual(
      states.at(-1)?.here.map((present) => present.visit),
      [visit],
    );
  });

  it("has a sentence for what it cannot read", async () => {
    anew();
    await load();
    for (const [message, sentence] of [
      [{ payload: "what" }, /msg\.faces/],
      [{ faces: [{ ...alice(), identity: undefined }] }, /face-match/],
    ] as [FaceMessage, RegExp][]) {
      const error = nextError(id);
      send(id, message);
      assert.match(await error, sentence);
    }
  });

  it("refuses settings that cannot be, with the field's name", async () => {
    anew();
    await load({ away: "0" });
    const error = nextError(id);
    send(id, frame([]));
    assert.match(await error, /away/);
  });
});
