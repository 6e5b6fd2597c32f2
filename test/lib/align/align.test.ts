import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { alignFaces, exposure, sharpness } from "../../../lib/align/aligner";
import { CHIP_PADDING, eyesIn, fitChip, meanPoint } from "../../../lib/align/chip";
import { LANDMARK_COUNT, LANDMARK_INPUT, type LandmarkFinder } from "../../../lib/align/landmark-net";
import { estimatePose } from "../../../lib/align/pose";
import { apply, fitSimilarity, invert, scaleOf, warp } from "../../../lib/image/transform";
import type { Point } from "../../../lib/message";

const TURN = { a: 2 * Math.cos(0.3), b: 2 * Math.sin(0.3), tx: 11, ty: -7 };
const POINTS: Point[] = [
  { x: 0, y: 0 },
  { x: 10, y: 1 },
  { x: 4, y: 9 },
  { x: -3, y: 2 },
];

function assertNear(actual: object, expected: object, tolerance = 1e-9): void {
  for (const [key, value] of Object.entries(expected) as [string, number][])
    assert.ok(
      Math.abs((actual as Record<string, number>)[key]! - value) <= tolerance,
      `${key}: ${(actual as Record<string, number>)[key]} is not ${value}`,
    );
}

describe("similarity", () => {
  it("finds turn, scale and shift from points", () => {
    assertNear(
      fitSimilarity(
        POINTS,
        POINTS.map((point) => apply(TURN, point)),
      ),
      TURN,
    );
  });

  it("comes back through its inverse", () => {
    assertNear(apply(invert(TURN), apply(TURN, { x: 5, y: 6 })), { x: 5, y: 6 });
    assert.ok(Math.abs(scaleOf(TURN) - 2) < 1e-12);
  });

  it("refuses points that coincide", () => {
    assert.throws(
      () =>
        fitSimilarity(
          [
            { x: 1, y: 1 },
            { x: 1, y: 1 },
          ],
          POINTS,
        ),
      /one point/,
    );
  });
});

describe("warp", () => {
  const ramp = (width: number, height: number) => ({
    width,
    height,
    data: Uint8Array.from(
      { length: width * height * 3 },
      (_, index) => Math.floor(index / 3) % width,
    ) as Uint8Array<SharedArrayBuffer> & Uint8Array<ArrayBuffer>,
  });

  it("reads between pixels", () => {
    const out = warp(ramp(16, 16), { a: 1, b: 0, tx: 2.5, ty: 2 }, 4);
    assert.deepEqual([out[0], out[3], out[6]], [2.5, 3.5, 4.5]);
  });

  it("reads at the same place where the picture is shrunk first", () => {
    const out = warp(ramp(32, 32), { a: 2, b: 0, tx: 8.5, ty: 9 }, 4);
    assert.deepEqual([out[0], out[3], out[6], out[9]], [8.5, 10.5, 12.5, 14.5]);
    const turned = warp(ramp(64, 64), { a: 0, b: 3, tx: 40, ty: 20 }, 4);
    assert.deepEqual(
      [0, 1, 2].map((row) => Math.round((turned[row * 12] as number) * 1000) / 1000),
      [40, 37, 34],
    );
  });

  it("averages where the target is coarser, so that nothing aliases", () => {
    const stripes = {
      width: 64,
      height: 64,
      data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, index) => (Math.floor(index / 3) % 2) * 200),
    };
    const out = warp(stripes, { a: 4, b: 0, tx: 8, ty: 8 }, 8);
    assert.ok(
      out.every((value) => Math.abs(value - 100) < 30),
      "stripes of one pixel must become grey",
    );
  });

  it("is black outside the picture", () => {
    assert.deepEqual(
      [...warp(ramp(4, 4) as never, { a: 1, b: 0, tx: -50, ty: 0 }, 2)],
      Array.from({ length: 12 }, () => 0),
    );
  });
});

/** 68 points that are no face. */
const SCATTERED: Point[] = Array.from({ length: 68 }, (_, index) => ({ x: (index * 37) % 101, y: (index * 53) % 89 }));

describe("fitChip", () => {
  it("turns with the face", () => {
    const still = fitChip(SCATTERED, 150);
    const turned = fitChip(
      SCATTERED.map((point) => apply(TURN, point)),
      150,
    );
    for (const corner of [
      { x: 0, y: 0 },
      { x: 149, y: 20 },
    ])
      assertNear(apply(turned.toPicture, corner), apply(TURN, apply(still.toPicture, corner)), 1e-6);
    assert.ok(Math.abs(turned.residual - still.residual) < 1e-9);
  });

  it("tells scattered points from a face", () => {
    assert.ok(fitChip(SCATTERED, 150).residual > 0.085);
  });

  it("refuses landmarks on one point", () => {
    assert.throws(
      () =>
        fitChip(
          SCATTERED.map(() => ({ x: 1, y: 1 })),
          150,
        ),
      /one point/,
    );
  });
});

/**
 * The mean face, in pixels of a chip of this side laid at `left`, `top`; the jaw, of which there is no mean, below the
 * mouth.
 */
function meanFace(side: number, left: number, top: number): Point[] {
  return Array.from({ length: LANDMARK_COUNT }, (_, index) => {
    const { x, y } = index < 17 ? { x: index / 17, y: 0.95 } : meanPoint(index, CHIP_PADDING);
    return { x: left + x * side, y: top + y * side };
  });
}

describe("fitChip on a face that moves", () => {
  for (const [what, from, to] of [
    ["the jaw", 0, 16],
    ["raised brows", 17, 26],
    ["the lower lip", 55, 59],
  ] as const) {
    it(`lays the chip where it lay, whatever ${what} may do`, () => {
      const face = meanFace(150, 40, 30);
      const moved = face.map(({ x, y }, index) => (index >= from && index <= to ? { x: x + 3, y: y - 12 } : { x, y }));
      assert.deepEqual(fitChip(moved, 150), fitChip(face, 150));
    });
  }

  it("follows the eyes, the nose and the mouth", () => {
    const face = meanFace(150, 40, 30);
    for (const index of [27, 36, 42, 48, 60, 67]) {
      const moved = face.map((point, each) => (each === index ? { x: point.x, y: point.y - 12 } : point));
      assert.ok(fitChip(moved, 150).residual > fitChip(face, 150).residual + 0.001, `landmark ${index}`);
    }
  });
});

describe("alignFaces", () => {
  /** A picture whose red is x and whose green is y, so that a crop tells where it was cut. */
  const side = 256;
  const map = {
    width: side,
    height: side,
    data: Uint8Array.from(
      { length: side * side * 3 },
      (_, index) => [Math.floor(index / 3) % side, Math.floor(index / 3 / side), 0][index % 3] as number,
    ),
  };
  const box = { x: 60, y: 60, width: 130, height: 130 };

  /** Finds these landmarks in every crop: looks never disagree. */
  const finding = (landmarks: readonly Point[]): LandmarkFinder => ({
    run: (crops: readonly Float32Array[]) =>
      crops.map((crop) => {
        const last = (LANDMARK_INPUT - 1) * 3;
        const [tx, ty] = [crop[0] as number, crop[1] as number];
        const toCrop = invert({
          a: ((crop[last] as number) - tx) / (LANDMARK_INPUT - 1),
          b: ((crop[last + 1] as number) - ty) / (LANDMARK_INPUT - 1),
          tx,
          ty,
        });
        return Float32Array.from(
          landmarks.flatMap((point) =>
            Object.values(apply(toCrop, point)).map((value) => (value + 0.5) / LANDMARK_INPUT),
          ),
        );
      }),
  });

  /** The mean face, its landmarks pushed about until they fit so badly. */
  function faceOfResidual(residual: number): Point[] {
    const pushed = (push: number): Point[] =>
      meanFace(110, 70, 70).map(({ x, y }, index) => ({
        x: x + (index % 2 === 0 ? push : -push),
        y: y + (index % 3 === 0 ? push : -push),
      }));
    let [low, high] = [0, 60];
    while (high - low > 1e-6) {
      const middle = (low + high) / 2;
      if (fitChip(pushed(middle), 150).residual < residual) low = middle;
      else high = middle;
    }
    return pushed(low);
  }

  for (const [residual, rejected] of [
    [0, undefined],
    [0.059, undefined],
    [0.08, undefined],
    [0.09, "bad_alignment"],
    [0.11, "bad_alignment"],
  ] as const) {
    it(
      `${rejected === undefined ? "takes" : "takes no"} landmarks for a face that are ${residual} of the chip's ` +
        "side off, though all looks agree",
      async () => {
        const [aligned] = await alignFaces(finding(faceOfResidual(residual)), map, [{ box }], {
          minSize: 0,
          minSharpness: 0,
        });
        assert.equal(aligned?.rejected, rejected);
      },
    );
  }

  for (const [astray, rejected] of [
    [0, undefined],
    [0.45, undefined],
    [0.55, "bad_alignment"],
    [1.2, "bad_alignment"],
  ] as const) {
    it(
      `${rejected === undefined ? "takes" : "takes no"} landmarks for those of the face that the detector saw whose ` +
        `eyes are ${astray} of their distance away from its`,
      async () => {
        const landmarks = meanFace(110, 70, 70);
        const { leftEye, rightEye } = eyesIn(landmarks);
        const off = astray * Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y);
        for (const [right, down] of [
          [1, 0],
          [0, -1],
        ] as const) {
          const moved = ({ x, y }: Point): Point => ({ x: x + right * off, y: y + down * off });
          const points = {
            leftEye: moved(leftEye),
            rightEye: moved(rightEye),
            nose: moved(landmarks[30] as Point),
          };
          const gate = { minSize: 0, minSharpness: 0 };
          const [aligned] = await alignFaces(finding(landmarks), map, [{ box, points }], gate);
          assert.equal(aligned?.rejected, rejected);
        }
      },
    );
  }
});

describe("estimatePose", () => {
  const HEAD: [number, number, number, number][] = [
    [30, 0, 0, 0],
    [8, 0, -330, -65],
    [36, -225, 170, -135],
    [45, 225, 170, -135],
    [48, -150, -150, -125],
    [54, 150, -150, -125],
  ];
  /** The head turned and seen from the front; picture y runs down. */
  const seen = (yaw: number, pitch: number, roll: number): Point[] => {
    const points: Point[] = Array.from({ length: 68 }, () => ({ x: 0, y: 0 }));
    const [cy, sy, cp, sp, cr, sr] = [yaw, pitch, roll].flatMap((degrees) => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
    ]) as [number, number, number, number, number, number];
    for (const [index, x, y, z] of HEAD) {
      const [x1, z1] = [x * cy + z * sy, -x * sy + z * cy];
      const [y2] = [y * cp + z1 * sp];
      points[index] = { x: x1 * cr + y2 * sr, y: -(-x1 * sr + y2 * cr) };
    }
    return points;
  };

  for (const [name, angles] of [
    ["front", [0, 0, 0]],
    ["yaw", [30, 0, 0]],
    ["pitch", [0, 20, 0]],
    ["roll", [0, 0, 25]],
  ] as [string, [number, number, number]][]) {
    it(`tells ${name} ${angles.join(", ")}`, () => {
      assertNear(estimatePose(seen(...angles)), { yaw: angles[0], pitch: angles[1], roll: angles[2] }, 0.5);
    });
  }
});

describe("sharpness", () => {
  it("is 0 of a flat chip and high of a checkered one", () => {
    assert.equal(sharpness(new Float32Array(10 * 10 * 3).fill(90), 10), 0);
    const checkered = Float32Array.from(
      { length: 10 * 10 * 3 },
      (_, index) => ((Math.floor(index / 3) + Math.floor(index / 30)) % 2) * 255,
    );
    assert.ok(sharpness(checkered, 10) > 100_000);
  });
});

describe("exposure", () => {
  it("is the grey level of the face, whatever is around it", () => {
    const chip = new Float32Array(12 * 12 * 3).fill(255);
    for (let row = 2; row < 10; row += 1) chip.fill(40, (row * 12 + 2) * 3, (row * 12 + 10) * 3);
    assert.equal(Math.round(exposure(chip, 12)), 40);
  });

  it("weighs colours as the eye does", () => {
    const green = Float32Array.from({ length: 12 * 12 * 3 }, (_, index) => (index % 3 === 1 ? 200 : 0));
    assert.equal(Math.round(exposure(green, 12) * 10) / 10, 117.4);
  });
});
