import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { blazeface } from "../../../lib/detect/blazeface/blazeface";
import { blazefaceOptionsSchema } from "../../../lib/detect/blazeface/options";
import { overlap } from "../../../lib/detect/boxes";
import { type Detected, FaceDetector, type FaceFinder } from "../../../lib/detect/face-detector";
import { FaceFollower } from "../../../lib/detect/follower";
import { GatedFinder } from "../../../lib/detect/gated-finder";
import { haar } from "../../../lib/detect/haar/haar";
import { haarOptionsSchema } from "../../../lib/detect/haar/options";
import { PRESETS } from "../../../lib/detect/haar/presets";
import { trackingOptionsSchema } from "../../../lib/detect/tracker";
import type { Box, Picture } from "../../../lib/message";
import {
  clock,
  cutting,
  film,
  FPS,
  grain,
  type Happening,
  light,
  rain,
  somebody,
  turning,
} from "../../support/moving-scene";
import { throughFfmpeg } from "../../support/through-ffmpeg";

type Found = Pick<Detected, "faces" | "searched">[];

async function watch(finder: FaceFinder, frames: readonly Picture[]): Promise<Found> {
  const found: Found = [];
  for (const picture of frames) found.push(await finder.detect(picture));
  return found;
}

const followed = (detector: FaceDetector): FaceFollower => new FaceFollower(detector, trackingOptionsSchema.parse({}));

/** Who has the same face in the same place, in a frame up to 300 ms later. */
const LATE = 0.3 * FPS;
const SAME_PLACE = 0.3;

/**
 * Faces found without the gate and not with it. A box in one frame alone is most likely none: a cascade's false boxes
 * come and go.
 */
function lost(without: Found, gated: Found): { frame: number; box: Box }[] {
  const near = (found: Found, box: Box, from: number, to: number): boolean =>
    found
      .slice(Math.max(0, from), to + 1)
      .some(({ faces }) => faces.some((face) => overlap(face.box, box) > SAME_PLACE));
  return without.flatMap(({ faces }, frame) =>
    faces
      .filter(({ box }) => near(without, box, frame - 3, frame - 1) && near(without, box, frame + 1, frame + 3))
      .filter(({ box }) => !near(gated, box, frame, frame + LATE))
      .map(({ box }) => ({ frame, box })),
  );
}

describe("GatedFinder", () => {
  const detectors: [string, FaceDetector][] = [];
  let films: [string, Picture[]][];
  before(async () => {
    detectors.push(
      ["the cascade", new FaceDetector(haar, haarOptionsSchema.parse({ ...PRESETS.tracking, minSize: 36 }))],
      ["BlazeFace", new FaceDetector(blazeface, blazefaceOptionsSchema.parse({ engine: "wasm" }))],
    );
    const [green, stripes, small] = [
      await cutting("green", 170),
      await cutting("stripes", 140),
      await cutting("emerald", 110),
    ];
    const kinds: [string, Happening[]][] = [
      [
        "somebody walks in, stands still, and leaves",
        [somebody(green, (s) => [s < 6 ? 640 - (s - 3) * 150 : s < 8 ? 190 : 190 - (s - 8) * 150, 120], 3)],
      ],
      [
        "two come one after the other, before lamps that flicker",
        [
          somebody(green, (s) => [640 - (s - 3) * 140, 60], 3),
          somebody(stripes, (s) => [(s - 6) * 120 - 140, 240], 6),
          light((s) => 1 + 0.06 * Math.sin(17 * s)),
        ],
      ],
      ["a small face appears in the corner, in rain", [rain(100), somebody(small, () => [528, 368], 4, 8)]],
      [
        "somebody is there when the light goes on",
        [somebody(green, () => [300, 150]), light((s) => (s < 4 ? 0.04 : 1))],
      ],
      ["somebody stands before a camera that turns to and fro", [turning(45), somebody(green, () => [200, 100], 4)]],
      ["somebody stands before a clock", [clock(), somebody(stripes, () => [500, 330], 4, 8)]],
    ];
    films = await Promise.all(
      kinds.map(async ([what, happenings]): Promise<[string, Picture[]]> => [
        what,
        await film(10, [...happenings, grain(3)]),
      ]),
    );
  });
  after(() => Promise.all(detectors.map(([, detector]) => detector.close())));

  const assertNobodyLost = async ([name, detector]: [string, FaceDetector], kinds: typeof films): Promise<void> => {
    for (const [what, frames] of kinds) {
      const without = await watch(followed(detector), frames);
      const gated = await watch(new GatedFinder(followed(detector), undefined), frames);
      assert.ok(
        without.some(({ faces }) => faces.length > 0),
        `${name}, ${what}: there is a face`,
      );
      assert.deepEqual(lost(without, gated), [], `${name}: ${what}`);
    }
  };

  it("finds within 300 ms whatever the cascade finds without it", async () => {
    await assertNobodyLost(detectors[0]!, films);
  });

  const skip = process.platform === "win32" ? "ffmpeg makes none there" : false;
  it(
    "finds it, too, by the small grey pictures that ffmpeg makes, and opens no frame to see it",
    { skip },
    async () => {
      const seen = await Promise.all(
        // Somebody who walks, lamps that flicker, a camera that turns: what small grey pictures could show otherwise.
        [0, 1, 4]
          .map((at) => films[at]!)
          .map(async ([what, frames]): Promise<(typeof films)[0]> => [what, await throughFfmpeg(frames)]),
      );
      await assertNobodyLost(detectors[0]!, seen);
      // Whoever opens one of these fails.
      const [, frames] = seen[0]!;
      for (const { bytes } of frames) bytes.fill(0, 1000, bytes.length - 2);
      const finder: FaceFinder = {
        detect: () =>
          Promise.resolve({ faces: [], width: 640, height: 480, whole: true, timing: { decode: 0, detect: 0 } }),
      };
      const found = await watch(new GatedFinder(finder, undefined), frames.slice(0, 30));
      assert.ok(found.some(({ searched }) => searched === false));
    },
  );

  it("finds within 300 ms whatever BlazeFace finds without it", async () => {
    await assertNobodyLost(detectors[1]!, films.slice(1, 3));
  });

  it("leaves out most frames of an empty room, tells so, and none in which somebody stands still", async () => {
    const [, cascade] = detectors[0]!;
    const frames = await film(12, [somebody(await cutting("green", 170), () => [200, 150], 6), grain(3)]);
    const found = await watch(new GatedFinder(followed(cascade), undefined), frames);
    const empty = found.slice(0, 60);
    const left = empty.filter(({ searched }) => searched === false).length;
    assert.ok(left >= 34, `${left} of 60`);
    assert.ok(empty.every(({ faces }) => faces.length === 0));
    const there = found.slice(63);
    assert.deepEqual(
      there.map(({ faces, searched }) => [faces.length, searched, faces[0]?.track]),
      there.map(() => [1, undefined, there[0]?.faces[0]?.track]),
    );
  });

  it("finds somebody who stands still in every frame where faces are not followed, too", async () => {
    const [, cascade] = detectors[0]!;
    const frames = await film(8, [somebody(await cutting("green", 170), () => [200, 150], 4), grain(3)]);
    const found = await watch(new GatedFinder(cascade, undefined), frames);
    assert.ok(found.slice(43).every(({ faces }) => faces.length === 1));
    assert.ok(found.slice(0, 40).filter(({ searched }) => searched === false).length >= 15);
  });

  describe("asks the detector for every picture", () => {
    /** Finds nothing, and counts. */
    const counting = (): { finder: FaceFinder; asked: () => number } => {
      let asked = 0;
      const finder: FaceFinder = {
        detect: () => {
          asked += 1;
          return Promise.resolve({
            faces: [],
            width: 640,
            height: 480,
            whole: true,
            timing: { decode: 0, detect: 0 },
          });
        },
      };
      return { finder, asked: () => asked };
    };
    let frames: Picture[];
    before(async () => {
      frames = await film(3, []);
    });
    const asks = async (change: (picture: Picture, index: number) => Picture, region?: Box): Promise<number> => {
      const { finder, asked } = counting();
      const gated = new GatedFinder(finder, undefined);
      for (const [index, picture] of frames.entries())
        await gated.detect(change(picture, index), region && index % 2 === 0 ? region : undefined);
      return asked();
    };

    it("that is no frame, or a frame that is not live", async () => {
      assert.ok((await asks((picture) => picture)) < 25, "of a live camera it does not");
      assert.equal(await asks(({ bytes }) => ({ bytes, frame: undefined })), 30);
      assert.equal(await asks(({ bytes, frame }) => ({ bytes, frame: { ...frame!, live: false } })), 30);
    });

    it("whose region is another than that of the one before", async () => {
      assert.equal(await asks((picture) => picture, { x: 0, y: 0, width: 99, height: 99 }), 30);
    });

    it("that nobody can read, so that it is told", async () => {
      assert.ok(
        (await asks((picture, index) =>
          index % 2 === 0 ? picture : { ...picture, bytes: Buffer.from("no picture") },
        )) >= 15,
      );
    });

    it("of each camera's first frame", async () => {
      assert.equal(
        await asks(({ bytes, frame }, index) => ({ bytes, frame: { ...frame!, camera: `c${index}` } })),
        30,
      );
    });
  });

  it("does not search for what moves outside of its region", async () => {
    let asked = 0;
    const finder: FaceFinder = {
      detect: () => {
        asked += 1;
        return Promise.resolve({ faces: [], width: 640, height: 480, whole: true, timing: { decode: 0, detect: 0 } });
      },
    };
    const frames = await film(6, [
      somebody(await cutting("green", 100), (s) => [20 + 40 * Math.sin(5 * s), 20], 2),
      grain(3),
    ]);
    await watch(new GatedFinder(finder, { x: 400, y: 260, width: 240, height: 220 }), frames);
    const there = asked;
    asked = 0;
    await watch(new GatedFinder(finder, { x: 0, y: 0, width: 300, height: 220 }), frames);
    assert.ok(there <= 24 && asked >= 55, `${there}, ${asked}`);
  });
});
