/** A check-in: somebody came or went, by which visit, and what people have said of it since. */
import { z } from "zod";
import { idSchema, timeSchema } from "../people/people";

/** Each visit is IN or OUT in turn, or the zone says which. */
export const MODES = ["alternating", "strict"] as const;

export const TYPES = ["IN", "OUT"] as const;
export type CheckInType = (typeof TYPES)[number];

const MOST_TEXT = 300;
export const whySchema = z.string().trim().min(1).max(MOST_TEXT);
export const bySchema = z.string().trim().min(1).max(MOST_TEXT);
/** 24 hex digits: of the visit and what of it is told, so that a visit that is read twice is one. */
export const checkInIdSchema = z.string().regex(/^[0-9a-f]{24}$/);

/** What of a check-in can be changed. */
const valuesSchema = z.object({
  person: idSchema.nullable().describe("null once they were forgotten"),
  type: z.enum(TYPES),
  at: timeSchema.describe("Milliseconds since the epoch"),
});

export const changeSchema = z
  .object({
    what: z
      .enum(["taken", "added", "changed", "removed", "restored", "reconsidered", "elsewhere"])
      .describe(
        "reconsidered: the cameras' evidence says by now that it was somebody else; " +
          "elsewhere: another site's check-in before it came later, so that it is the other kind or the same one",
      ),
    at: timeSchema.describe("When, in milliseconds since the epoch"),
    by: z.string().max(MOST_TEXT).nullable().describe("Who, where somebody did it and said who"),
    why: z.string().max(MOST_TEXT),
    was: valuesSchema.nullable().describe("As it was before; null where there was nothing"),
  })
  .meta({ id: "CheckInChange" });
export type Change = z.infer<typeof changeSchema>;

/** A check-in as the other system has it. */
const thereSchema = valuesSchema.extend({
  name: z.string().max(300).nullable().describe("What it is called there; null where it did not say"),
});
export type There = z.infer<typeof thereSchema>;

export const sendingSchema = z
  .object({
    state: z
      .enum(["waiting", "delivered", "refused", "withdrawn"])
      .describe("waiting with `there`: a correction waits; withdrawn: it is removed there too"),
    tries: z.int().min(0),
    at: timeSchema.describe("Of the last try, or since when it waits"),
    reason: z.string().max(1000).describe("Why it was refused, in the other system's words"),
    problem: z
      .enum(["time", "linked", "employee"])
      .optional()
      .describe(
        "time: the user there may not set it; linked: attendance is marked by it already; " +
          "employee: nobody there has this employee's value",
      ),
    there: thereSchema.optional().describe("As it is there, or was about to be"),
  })
  .meta({ id: "CheckInSending" });
export type Sending = z.infer<typeof sendingSchema>;

/** A site of a shared gallery, and which of its books: the id of a node. */
export const homeSchema = z.object({
  id: z.string().min(1).max(200),
  name: z.string().max(300),
  book: z
    .string()
    .regex(/^[^:]+$/)
    .max(200),
});

/** As it is kept. */
export const checkInSchema = z.object({
  id: checkInIdSchema,
  person: idSchema,
  type: z.enum(TYPES),
  at: timeSchema,
  zone: z.string().max(1000),
  source: z.string().max(1000),
  /** Null of one that somebody added. */
  visit: z.string().max(MOST_TEXT).nullable(),
  /** The order in which they happened, as far as one knows; a clock may go back. Rises; one that is added has its
   * forerunner's. */
  serial: z.int().min(0),
  /** Rises with each that is to be told. */
  order: z.int().min(0),
  removed: z.boolean(),
  /** The oldest first. */
  history: z.array(changeSchema).max(1000),
  /** To another system; absent where it goes to none. */
  sending: sendingSchema.optional(),
  /** From which site it is; absent where it is from here. */
  site: homeSchema.optional(),
});
export type CheckIn = z.infer<typeof checkInSchema>;

/** Whether the other system has it as it is here. */
export function isThere({ person, type, at, removed, sending }: CheckIn): boolean {
  const there = sending?.there;
  if (removed || there === undefined) return removed === (there === undefined);
  return there.person === person && there.type === type && secondOf(there.at) === secondOf(at);
}

/** It was changed: what of it is to be sent. @param before as it was until now @param now ms since the epoch */
export function toSend(row: CheckIn, before: CheckIn, now: number): CheckIn {
  if (before.sending === undefined) return row;
  const there = thereOf(before);
  const state = row.removed && there === undefined ? "withdrawn" : "waiting";
  return { ...row, sending: { state, tries: 0, at: now, reason: "", ...(there === undefined ? {} : { there }) } };
}

/** Earlier versions did not keep what they had delivered: it is what it was by then. */
function thereOf({ person, type, at, history, sending }: CheckIn): There | undefined {
  if (sending?.there !== undefined || sending?.state !== "delivered") return sending?.there;
  const since = history.find((change) => change.at > sending.at && change.was !== null)?.was;
  return { name: null, ...(since ?? { person, type, at }) };
}

const SECOND_MS = 1000;
/** Other systems count by seconds. */
const secondOf = (at: number): number => Math.floor(at / SECOND_MS);

/** What cameras say of a check-in; all else is people's. */
const BY_CAMERAS: ReadonlySet<Change["what"]> = new Set(["taken", "reconsidered", "elsewhere"]);

/** Whether somebody has changed it, added it or taken it away: then cameras do not. */
export function isCorrected({ history }: Pick<CheckIn, "history">): boolean {
  return history.some(({ what }) => !BY_CAMERAS.has(what));
}
