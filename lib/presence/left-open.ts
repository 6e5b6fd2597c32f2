/** Which node watches a visit, and the visits that a redeploy of it left open: in memory, fresher than on the disk. */
import { BoundedMap } from "../bounded-map";
import type { RestoredVisit } from "./visits";

const MOST_NODES = 100;
const BETWEEN = "-";

/** What the ids of a node's visits begin with; in an instance of a subflow the node's own id has a hyphen, too. */
export const prefixOf = (node: string): string => `${node}${BETWEEN}`;

/** Id of the node that watches a visit. */
export const watcherOf = (visit: string): string => visit.slice(0, Math.max(0, visit.lastIndexOf(BETWEEN)));

/** By gallery and node: a node that watches another gallery by now knows nobody of this one. */
const left = new BoundedMap<string, RestoredVisit[]>(MOST_NODES);
const keyOf = (gallery: string, node: string): string => JSON.stringify([gallery, node]);

export function leaveOpen(gallery: string, node: string, visits: RestoredVisit[]): void {
  left.set(keyOf(gallery, node), visits);
}

/** @returns undefined where the node was not closed since this process began */
export function takeLeftOpen(gallery: string, node: string): RestoredVisit[] | undefined {
  const key = keyOf(gallery, node);
  const visits = left.get(key);
  left.delete(key);
  return visits;
}

/** Nobody watches them any more. @param isWatched whether a node watches the gallery */
export function dropLeftOpen(gallery: string, isWatched: (node: string) => boolean): void {
  for (const key of left.keys()) {
    const [of, node] = JSON.parse(key) as [string, string];
    if (of === gallery && !isWatched(node)) left.delete(key);
  }
}

/** A person was deleted. */
export function forgetLeftOpen(gallery: string, person: string): void {
  const theirs = [...left].filter(([key]) => (JSON.parse(key) as string[])[0] === gallery);
  for (const [key, visits] of theirs)
    left.set(
      key,
      visits.filter(({ record }) => record.person !== person),
    );
}
