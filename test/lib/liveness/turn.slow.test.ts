import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { eyesIn } from "../../../lib/align/chip";
import { greyFace } from "../../../lib/image/grey-face";
import { drawSides, TurnChallenge, type View } from "../../../lib/liveness/turn";
import { act, Eye } from "../../support/acted-turns";
import { portrait } from "../../support/photos";
import { Presentation, type Sitter } from "../../support/presentations";

const FRAME_MS = 200;
const STEP_MS = 5000;

/** How it ended; empty while it goes on. */
const endOf = ({ outcome }: TurnChallenge): string[] =>
  outcome === undefined ? [] : [outcome.result, outcome.reason];

describe("the head-turn challenge", () => {
  let eye: Eye;
  const sitters: Sitter[] = [];
  /** A head as it looks at each of these angles. */
  const seen = new Map<number, Omit<View, "at">>();

  before(async () => {
    eye = await Eye.open();
    for (const name of ["stripes", "front"] as const)
      sitters.push((await eye.sitter(await portrait(name))) ?? assert.fail(`${name} does not look into the camera`));
    const head = new Presentation(sitters[0] as Sitter, "head", 4);
    for (let yaw = -42; yaw <= 42; yaw += 7) {
      const jpeg = await head.frame({ yaw, pitch: 0, roll: 0 });
      const { face } = (await eye.look(jpeg)) ?? assert.fail(`no face at ${yaw}°`);
      const grey = await greyFace({ bytes: jpeg, frame: undefined }, eyesIn(face.landmarks));
      seen.set(yaw, { landmarks: face.landmarks, yaw: face.quality.pose.yaw, grey });
    }
  });

  /** Shows the head at these angles, a frame each. */
  function show(challenge: TurnChallenge, angles: readonly number[], from = 0, each = FRAME_MS): number {
    let at = from;
    for (const yaw of angles) challenge.see({ at: (at += each), ...(seen.get(yaw) as Omit<View, "at">) });
    return at;
  }

  const LEFT = [7, 14, 21, 28, 35, 35, 42, 42];
  const RIGHT = LEFT.map((yaw) => -yaw);
  const BACK = [28, 21, 14, 7];
  const FRONT = [0, 0, 0];

  it("is passed by a rendered head that turns as asked (simulated)", async () => {
    for (const [index, sitter] of sitters.entries()) {
      const outcome = await act(eye, sitter, "head", 11 + index, ["left", "right"]);
      assert.deepEqual([outcome.result, outcome.reason], ["passed", "depth"], JSON.stringify(outcome));
    }
  });

  it("is never passed by a rendered print, bent print or screen, however far it is turned (simulated)", async () => {
    for (const [index, sitter] of sitters.entries())
      for (const species of ["print", "bent print", "screen"] as const) {
        const outcome = await act(eye, sitter, species, 21 + index, ["left"]);
        assert.notEqual(outcome.result, "passed", `${species}: ${JSON.stringify(outcome)}`);
      }
  });

  it("says what is to be done, one thing after the other", () => {
    const challenge = new TurnChallenge({ sides: ["left", "right"], stepMs: STEP_MS }, 0);
    assert.deepEqual([challenge.task, challenge.step], ["front", 0]);
    let at = show(challenge, FRONT);
    assert.deepEqual([challenge.task, challenge.step], ["left", 0]);
    at = show(challenge, LEFT, at);
    assert.deepEqual([challenge.task, challenge.step], ["front", 1]);
    at = show(challenge, [...BACK, ...FRONT], at);
    assert.deepEqual([challenge.task, challenge.step], ["right", 1]);
    show(challenge, RIGHT, at);
    assert.equal(challenge.outcome?.result, "passed", JSON.stringify(challenge.outcome));
  });

  it("is failed by who turns to the other side", () => {
    const challenge = new TurnChallenge({ sides: ["right"], stepMs: STEP_MS }, 0);
    show(challenge, [...FRONT, ...LEFT]);
    assert.deepEqual(endOf(challenge), ["failed", "other_side"]);
  });

  it("decides nothing where the face jumps from one pose to another, as two photos do", () => {
    const challenge = new TurnChallenge({ sides: ["left"], stepMs: STEP_MS }, 0);
    show(challenge, [...FRONT, 42, 42, 42]);
    assert.deepEqual(endOf(challenge), ["unsure", "jump"]);
  });

  it("decides nothing where the face is out of sight for a while, nor where time runs out", () => {
    const hidden = new TurnChallenge({ sides: ["left"], stepMs: STEP_MS }, 0);
    const at = show(hidden, [...FRONT, 7, 14]);
    hidden.pass(at + 1000);
    assert.deepEqual(endOf(hidden), []);
    show(hidden, LEFT.slice(2), at + 1800);
    assert.deepEqual(endOf(hidden), ["unsure", "lost"]);
    const idle = new TurnChallenge({ sides: ["left"], stepMs: STEP_MS }, 0);
    show(
      idle,
      Array.from({ length: 40 }, () => 0),
    );
    assert.deepEqual(endOf(idle), ["unsure", "late"]);
  });

  it("counts no frame twice and none that comes late, and stays as it ended", () => {
    const challenge = new TurnChallenge({ sides: ["left"], stepMs: STEP_MS }, 0);
    const view = { at: 200, ...(seen.get(0) as Omit<View, "at">) };
    challenge.see(view);
    for (let again = 0; again < 3; again += 1) challenge.see(view);
    assert.equal(challenge.task, "front");
    const at = show(challenge, [0, 0], 200);
    assert.equal(challenge.task, "left");
    challenge.see({ ...view, at: at - 300, ...(seen.get(42) as Omit<View, "at">) });
    assert.deepEqual(endOf(challenge), []);
    challenge.end("unsure", "company");
    show(challenge, LEFT, at);
    assert.deepEqual(endOf(challenge), ["unsure", "company"]);
  });

  it("draws sides that nobody knows before", () => {
    const drawn = Array.from({ length: 400 }, () => drawSides(2).join(" "));
    assert.deepEqual([...new Set(drawn)].toSorted(), ["left left", "left right", "right left", "right right"]);
    assert.deepEqual(drawSides(0), []);
  });
});
