/** Somebody, or their picture, before the head-turn challenge: rendered, found and measured as frames are. */
import { alignFaces, type Aligned } from "../../lib/align/aligner";
import { eyesIn } from "../../lib/align/chip";
import { LandmarkNet } from "../../lib/align/landmark-net";
import { BlazefaceDetector } from "../../lib/detect/blazeface/finder";
import { blazefaceOptionsSchema } from "../../lib/detect/blazeface/options";
import { decode } from "../../lib/image/decode";
import { greyFace } from "../../lib/image/grey-face";
import type { Pixels } from "../../lib/image/pixels";
import type { Side } from "../../lib/liveness/parallax";
import { TurnChallenge, type TurnOutcome } from "../../lib/liveness/turn";
import { tensorEngine } from "../../lib/tensor/engine";
import { numbers } from "./moving-scene";
import { Presentation, type Sitter, type Species } from "./presentations";

/** Between frames, as a small computer sees them. */
const FRAME_MS = 200;
/** Of a turn: how much of it is done in each frame, until the challenge has seen enough. */
const PARTS = [0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1, 1, 1, 1];
const BACK = [0.7, 0.35, 0];
const STEP_MS = 5000;
/** The sitter looks into the camera, more or less; pixels between the eyes. */
const FRONTAL = 12;
const LEAST_EYES = 35;

/** The real detector and the real landmark network. */
export class Eye {
  private constructor(
    private readonly detector: BlazefaceDetector,
    private readonly landmarks: LandmarkNet,
  ) {}

  static async open(): Promise<Eye> {
    return new Eye(await BlazefaceDetector.load("wasm"), await LandmarkNet.load(await tensorEngine("wasm")));
  }

  /** The largest face, unless the quality gate refuses it. */
  async look(jpeg: Buffer): Promise<{ pixels: Pixels; face: Aligned } | undefined> {
    const pixels = await decode({ bytes: Uint8Array.from(jpeg), raw: undefined });
    const [largest] = (await this.detector.detect(pixels, blazefaceOptionsSchema.parse({}))).toSorted(
      (a, b) => b.box.width - a.box.width,
    );
    if (largest === undefined) return undefined;
    const [face] = await alignFaces(this.landmarks, pixels, [largest], { minSize: 0, minSharpness: 0 });
    return face === undefined || face.rejected !== undefined ? undefined : { pixels, face };
  }

  /** Somebody to be rendered; undefined where the photo does not show a face from the front, and large enough. */
  async sitter(photo: Buffer): Promise<Sitter | undefined> {
    const seen = await this.look(photo);
    if (seen === undefined) return undefined;
    const { pixels, face } = seen;
    return Math.abs(face.quality.pose.yaw) <= FRONTAL && face.quality.size >= LEAST_EYES
      ? { pixels, landmarks: face.landmarks }
      : undefined;
  }
}

/** Do what the challenge asks: with the head, or with what is held before the camera. */
export async function act(
  eye: Eye,
  sitter: Sitter,
  species: Species,
  seed: number,
  sides: readonly Side[],
): Promise<TurnOutcome> {
  const random = numbers(seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const presentation = new Presentation(sitter, species, seed);
  const isHead = species === "head";
  const challenge = new TurnChallenge({ sides, stepMs: STEP_MS }, 0);
  const unsteady = isHead ? 2 : 3;
  let at = 0;
  const show = async (yaw: number, pitch: number): Promise<void> => {
    at += FRAME_MS;
    const shake = (): number => between(-unsteady, unsteady);
    const jpeg = await presentation.frame({ yaw: yaw + shake() / 2, pitch: pitch + shake(), roll: shake() });
    const seen = await eye.look(jpeg);
    if (seen === undefined) {
      challenge.pass(at);
      return;
    }
    const { landmarks, quality } = seen.face;
    challenge.see({
      at,
      landmarks,
      yaw: quality.pose.yaw,
      grey: await greyFace({ bytes: jpeg, frame: undefined }, eyesIn(landmarks)),
    });
  };
  while (challenge.outcome === undefined) {
    for (let tries = 0; challenge.task === "front" && challenge.outcome === undefined && tries < 30; tries += 1)
      await show(0, 0);
    const { step, task } = challenge;
    const way = (task === "left" ? 1 : -1) * between(isHead ? 32 : 30, isHead ? 45 : 60);
    const nod = isHead ? between(-6, 2) : between(-8, 8);
    for (const part of PARTS) {
      if (challenge.step > step || challenge.outcome !== undefined) break;
      await show(way * part, nod * part);
    }
    for (const part of BACK) if (challenge.outcome === undefined) await show(way * part, nod * part);
    // Nothing more is done: the time runs out.
    while (challenge.step === step && challenge.outcome === undefined) challenge.stay((at += FRAME_MS));
  }
  return challenge.outcome;
}
