/** A check-in as the sites of a shared gallery tell it, and what becomes of one that two of them changed at once. */
import { z } from "zod";
import { mergeFields } from "../sites/conflicts";
import { type Change, checkInSchema, homeSchema, isCorrected } from "./check-in";

/** What is of one site alone stays there: its place in the order, and whether it went to another system. */
export const sharedCheckInSchema = checkInSchema
  .omit({ serial: true, order: true, sending: true, site: true })
  .extend({ site: homeSchema });
export type SharedCheckIn = z.infer<typeof sharedCheckInSchema>;

type Values = Pick<SharedCheckIn, "person" | "type" | "at" | "removed">;

const MOST_HISTORY = 1000;

/**
 * What people said stays before what cameras say; of fields that people changed at both, mine: they reach the database
 * second. The history has what was said at both.
 * @returns `both`: what both changed, to different values
 */
export function mergeCheckIns(mine: SharedCheckIn, theirs: SharedCheckIn): { value: SharedCheckIn; both: string[] } {
  const common = commonLength(mine.history, theirs.history);
  const [ours, others] = [mine.history.slice(common), theirs.history.slice(common)];
  const said = theirs.history.map((change, index) =>
    index < common ? withoutForgotten(change, mine, index) : change,
  );
  const value: SharedCheckIn = { ...theirs, history: [...said, ...ours].slice(-MOST_HISTORY) };
  if (ours.length === 0) return { value, both: [] };
  const [byUs, byOthers] = [isCorrected({ history: ours }), isCorrected({ history: others })];
  if (others.length === 0 || (byUs && !byOthers)) return { value: { ...value, ...valuesOf(mine) }, both: [] };
  if (byOthers && !byUs) return { value, both: [] };
  const was = ours[0]?.was ?? others[0]?.was ?? undefined;
  const base =
    was?.person == null
      ? undefined
      : { person: was.person, type: was.type, at: was.at, removed: wasRemoved(ours) ?? mine.removed };
  const merged = mergeFields<Values>(base, valuesOf(mine), valuesOf(theirs));
  return { value: { ...value, ...merged.value }, both: merged.both };
}

const valuesOf = ({ person, type, at, removed }: Values): Values => ({ person, type, at, removed });

/** How far two histories are one. */
function commonLength(one: readonly Change[], other: readonly Change[]): number {
  const differs = one.findIndex((change, index) => !isSame(change, other[index]));
  return differs < 0 ? one.length : differs;
}

/** Who it was may be forgotten at one site, and not yet at the other. */
function isSame({ what, at, by, why }: Change, other: Change | undefined): boolean {
  return what === other?.what && at === other.at && by === other.by && why === other.why;
}

function withoutForgotten(change: Change, { history }: SharedCheckIn, index: number): Change {
  const { was } = change;
  return was !== null && history[index]?.was?.person === null ? { ...change, was: { ...was, person: null } } : change;
}

/** Before these changes; undefined where they are not about it. */
function wasRemoved(changes: readonly Change[]): boolean | undefined {
  const first = changes.find(({ what }) => what === "removed" || what === "restored");
  return first === undefined ? undefined : first.what === "restored";
}
