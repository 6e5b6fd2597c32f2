/**
 * The colour-flash challenge: the page of a browser's camera shows colours that nobody knew before, and the light on
 * the face must follow them (Liu et al. 2019, Aurora Guard, arXiv 1902.10311; without its depth network). It tells a
 * face before this screen from a film made before. It does not tell a face from a print, on which light falls, too; so
 * it never passes by itself, and the head is turned after it. Strong light in the room hides it.
 */
import { randomInt, randomUUID } from "node:crypto";
import { FLASH_COLOURS, FLASH_COUNT, FLASH_EACH_MS, type FlashColour, type FlashPlan } from "../flash-plan";

type Rgb = readonly [red: number, green: number, blue: number];

/** What a frame shows while colours are shown. */
export interface LightSample {
  /** Milliseconds since the first colour, by the page's clock. */
  at: number;
  /** Means of the face and of what is around it, 0..255. */
  face: Rgb;
  around: Rgb;
}

/**
 * `followed`; `other`: it followed colours, and not these: a film of another time; `none`: no light of the screen was
 * seen on the face.
 */
export type LightVerdict = "followed" | "other" | "none";

const NAMES = Object.keys(FLASH_COLOURS) as FlashColour[];
/** Gamma of a screen and of a camera (IEC 61966-2-1), about. */
const GAMMA = 2.2;
/** How late a frame may show a colour: the screen, the camera and the page together; milliseconds. */
const MOST_LAG = 400;
const LAG_STEP = 50;
/** Frames fewer than these tell nothing. */
const LEAST_SAMPLES = 12;
/**
 * Likeness (correlation) of the face's light with the colours: of 100,000 pairs of drawn sequences 14 are so alike.
 */
const LIKE = 0.8;
/** … and so much more than that of what is around the face: light of the screen falls on what is near. */
const NEARER = 1.5;
/**
 * A face whose colour changes when colours of a screen would, and so little otherwise (share of the variance), by so
 * much (root mean square of the logarithms), and is less like what was shown than this, follows another screen.
 */
const IN_STEPS = 0.85;
const STRONG = 0.04;
const UNLIKE = 0.5;

/**
 * Colours that nobody knows before.
 * @param draw a whole number below another; by default as random as keys are
 */
export function drawFlash(draw: (below: number) => number = (below) => randomInt(below)): FlashPlan {
  const colours: FlashColour[] = [];
  while (colours.length < FLASH_COUNT) {
    const colour = NAMES[draw(NAMES.length)] as FlashColour;
    if (colour !== colours.at(-1)) colours.push(colour);
  }
  return { id: randomUUID(), colours, eachMs: FLASH_EACH_MS };
}

/** Whether the light on a face followed the colours. */
export function judgeLight(plan: FlashPlan, samples: readonly LightSample[]): LightVerdict {
  const used = samples.filter(({ at }) => at >= 0 && at < plan.colours.length * plan.eachMs + MOST_LAG);
  if (used.length < LEAST_SAMPLES) return "none";
  const face = tintsOf(used.map((sample) => sample.face));
  const around = tintsOf(used.map((sample) => sample.around));
  const times = used.map(({ at }) => at);
  const shown = bestFit(plan, times, face);
  const nearer = bestFit(plan, times, around);
  if (shown.likeness >= LIKE && shown.strength >= NEARER * Math.max(0, nearer.strength)) return "followed";
  return shown.likeness < UNLIKE && changesInSteps(plan, times, face) ? "other" : "none";
}

/**
 * Of each frame how its colour differs from the mean of all frames, with what is the same in all channels (exposure,
 * a cloud) taken away: logarithms of linear light.
 */
function tintsOf(colours: readonly Rgb[]): number[][] {
  const logarithms = colours.map((colour) => {
    const light = colour.map((value) => GAMMA * Math.log((value + 1) / 256));
    const mean = (light[0]! + light[1]! + light[2]!) / 3;
    return light.map((value) => value - mean);
  });
  const means = [0, 1, 2].map((channel) => logarithms.reduce((sum, each) => sum + each[channel]!, 0) / colours.length);
  return logarithms.map((each) => each.map((value, channel) => value - means[channel]!));
}

interface Fit {
  /** Correlation, −1..1. */
  likeness: number;
  /** How much of the colours is on what was seen. */
  strength: number;
}

function bestFit(plan: FlashPlan, times: readonly number[], seen: readonly (readonly number[])[]): Fit {
  let best: Fit = { likeness: -1, strength: 0 };
  for (let lag = 0; lag <= MOST_LAG; lag += LAG_STEP) {
    const fit = fitOf(
      times.map((at) => colourAt(plan, at - lag)),
      seen,
    );
    if (fit.likeness > best.likeness) best = fit;
  }
  return best;
}

/** Whether it changes as often as colours do, whatever they are. */
function changesInSteps({ colours, eachMs }: FlashPlan, times: readonly number[], seen: readonly number[][]): boolean {
  const all = seen.reduce((sum, each) => sum + squares(each), 0);
  if (!(Math.sqrt(all / seen.length) >= STRONG)) return false;
  for (let lag = 0; lag < eachMs; lag += LAG_STEP) {
    let within = 0;
    for (let slot = -1; slot <= colours.length; slot += 1) {
      const some = seen.filter((_, index) => Math.floor(((times[index] as number) - lag) / eachMs) === slot);
      for (const each of some)
        within += squares(
          each.map((value, channel) => value - some.reduce((sum, one) => sum + one[channel]!, 0) / some.length),
        );
    }
    if (1 - within / all >= IN_STEPS) return true;
  }
  return false;
}

const squares = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);

/** 0 or 1 for each channel, less their mean; nothing before the first colour and after the last. */
function colourAt({ colours, eachMs }: FlashPlan, at: number): Rgb {
  const name = colours[Math.floor(at / eachMs)];
  if (name === undefined) return [0, 0, 0];
  const [red, green, blue] = FLASH_COLOURS[name];
  const mean = (red + green + blue) / 3;
  return [(red - mean) / 255, (green - mean) / 255, (blue - mean) / 255];
}

function fitOf(shown: readonly Rgb[], seen: readonly (readonly number[])[]): Fit {
  const means = [0, 1, 2].map((channel) => shown.reduce((sum, each) => sum + each[channel]!, 0) / shown.length);
  let [product, ofShown, ofSeen] = [0, 0, 0];
  shown.forEach((each, index) => {
    for (const channel of [0, 1, 2]) {
      const a = each[channel]! - means[channel]!;
      const b = seen[index]![channel]!;
      product += a * b;
      ofShown += a * a;
      ofSeen += b * b;
    }
  });
  if (!(ofShown > 0) || !(ofSeen > 0)) return { likeness: 0, strength: 0 };
  return { likeness: product / Math.sqrt(ofShown * ofSeen), strength: product / ofShown };
}
