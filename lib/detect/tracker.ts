/**
 * Follows the faces of one camera from frame to frame. Pure: what to search in the next frame, and who is who in what
 * was found.
 */
import { z } from "zod";
import type { Face, Frame, Point } from "../message";
import { asFace, centreOf } from "./boxes";
import { type Look, ReferenceLook, SAME_LOOK } from "./look";
import type { Detection, Neighbourhood } from "./detector";

export const trackingOptionsSchema = z.object({
  /**
   * One frame in so many is searched whole; in between only the neighbourhood of known faces is. 1 searches every
   * frame whole.
   */
  fullEvery: z.number().int().min(1).max(1000).default(8),
});

export type TrackingOptions = z.infer<typeof trackingOptionsSchema>;

/** A detection and how it looks. */
export interface Seen extends Detection {
  look: Look;
}

/** Found in so many frames a box is most likely a face; a cascade's false boxes flicker. */
const SURE = 5;
/** A face not found again in so many frames is gone, and a box that was never sure in so many. */
const LOST_AFTER = 5;
const UNSURE_LOST_AFTER = 1;
/** Frames farther apart than this are of different scenes, in milliseconds. */
const NEW_SCENE_MS = 1000;
/** With more faces than this the whole frame is searched at about the same cost. */
const MAX_REGIONS = 8;

/** Half the side of the neighbourhood that is searched, in sides of the face; wider the longer ago it was found. */
const REACH = 0.75;
const REACH_A_SECOND = 3;
const MOST_REACH = 1.5;
/** A frame of a usual camera, in milliseconds: what moves in that time is within REACH. */
const FRAME_MS = 40;
/** Sizes of face that are searched there, as factors of the last one's. */
const SMALLER = 0.78;
const LARGER = 1.28;

/** A detection belongs to a track if it is not farther from where it was expected than this, in sides of the face. */
const GATE = 0.6;
const GATE_A_MISS = 0.15;
const GATE_SIZE = 1.6;

/** Weights of what was seen against what was expected, in place and in speed (alpha-beta filter). */
const ALPHA = 0.75;
const BETA = 0.25;

interface Track {
  id: number;
  centre: Point;
  /** Pixels a millisecond. */
  speed: Point;
  side: number;
  /** When it was found last; milliseconds since the epoch. */
  foundAt: number;
  /** In how many frames it was found, and in how many in a row up to now. */
  hits: number;
  run: number;
  misses: number;
  reference: ReferenceLook;
  look: number;
}

interface Pair {
  track: Track;
  seen: Seen;
  /** In sides of the face. */
  away: number;
  same: boolean;
}

let lastId = 0;

/** A number for a new track, never used before in this process: tracks of different cameras differ too. */
export function nextTrack(): number {
  lastId += 1;
  return lastId;
}

export class Tracker {
  readonly #fullEvery: number;
  #tracks: Track[] = [];
  #last: Frame | undefined;
  #sinceFull = 0;

  constructor({ fullEvery }: TrackingOptions) {
    this.#fullEvery = fullEvery;
  }

  /**
   * Where to search this frame, or undefined for everywhere.
   * @param changed where it changed, if that is known: while no face is followed only that needs a search
   */
  plan(frame: Frame, changed?: readonly Neighbourhood[]): readonly Neighbourhood[] | undefined {
    const expected = this.expected(frame);
    if (expected.length === 0) return changed;
    const due = this.#sinceFull + 1 >= this.#fullEvery;
    return due || expected.length > MAX_REGIONS ? undefined : expected;
  }

  /** Where faces are expected in this frame. */
  expected(frame: Frame): Neighbourhood[] {
    if (!this.#goesOn(frame)) this.#tracks = [];
    return this.#tracks.map((track) => {
      const { x, y } = this.#expected(track, frame);
      const late = Math.max(0, frame.capturedAt - track.foundAt - FRAME_MS) / 1000;
      const reach = track.side * Math.min(MOST_REACH, REACH + REACH_A_SECOND * late);
      return {
        sure: track.run >= SURE,
        region: { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach },
        minSize: Math.floor(track.side * SMALLER),
        maxSize: Math.ceil(track.side * LARGER),
      };
    });
  }

  /**
   * Take in what was found.
   * @param frame with the width and height that the picture really has
   * @param whole whether all of it was searched
   * @returns the faces found in this frame, each with its track
   */
  update(frame: Frame, found: readonly Seen[], whole: boolean): Face[] {
    if (!this.#goesOn(frame) || frame.width !== this.#last?.width || frame.height !== this.#last.height)
      this.#tracks = [];
    const open = new Set(found);
    const missing = new Set(this.#tracks);
    const faces = new Map<Seen, Face>();
    for (const pair of this.#pairs(frame, found)) {
      if (!open.has(pair.seen) || !missing.has(pair.track)) continue;
      open.delete(pair.seen);
      missing.delete(pair.track);
      faces.set(pair.seen, this.#follow(pair, frame));
    }
    for (const track of missing) {
      track.misses += 1;
      track.run = 0;
    }
    this.#tracks = this.#tracks.filter(
      ({ misses, hits }) => misses <= (hits >= SURE ? LOST_AFTER : UNSURE_LOST_AFTER),
    );
    for (const seen of open) faces.set(seen, this.#begin(seen, frame));
    this.#sinceFull = whole ? 0 : this.#sinceFull + 1;
    this.#last = frame;
    return found.map((seen) => faces.get(seen) as Face);
  }

  /** Whether a frame comes after the last one in the same scene. */
  #goesOn({ sequence, capturedAt }: Frame): boolean {
    const last = this.#last;
    return (
      last !== undefined &&
      sequence > last.sequence &&
      capturedAt >= last.capturedAt &&
      capturedAt - last.capturedAt <= NEW_SCENE_MS
    );
  }

  #elapsed({ capturedAt }: Frame): number {
    return capturedAt - (this.#last?.capturedAt ?? capturedAt);
  }

  #expected({ centre, speed }: Track, frame: Frame): Point {
    const elapsed = this.#elapsed(frame);
    return { x: centre.x + speed.x * elapsed, y: centre.y + speed.y * elapsed };
  }

  /**
   * Which detection may be which track, best first: those that look the same, then those nearest to where they were
   * expected.
   */
  #pairs(frame: Frame, found: readonly Seen[]): Pair[] {
    const pairs: Pair[] = [];
    for (const track of this.#tracks) {
      const expected = this.#expected(track, frame);
      for (const seen of found) {
        const centre = centreOf(seen.box);
        const away = Math.hypot(centre.x - expected.x, centre.y - expected.y) / track.side;
        const grown = seen.box.width / track.side;
        if (away > GATE + GATE_A_MISS * track.misses || grown > GATE_SIZE || grown < 1 / GATE_SIZE) continue;
        pairs.push({ track, seen, away, same: track.reference.likeness(seen.look) >= SAME_LOOK });
      }
    }
    return pairs.sort((a, b) => Number(b.same) - Number(a.same) || a.away - b.away);
  }

  #follow({ track, seen, same }: Pair, frame: Frame): Face {
    const elapsed = this.#elapsed(frame);
    const expected = this.#expected(track, frame);
    const centre = centreOf(seen.box);
    const off = { x: centre.x - expected.x, y: centre.y - expected.y };
    track.centre = { x: expected.x + ALPHA * off.x, y: expected.y + ALPHA * off.y };
    if (elapsed > 0)
      track.speed = { x: track.speed.x + (BETA * off.x) / elapsed, y: track.speed.y + (BETA * off.y) / elapsed };
    track.side += ALPHA * (seen.box.width - track.side);
    track.foundAt = frame.capturedAt;
    track.hits += 1;
    track.run += 1;
    track.misses = 0;
    if (!same) {
      // Turned, blurred, or somebody else: nobody may rely on what was known of the earlier look.
      track.look += 1;
      track.reference = new ReferenceLook(seen.look);
    }
    return { ...asFace(seen), track: track.id, look: track.look };
  }

  #begin(seen: Seen, { capturedAt }: Frame): Face {
    const { box, look } = seen;
    const track: Track = {
      id: nextTrack(),
      centre: centreOf(box),
      speed: { x: 0, y: 0 },
      side: box.width,
      foundAt: capturedAt,
      hits: 1,
      run: 1,
      misses: 0,
      reference: new ReferenceLook(look),
      look: 0,
    };
    this.#tracks.push(track);
    return { ...asFace(seen), track: track.id, look: track.look };
  }
}
