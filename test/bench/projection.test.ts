import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { learnProjection, lossOf, type Mining, project } from "../../bench/projection";
import { seeded } from "../../bench/statistics";
import { euclideanDistance, toUnitLength, tripletLoss } from "../../lib/embed/distance";

const DIMENSIONS = 12;
const MININGS: readonly Mining[] = ["semi-hard", "hard"];

/** People who differ in the first half of the numbers; the second half is noise that is as large. */
function crowd(seed: number, people: number, photos: number): Float32Array[][] {
  const random = seeded(seed);
  const noise = (size: number): number[] => Array.from({ length: size }, () => random() - 0.5);
  return Array.from({ length: people }, () => {
    const own = noise(DIMENSIONS / 2);
    const photo = (): number[] => [...own.map((value) => value + (random() - 0.5) / 5), ...noise(DIMENSIONS / 2)];
    return Array.from({ length: photos }, () => toUnitLength(Float32Array.from(photo())));
  });
}

const identity = (): Float32Array =>
  Float32Array.from({ length: DIMENSIONS ** 2 }, (_, index) => Number(index % (DIMENSIONS + 1) === 0));

/** Share of faces whose nearest other face is of the same person. */
function rankOne(people: readonly (readonly Float32Array[])[]): number {
  const all = people.flatMap((photos, owner) => photos.map((vector) => ({ owner, vector })));
  const right = all.filter((probe) => {
    const others = all.filter((other) => other !== probe);
    const nearest = others.reduce((best, other) =>
      euclideanDistance(probe.vector, other.vector) < euclideanDistance(probe.vector, best.vector) ? other : best,
    );
    return nearest.owner === probe.owner;
  });
  return right.length / all.length;
}

describe("a projection learned with the triplet loss", () => {
  for (const mining of MININGS) {
    it(`knows other people better than before where noise can be told from faces (${mining})`, () => {
      const projection = learnProjection(crowd(1, 20, 4), { mining, margin: 0.2, hold: 0.01 });
      const others = crowd(2, 20, 4);
      const mapped = others.map((own) => own.map((photo) => project(projection, photo)));
      const [before, after] = [rankOne(others), rankOne(mapped)];
      const { loss } = projection;
      assert.ok(loss.after < loss.before, `loss ${loss.before} → ${loss.after}`);
      assert.ok(after > before + 0.1, `rank-1 ${before} → ${after}`);
    });

    it(`has the gradient that differences of the loss have (${mining})`, () => {
      const people = crowd(3, 6, 3);
      const [inputs, owners] = [people.flat(), people.flatMap((own, owner) => own.map(() => owner))];
      const random = seeded(4);
      const weights = identity().map((value) => value + (random() - 0.5) / 10);
      const direction = weights.map(() => random() - 0.5);
      const loss = (step: number): number => {
        const moved = weights.map((value, index) => value + step * (direction[index] as number));
        return lossOf(moved, inputs, owners, { mining, margin: 0.2 }).loss;
      };
      const { gradient } = lossOf(weights, inputs, owners, { mining, margin: 0.2 });
      const expected = gradient.reduce((sum, value, index) => sum + value * (direction[index] as number), 0);
      const measured = (loss(0.0005) - loss(-0.0005)) / 0.001;
      assert.ok(Math.abs(measured - expected) < 0.02 * Math.abs(expected), `${measured} is not ${expected}`);
    });
  }

  it("takes the loss of FaceNet, each anchor and positive with the hardest of the others", () => {
    const people = crowd(5, 2, 2);
    const [[a, b], [c, d]] = people as [[Float32Array, Float32Array], [Float32Array, Float32Array]];
    const hardest = (anchor: Float32Array, positive: Float32Array, others: Float32Array[]): number =>
      Math.max(...others.map((other) => tripletLoss(anchor, positive, other, 0.4)));
    const one = hardest(a, b, [c, d]) + hardest(b, a, [c, d]);
    const expected = (one + hardest(c, d, [a, b]) + hardest(d, c, [a, b])) / 4;
    const { loss } = lossOf(identity(), people.flat(), [0, 0, 1, 1], { mining: "hard", margin: 0.4 });
    assert.ok(expected > 0 && Math.abs(loss - expected) < 1e-5, `${loss} is not ${expected}`);
  });

  it("stays the identity where it is held fast, and gives embeddings of length 1", () => {
    const people = crowd(6, 8, 3);
    const projection = learnProjection(people, { mining: "hard", margin: 0.2, hold: 10_000 });
    for (const photo of people.flat()) {
      const mapped = project(
        projection,
        photo.map((value) => value * 3),
      );
      assert.ok(Math.abs(Math.hypot(...mapped) - 1) < 1e-6);
      assert.ok(euclideanDistance(mapped, photo) < 1e-3);
    }
  });

  it("refuses people of whom there is no triplet", () => {
    const [first, second] = crowd(7, 2, 2) as [Float32Array[], Float32Array[]];
    const learning = { mining: "hard", margin: 0.2, hold: 1 } as const;
    assert.throws(() => learnProjection([first], learning), /no triplet/);
    assert.throws(() => learnProjection([first.slice(1), second.slice(1)], learning), /no triplet/);
  });
});
