/** Who is named in videos: real frames through H.264, haar-detect, facenet-embed and face-match. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { Roster } from "../../lib/search/roster";
import type { FaceMessage, Identity } from "../../lib/message";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceMatch from "../../nodes/face-match/face-match";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import haarDetect from "../../nodes/haar-detect/haar-detect";
import { helper, send, startServer, stopServer } from "../support/flow";
import { keepLoaded } from "../support/keep-loaded";
import { knownPeople, type PORTRAITS } from "../support/photos";
import { scene, type Someone } from "../support/scene";
import { throughH264 } from "../support/video";

type Who = keyof typeof PORTRAITS;

const SIZE = { width: 640, height: 480 };
const OUTPUTS = ["match", "unknown", "noface"];

/** Takes what face-match says of a frame; a frame with people and strangers comes out twice. */
let arrived: (message: FaceMessage) => void = () => undefined;

async function load(people: Record<string, Who>, fields: object, model = "mobilefacenet-192"): Promise<void> {
  const folder = await knownPeople(people);
  helper.settings({ userDir: mkdtempSync(join(tmpdir(), "user-")) });
  await helper.load(
    [haarDetect, facenetEmbed, faceMatch, faceGallery],
    [
      { id: "g", type: "face-gallery", name: "family", folder, model },
      { id: "d", type: "haar-detect", name: "", minSize: 80, wires: [["e"]] },
      { id: "e", type: "facenet-embed", name: "", model, wires: [["m"]] },
      {
        id: "m",
        type: "face-match",
        name: "",
        gallery: "g",
        mode: "identify",
        distance: "cohort",
        wires: [...OUTPUTS.map((id) => [id]), [], []],
        ...fields,
      },
      ...OUTPUTS.map((id) => ({ id, type: "helper" })),
    ],
  );
  const { gallery } = helper.getNode("g") as unknown as {
    gallery: Promise<{ ready(): Promise<void>; roster: Roster }>;
  };
  const { roster } = await gallery.then(async (opened) => opened.ready().then(() => opened));
  // Whoever was read first is compared with those who came after them, too.
  await roster.refreshed();
  for (const id of OUTPUTS)
    helper.getNode(id).on("input", (message) => {
      arrived(message);
    });
}

/** What was said of a face, and where its middle is. */
interface Told extends Identity {
  x: number;
}

/** Show a video frame by frame, each once the one before is decided. @returns the faces of each frame */
async function watch(
  people: readonly (readonly Someone[])[],
  spoil: (jpeg: Buffer, sequence: number) => Promise<Buffer> | Buffer = (jpeg) => jpeg,
): Promise<Told[][]> {
  const pictures = await Promise.all(people.map((each, sequence) => scene(sequence, each)));
  const frames = await throughH264(
    await Promise.all(pictures.map(async ({ bytes }, sequence) => spoil(bytes, sequence))),
    SIZE,
  );
  const told: Told[][] = [];
  for (const [sequence, payload] of frames.entries()) {
    const answer = new Promise<FaceMessage>((resolve) => {
      arrived = resolve;
    });
    send("d", { payload, frame: { ...pictures[sequence]?.frame, encoding: "rgb" } } as FaceMessage);
    const { faces = [] } = await answer;
    told.push(
      faces.flatMap(({ box, identity }) =>
        identity === undefined || identity.outcome === "noface" ? [] : [{ ...identity, x: box.x + box.width / 2 }],
      ),
    );
  }
  return told;
}

const standing = (who: Who, frames: number): Someone[][] =>
  Array.from({ length: frames }, () => [{ who, x: 150, y: 80, side: 300 }]);
const names = (told: readonly Told[][]): (string | null)[] => told.map(([face]) => face?.name ?? null);

describe("who is named in a video", () => {
  keepLoaded("mobilefacenet-192");
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("is a person from their first frame on, surer and surer", async () => {
    await load({ Alice: "green", Bea: "emerald" }, { tracks: true });
    const told = await watch(
      Array.from({ length: 15 }, (_, sequence) => [
        { who: "green", x: 60 + 6 * sequence, y: 80, side: 240 + 8 * sequence },
      ]),
    );
    assert.deepEqual(new Set(names(told)), new Set(["Alice"]));
    const [first, last] = [told[0]?.[0], told.at(-1)?.[0]];
    assert.ok(
      first?.frames === 1 && (last?.frames ?? 0) >= 3 && (last?.sure ?? 0) > 0.99,
      `${JSON.stringify(first)} ${JSON.stringify(last)}`,
    );
  });

  for (const who of ["front", "blonde"] as const) {
    it(`is never a stranger: ${who}`, async () => {
      await load({ Alice: "green", Bea: "emerald", Cleo: "stripes" }, { tracks: true });
      assert.deepEqual(new Set(names(await watch(standing(who, 12)))), new Set([null]));
    });
  }

  for (const [first, second] of [
    ["green", "emerald"],
    ["emerald", "stripes"],
    ["front", "blonde"],
    ["blonde", "green"],
  ] as const) {
    it(`is never ${first}, who stood there a thirtieth of a second ago, when ${second} does`, async () => {
      await load({ [first]: first, [second]: second }, { tracks: true });
      const told = names(await watch([...standing(first, 6), ...standing(second, 6)]));
      assert.deepEqual(told, [...Array<string>(6).fill(first), ...Array<string>(6).fill(second)]);
    });
    it(`is nobody when ${second}, whom nobody knows, stands where ${first} stood`, async () => {
      await load({ [first]: first }, { tracks: true });
      assert.deepEqual(names(await watch([...standing(first, 6), ...standing(second, 6)])), [
        ...Array<string>(6).fill(first),
        ...Array<null>(6).fill(null),
      ]);
    });
  }

  it("stays who it is when two people walk past each other", async () => {
    await load({ green: "green", emerald: "emerald" }, { tracks: true });
    const at = (sequence: number): [number, number] => [20 + 12 * sequence, 380 - 12 * sequence];
    const told = await watch(
      Array.from({ length: 30 }, (_, sequence) => [
        { who: "emerald", x: at(sequence)[1], y: 110, side: 240 },
        { who: "green", x: at(sequence)[0], y: 100, side: 240 },
      ]),
    );
    for (const [sequence, faces] of told.entries()) {
      const [left, right] = at(sequence);
      for (const { x, name } of faces) {
        const [front, behind] = [Math.abs(x - left - 120), Math.abs(x - right - 120)];
        const expected = front < behind ? "green" : "emerald";
        if (Math.abs(left - right) > 200) assert.equal(name, expected, `frame ${sequence}`);
        else if (Math.abs(front - behind) > 40)
          assert.ok(name === null || name === expected, `frame ${sequence}: ${name}`);
      }
    }
  });

  it(
    "is still who it was in a frame in which a finger is before the nose, and nobody in it where each frame is " +
      "decided alone",
    async () => {
      const finger = await sharp({ create: { width: 50, height: 70, channels: 3, background: "#445566" } })
        .jpeg()
        .toBuffer();
      const seen: unknown[] = [];
      for (const tracks of [true, false]) {
        await load({ Alice: "green", Bea: "emerald" }, { tracks, threshold: "0.24" }, "dlib-resnet-v1");
        const told = await watch(standing("green", 12), (jpeg, sequence) =>
          sequence === 8
            ? sharp(jpeg)
                .composite([{ input: finger, left: 271, top: 200 }])
                .jpeg()
                .toBuffer()
            : jpeg,
        );
        seen.push(
          told.map(([face]) => (face?.reason === "track" ? `${face.name} by the track` : (face?.name ?? null))),
        );
        await helper.unload();
      }
      const [earlier, later] = [Array<string>(8).fill("Alice"), Array<string>(3).fill("Alice")];
      assert.deepEqual(seen, [
        [...earlier, "Alice by the track", ...later],
        [...earlier, null, ...later],
      ]);
    },
  );

  it("is ambiguous when one face is enrolled under two names, in every frame", async () => {
    await load({ Alice: "green", Twin: "green", Bea: "emerald" }, { tracks: true, margin: 0 });
    const told = await watch(standing("green", 12));
    assert.deepEqual(new Set(told.map(([face]) => `${face?.outcome} ${face?.reason}`)), new Set(["ambiguous margin"]));
  });
});
