import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Box, Face, Identity, Picture } from "../../../lib/message";
import { Journal } from "../../../lib/observe/journal";
import { Observer } from "../../../lib/observe/observer";

const HEAD: Box = { x: 259, y: 155, width: 167, height: 167 };
/** As the cascade found it over the hair of the same head. */
const HAIR: Box = { x: 268, y: 30, width: 247, height: 247 };
/** Behind their shoulder. */
const BEHIND: Box = { x: 480, y: 60, width: 90, height: 90 };
const NOW = 1_700_000_000_000;

const decided = (box: Box, identity: Partial<Identity>, track?: number): Face => ({
  box,
  score: 1,
  track,
  identity: {
    outcome: "unknown",
    name: null,
    person: null,
    groups: [],
    distance: 1,
    threshold: 0.9,
    margin: null,
    candidates: [],
    reason: "above_threshold",
    ...identity,
  },
});
const tess = (box: Box, track?: number): Face =>
  decided(box, { outcome: "match", name: "Tess", person: "t", reason: "below_threshold" }, track);
const stranger = (box: Box, track?: number): Face => decided(box, {}, track);

function observing(): {
  strangers: Box[];
  see: (faces: readonly Face[], at: number, source?: string, tick?: number) => void;
} {
  const strangers: Box[] = [];
  const observer = new Observer(
    { saw: () => undefined, sawUnknown: async ({ box }) => void strangers.push(box) },
    new Journal(),
    assert.ifError,
  );
  const pictureOf = (source: string, at: number): Picture => ({
    bytes: Buffer.alloc(0),
    frame: { source, sequence: at - NOW, capturedAt: at, width: 640, height: 480 },
  });
  return {
    strangers,
    see: (faces, at, source, tick = at) =>
      observer.observe(
        { faces, picture: source === undefined ? undefined : pictureOf(source, at), timing: {} },
        at,
        tick,
      ),
  };
}

describe("strangers whom face-match keeps for review", () => {
  it("are not where somebody known is, in a photo as in a frame", () => {
    for (const source of [undefined, "door"]) {
      const { strangers, see } = observing();
      see([tess(HEAD), stranger(HAIR), stranger(BEHIND)], NOW, source);
      assert.deepEqual(strangers, [BEHIND]);
    }
  });

  it("are not where somebody known was a moment ago, at that camera", () => {
    const { strangers, see } = observing();
    see([tess(HEAD)], NOW, "door");
    see([stranger(HAIR)], NOW + 400, "door");
    assert.deepEqual(strangers, []);
    see([stranger(HAIR)], NOW + 400, "yard");
    see([stranger(HEAD)], NOW + 1500, "door");
    assert.deepEqual(strangers, [HAIR, HEAD], "another camera, and whoever took the place");
  });

  it("are no face of a track that had a name, wherever it went, for a while", () => {
    const { strangers, see } = observing();
    see([tess(HEAD, 7)], NOW, "door");
    see([stranger(BEHIND, 7)], NOW + 2000, "door");
    assert.deepEqual(strangers, []);
    see([stranger(BEHIND, 8)], NOW + 2000, "door");
    see([stranger(BEHIND, 7)], NOW + 8000, "door");
    assert.deepEqual(strangers, [BEHIND, BEHIND]);
  });

  it("are no face of a track that had a name, however many others are there thirty times a second", () => {
    const { strangers, see } = observing();
    const others = [1, 2, 3].map((track) => tess({ x: 200 * track, y: 300, width: 50, height: 50 }, track));
    see([tess(HEAD, 7), ...others], NOW, "door");
    for (let frame = 1; frame <= 120; frame += 1) see([stranger(HEAD, 7), ...others], NOW + frame * 33, "door");
    assert.deepEqual(strangers, []);
  });

  it("are kept where somebody known was a while ago, though the clock was put back since", () => {
    const { strangers, see } = observing();
    see([tess(HEAD, 7)], NOW, "door", 0);
    see([stranger(HEAD, 7)], NOW - 3_600_000, "door", 500);
    assert.deepEqual(strangers, []);
    see([stranger(HEAD, 7)], NOW - 3_590_000, "door", 10_000);
    assert.deepEqual(strangers, [HEAD]);
  });

  it("nothing is known of one photo in the next", () => {
    const { strangers, see } = observing();
    see([tess(HEAD)], NOW);
    see([stranger(HEAD)], NOW + 100);
    assert.deepEqual(strangers, [HEAD]);
  });
});
