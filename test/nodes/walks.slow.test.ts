/** Real photos past three cameras: haar-detect, facenet-embed, face-match and face-presence, in a real Node-RED. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { after, afterEach, before, describe, it } from "node:test";
import sharp from "sharp";
import type { Gallery } from "../../lib/gallery/gallery";
import type { FaceMessage } from "../../lib/message";
import type { Visit } from "../../lib/visit";
import faceGallery from "../../nodes/face-gallery/face-gallery";
import faceMatch from "../../nodes/face-match/face-match";
import facePresence from "../../nodes/face-presence/face-presence";
import facenetEmbed from "../../nodes/facenet-embed/facenet-embed";
import haarDetect from "../../nodes/haar-detect/haar-detect";
import { helper, send, startServer, stopServer } from "../support/flow";
import { keepLoaded } from "../support/keep-loaded";
import { eventually } from "../support/node-red";
import { knownPeople, type PORTRAITS } from "../support/photos";
import { scene, type Someone } from "../support/scene";

type Who = keyof typeof PORTRAITS;

const MODEL = "mobilefacenet-192";
const FRAMES = 7;
const sequences = new Map<string, number>();
const visits: Visit[] = [];

async function load(people: Record<string, Who>): Promise<void> {
  const folder = await knownPeople(people);
  helper.settings({ userDir: mkdtempSync(join(tmpdir(), "user-")) });
  await helper.load(
    [haarDetect, facenetEmbed, faceMatch, facePresence, faceGallery],
    [
      { id: "g", type: "face-gallery", name: "family", folder, model: MODEL },
      { id: "d", type: "haar-detect", name: "", minSize: 80, wires: [["e"]] },
      { id: "e", type: "facenet-embed", name: "", model: MODEL, reembedAfter: "100", wires: [["m"]] },
      {
        id: "m",
        type: "face-match",
        name: "",
        gallery: "g",
        mode: "identify",
        distance: "cohort",
        wanted: "0.01",
        tracks: true,
        version: 2,
        wires: [["p"], ["p"], ["p"], [], []],
      },
      { id: "p", type: "face-presence", gallery: "g", away: "30", maxAge: "0", wires: [["out"], []] },
      { id: "out", type: "helper" },
    ],
  );
  visits.length = 0;
  helper.getNode("out").on("input", (message) => visits.push((message as FaceMessage).visit as Visit));
  const { gallery } = helper.getNode("g") as unknown as { gallery: Promise<Gallery> };
  await (await gallery).ready();
}

/** Some people stand before a camera for so many frames, a little nearer in each. */
async function pass(camera: string, people: readonly Who[]): Promise<void> {
  for (let index = 0; index < FRAMES; index += 1) {
    const cast: Someone[] = people.map((who, place) => ({
      who,
      x: 20 + 300 * place + 4 * index,
      y: 80,
      side: 260 + 4 * index,
    }));
    const { bytes, frame } = await scene(index, cast);
    const sequence = (sequences.get(camera) ?? 0) + 1;
    sequences.set(camera, sequence);
    const message = {
      payload: bytes,
      frame: { ...frame, source: camera, sequence, capturedAt: Date.now() },
    } as FaceMessage;
    send("d", message);
    // Each frame is decided before the next is taken; a moment lies between them.
    await eventually("a decision", () => (message.timing?.match === undefined ? undefined : true));
    await setTimeout(120);
  }
}

const told = (): string[] => visits.map(({ event, name, zone }) => `${event} ${name} ${zone}`);

describe("real photos past three cameras", () => {
  keepLoaded(MODEL);
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  it(
    "are one visit of each person, known or not, with their own names and pictures",
    { timeout: 300_000 },
    async () => {
      await load({ Alice: "green", Bea: "emerald" });
      await pass("gate", ["green"]);
      await pass("hall", ["green", "front"]);
      await pass("office", ["front", "green"]);
      await pass("office", ["emerald"]);
      await eventually("everybody has left", () =>
        visits.filter(({ event }) => event === "left").length >= 3 ? true : undefined,
      );
      const byVisit = new Map<string, Visit[]>();
      for (const each of visits) byVisit.set(each.visit, [...(byVisit.get(each.visit) ?? []), each]);
      const walks = [...byVisit.values()].map((events) => ({
        name: events.at(-1)?.name,
        zones: events.at(-1)?.zones,
        events: events.map(({ event }) => event).filter((event) => event !== "changed"),
      }));
      assert.deepEqual(
        walks.toSorted((a, b) => String(a.name).localeCompare(String(b.name))),
        [
          { name: "Alice", zones: ["gate", "hall", "office"], events: ["arrived", "confirmed", "left"] },
          { name: "Bea", zones: ["office"], events: ["arrived", "confirmed", "left"] },
          { name: null, zones: ["hall", "office"], events: ["arrived", "confirmed", "left"] },
        ],
        told().join(", "),
      );
      for (const { snapshot } of visits) assert.equal((await sharp(snapshot).metadata()).format, "jpeg");
    },
  );
});
