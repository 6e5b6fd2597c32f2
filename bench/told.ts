/** What is decided of a film: frame by frame, each alone or with the vote of its track. */
import { decide } from "../lib/match/match";
import { matchOptionsSchema } from "../lib/match/options";
import type { TrackVote } from "../lib/match/track-vote";
import type { Near, Searchable } from "../lib/search/roster";
import { FILM } from "./films";
import type { Shot } from "./shoot";

/** What was said of one film. */
export interface Told {
  /** Who was ever named, and in which frame first, counted from the first with a face. */
  names: Set<string>;
  first: Map<string, number>;
  /** How often the name changed, from one to another or to nobody and back. */
  changes: number;
  frames: number;
  named: number;
  /** In the last frame with a face. */
  last: string | null;
  /** In how many frames who was named. */
  counts: Map<string, number>;
}

/** The same with what it answered before: a face that is carried on asks again and again. */
export function remembering(roster: Searchable): Searchable {
  const answers = new Map<string, Promise<Near[]>>();
  return {
    model: roster.model,
    normalised: roster.normalised,
    size: roster.size,
    thresholdOf: (kind) => roster.thresholdOf(kind),
    thresholdWanted: (strangers, claim) => roster.thresholdWanted(strangers, claim),
    named: (probe, name, kind) => roster.named(probe, name, kind),
    anchors: (probe) => roster.anchors(probe),
    nearest(probe, count, kind) {
      const key = probe.join();
      const answer = answers.get(key) ?? roster.nearest(probe, count, kind);
      answers.set(key, answer);
      return answer;
    },
  };
}

/** @param vote undefined where each frame is decided alone */
export async function tell(
  shots: readonly Shot[],
  roster: Searchable,
  vote: TrackVote | undefined,
  options = matchOptionsSchema.parse({}),
): Promise<Told> {
  const told: Told = {
    names: new Set(),
    first: new Map(),
    changes: 0,
    frames: 0,
    named: 0,
    last: null,
    counts: new Map(),
  };
  for (const [sequence, { capturedAt, face }] of shots.entries()) {
    if (face === undefined) continue;
    const frame = { source: "film", sequence, capturedAt, width: FILM.width, height: FILM.height };
    const judge = vote?.judgeOf(face, frame, { gallery: roster, options, claim: undefined });
    const { name } = await decide(face, { gallery: roster, options, claim: undefined, age: undefined, judge });
    told.frames += 1;
    if (name !== null) {
      told.named += 1;
      told.names.add(name);
      told.counts.set(name, (told.counts.get(name) ?? 0) + 1);
      if (!told.first.has(name)) told.first.set(name, told.frames - 1);
    }
    // A name that comes is no change.
    if (told.last !== null && name !== told.last) told.changes += 1;
    told.last = name;
  }
  return told;
}
