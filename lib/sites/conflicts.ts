/**
 * What becomes of a record that two sites changed at once. Rules alone: each site that applies them to the same
 * versions comes to the same end.
 */
import { z } from "zod";
import { idSchema, type Person, type Photo, timeSchema, type UnknownGroup } from "../people/people";
import { MAX_NAME_LENGTH } from "../people/names";
import { RECORD_KINDS } from "./change-log";

export const conflictSchema = z
  .object({
    at: timeSchema.describe("Milliseconds since the epoch, of this site's clock"),
    rule: z
      .enum(["edited_twice", "enrolled_twice", "deleted_there", "photo_twice", "corrected_twice"])
      .describe(
        "edited_twice: of a field that two sites changed, the value that reached the database second stays; " +
          "enrolled_twice: two people of one name, and the second got the site's name behind it; " +
          "deleted_there: somebody was deleted at another site while they were changed here; " +
          "photo_twice: one photo of two people, and the first kept it; " +
          "corrected_twice: a check-in was corrected at both, and what reached the database second stays",
      ),
    person: idSchema.nullable().describe("Whom it is about; null once they are deleted"),
    fields: z.array(z.string().max(40)).max(20).describe("Of edited_twice and corrected_twice: which"),
    site: z.string().max(200).describe("Id of the other site"),
  })
  .meta({ id: "SiteConflict" });
export type Conflict = z.infer<typeof conflictSchema>;

/** What this site told the others of; not of whom. */
export const deletionSchema = z.object({
  number: z.int().min(1).describe("Of the tombstone: a site that has followed so far has wiped it"),
  kind: z.enum(RECORD_KINDS),
  at: z.number().describe("Milliseconds since the epoch, of this site's clock"),
});
export type Deletion = z.infer<typeof deletionSchema>;

export interface Merged<T> {
  value: T;
  /** What both changed, to different values. */
  both: string[];
}

/**
 * Of fields that one side changed alone, its values; of those that both changed, mine: they reach the database second.
 * @param base what both were made from; without it every field that differs was changed by both
 */
export function mergeFields<T extends object>(base: T | undefined, mine: T, theirs: T): Merged<T> {
  const value = { ...mine };
  const both: string[] = [];
  for (const key of Object.keys({ ...theirs, ...mine }) as (keyof T & string)[]) {
    if (same(mine[key], theirs[key])) continue;
    if (base !== undefined && same(mine[key], base[key])) value[key] = theirs[key];
    else if (base === undefined || !same(theirs[key], base[key])) both.push(key);
  }
  return { value, both };
}

/** As mergeFields; when somebody was seen last is the later, when they were made the earlier. */
export function mergePeople(base: Person | undefined, mine: Person, theirs: Person): Merged<Person> {
  const { value, both } = mergeFields(base, mine, theirs);
  const { validFrom, validUntil } = value;
  return {
    value: {
      ...value,
      ...(validFrom !== null && validUntil !== null && validFrom > validUntil
        ? { validFrom: mine.validFrom, validUntil: mine.validUntil }
        : {}),
      createdAt: Math.min(mine.createdAt, theirs.createdAt),
      lastSeenAt: later(mine.lastSeenAt, theirs.lastSeenAt),
    },
    both: both.filter((field) => field !== "lastSeenAt" && field !== "createdAt"),
  };
}

/** As mergeFields; whose it is the log says: the first who had it there keeps it. */
export function mergePhotos(base: Photo | undefined, mine: Photo, theirs: Photo): Merged<Photo> {
  const { value, both } = mergeFields(base, mine, theirs);
  return {
    value: { ...value, personId: theirs.personId, addedAt: Math.min(mine.addedAt, theirs.addedAt) },
    both: both.filter((field) => field !== "personId" && field !== "addedAt"),
  };
}

/** A stranger whom both saw: as the one has them who saw them last. */
export const isNewer = (mine: UnknownGroup, theirs: UnknownGroup): boolean =>
  mine.lastSeenAt > theirs.lastSeenAt || (mine.lastSeenAt === theirs.lastSeenAt && mine.visits > theirs.visits);

/** When a person came into the log. */
export interface First {
  number: number;
  /** Id of the site that put them there. */
  site: string;
}

/**
 * Of two people of one name, the one who gets another.
 * @param firstOf undefined of whom the log does not know yet: they come after all others
 */
export function secondOf(
  one: Person,
  other: Person,
  firstOf: (person: Person) => Pick<First, "number"> | undefined,
): Person {
  const [a, b] = [firstOf(one)?.number ?? Infinity, firstOf(other)?.number ?? Infinity];
  if (a !== b) return a > b ? one : other;
  return one.id > other.id ? one : other;
}

/** "NAME (SITE)", and with a number where that is taken. */
export function nameAt(name: string, site: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const ending = ` (${site}${number === 1 ? "" : ` ${number}`})`;
    const room = Math.max(1, MAX_NAME_LENGTH - Array.from(ending).length);
    const made = `${Array.from(name).slice(0, room).join("").trimEnd()}${ending}`;
    if (!isTaken(made)) return made;
  }
}

function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
