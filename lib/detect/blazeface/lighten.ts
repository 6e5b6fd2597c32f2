/** A photo taken in too little light, as if there had been more. Pure. */
import type { Pixels } from "../../image/pixels";

/** So light its middle becomes, as a share of its lightest parts: that of a usual photo. */
const MIDDLE = 0.4;
/** What is this share lighter than the rest, a lamp, does not count. */
const LAMPS = 0.02;
/** Less lifts noise to what looks like structure. */
const LEAST_GAMMA = 0.3;

const LEVELS = 256;
const CHANNELS = 3;

/** @returns the same where it is light enough */
export function lightened(pixels: Pixels): Pixels {
  const counts = new Uint32Array(LEVELS);
  // Green is most of what grey is.
  for (let at = 1; at < pixels.data.length; at += CHANNELS) counts[pixels.data[at] as number]! += 1;
  const all = pixels.data.length / CHANNELS;
  const middle = levelOf(counts, all / 2);
  const lightest = Math.max(1, levelOf(counts, all * (1 - LAMPS)));
  const share = Math.max(1, middle) / lightest;
  const gamma = share >= MIDDLE ? 1 : Math.max(LEAST_GAMMA, Math.log(MIDDLE) / Math.log(share));
  const table = Uint8Array.from({ length: LEVELS }, (_, level) =>
    Math.min(LEVELS - 1, Math.round((LEVELS - 1) * (level / lightest) ** gamma)),
  );
  const data = new Uint8Array(pixels.data.length);
  for (let at = 0; at < data.length; at += 1) data[at] = table[pixels.data[at] as number] as number;
  return { ...pixels, data };
}

/** The level below which so many pixels are. */
function levelOf(counts: Uint32Array, wanted: number): number {
  let below = 0;
  for (const [level, count] of counts.entries()) {
    below += count;
    if (below >= wanted) return level;
  }
  return LEVELS - 1;
}
