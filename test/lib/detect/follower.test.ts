import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { overlap } from "../../../lib/detect/boxes";
import { FaceDetector } from "../../../lib/detect/face-detector";
import { haar } from "../../../lib/detect/haar/haar";
import { FaceFollower } from "../../../lib/detect/follower";
import { haarOptionsSchema } from "../../../lib/detect/haar/options";
import { trackingOptionsSchema } from "../../../lib/detect/tracker";
import type { Face } from "../../../lib/message";
import { portrait } from "../../support/photos";
import { scene } from "../../support/scene";

describe("FaceFollower", () => {
  let detector: FaceDetector;
  let follower: FaceFollower;
  before(() => {
    detector = new FaceDetector(haar, haarOptionsSchema.parse({ minSize: 80 }));
  });
  after(() => detector.close());

  const follow = (fullEvery = 8): FaceFollower =>
    new FaceFollower(detector, trackingOptionsSchema.parse({ fullEvery }));
  const named = ({ faces }: { faces: Face[] }): string[] => faces.map(({ track, look }) => `${track}/${look}`);

  it("finds near a face what a search of the whole frame finds", async () => {
    follower = follow(1000);
    for (let sequence = 0; sequence < 12; sequence += 1) {
      const picture = await scene(sequence, [
        { who: "green", x: 100 + 9 * sequence, y: 60 + 3 * sequence, side: 300 },
      ]);
      const { faces } = await follower.detect(picture);
      const [expected] = (await detector.detect(picture)).faces;
      assert.equal(faces.length, 1);
      assert.ok(
        overlap(faces[0]!.box, expected!.box) > 0.8,
        `frame ${sequence}: ${JSON.stringify([faces[0]?.box, expected?.box])}`,
      );
    }
  });

  it("names a walking face by one number and look, under the jitter of real boxes", async () => {
    follower = follow();
    const names = new Set<string>();
    for (let sequence = 0; sequence < 12; sequence += 1)
      for (const name of named(
        await follower.detect(
          await scene(sequence, [{ who: "stripes", x: 60 + 11 * sequence, y: 90, side: 280 + sequence }]),
        ),
      ))
        names.add(name);
    assert.equal(names.size, 1);
  });

  it("notices at once that another person stands at the same place", async () => {
    follower = follow();
    const [anna] = (await follower.detect(await scene(0, [{ who: "green", x: 150, y: 90, side: 300 }]))).faces;
    const [bea] = (await follower.detect(await scene(1, [{ who: "emerald", x: 150, y: 90, side: 300 }]))).faces;
    assert.notDeepEqual([bea?.track, bea?.look], [anna?.track, anna?.look]);
  });

  it(
    "finds a face that jumped to the other side in the same frame, and one that came in addition within the " +
      "interval",
    async () => {
      follower = follow(3);
      for (let sequence = 0; sequence < 5; sequence += 1)
        await follower.detect(await scene(sequence, [{ who: "green", x: 10, y: 90, side: 280 }]));
      assert.equal(
        (await follower.detect(await scene(5, [{ who: "green", x: 350, y: 90, side: 280 }]))).faces.length,
        1,
      );
      const counts: number[] = [];
      for (let sequence = 6; sequence < 10; sequence += 1)
        counts.push(
          (
            await follower.detect(
              await scene(sequence, [
                { who: "green", x: 350, y: 90, side: 280 },
                { who: "front", x: 20, y: 100, side: 280 },
              ]),
            )
          ).faces.length,
        );
      assert.deepEqual(counts.slice(2), [2, 2]);
    },
  );

  it("follows two cameras of one name each by itself", async () => {
    follower = follow();
    // The surest: what else a cascade takes for a face in a whole frame does not matter here.
    const seen = async (camera: string, sequence: number, who: "green" | "emerald"): Promise<string | undefined> => {
      const picture = await scene(sequence, [{ who, x: 150, y: 90, side: 300 }], "door");
      return named(await follower.detect({ ...picture, frame: { ...picture.frame!, camera } }))[0];
    };
    const [front, back] = [await seen("a", 0, "green"), await seen("b", 0, "emerald")];
    assert.notEqual(front, back);
    for (let sequence = 1; sequence < 4; sequence += 1)
      assert.deepEqual([await seen("a", sequence, "green"), await seen("b", sequence, "emerald")], [front, back]);
  });

  it("follows each camera by itself", async () => {
    follower = follow();
    const [door] = (await follower.detect(await scene(0, [{ who: "green", x: 150, y: 90, side: 300 }], "door"))).faces;
    const [yard] = (await follower.detect(await scene(5, [{ who: "green", x: 150, y: 90, side: 300 }], "yard"))).faces;
    const [again] = (await follower.detect(await scene(1, [{ who: "green", x: 152, y: 90, side: 300 }], "door")))
      .faces;
    assert.deepEqual([yard?.track === door?.track, again?.track], [false, door?.track]);
  });

  it("gives a photo's faces no number", async () => {
    const { faces } = await follow().detect({ bytes: await portrait("green"), frame: undefined });
    assert.deepEqual(Object.keys(faces[0] ?? {}), ["box", "score"]);
  });
});
