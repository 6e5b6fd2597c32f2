/** Check-ins as days: who was there from when to when, and what is missing. */
import { z } from "zod";
import { idSchema, timeSchema } from "../people/people";
import { countSchema } from "../validate";
import { changeSchema, type CheckIn, checkInIdSchema, sendingSchema, TYPES } from "./check-in";
import { boundsOf, type Calendar, daysOf, dayOf, stampOf } from "./time";

/** A check-in as it is told. */
export const toldCheckInSchema = z
  .object({
    id: checkInIdSchema,
    person: idSchema,
    name: z.string(),
    type: z.enum(TYPES),
    at: timeSchema.describe("Milliseconds since the epoch"),
    local: z.string().describe("The same by the clock on the wall: 2026-11-26 08:03:00"),
    day: z.string().describe("The working day: 2026-11-26"),
    zone: z.string(),
    source: z.string().describe("Name of the camera; empty where somebody added it"),
    site: z
      .string()
      .describe("Name of the site that it is from, this one or another; empty where sites share no check-ins"),
    visit: z.string().nullable(),
    removed: z.boolean(),
    corrected: z.boolean().describe("Whether somebody added, changed or removed it"),
    sending: sendingSchema.optional(),
  })
  .meta({ id: "CheckIn" });
export type ToldCheckIn = z.infer<typeof toldCheckInSchema>;

export const toldHistorySchema = toldCheckInSchema
  .extend({ history: z.array(changeSchema) })
  .meta({ id: "CheckInWithHistory" });

export const spanSchema = z
  .object({
    in: checkInIdSchema.nullable(),
    out: checkInIdSchema.nullable(),
    from: timeSchema.nullable(),
    to: timeSchema.nullable(),
    ms: countSchema.nullable().describe("Elapsed time; null where one end is missing"),
    missing: z.enum(TYPES).nullable().describe("Which end is missing"),
    running: z.boolean().describe("Whether they are still here: no end is missing yet"),
  })
  .meta({ id: "AttendanceSpan" });
export type Span = z.infer<typeof spanSchema>;

const totals = {
  ms: countSchema.describe("Elapsed time of all spans that have both ends, in milliseconds"),
  missing: countSchema.describe("How many ends are missing"),
  running: z.boolean(),
};

export const dayReportSchema = z
  .object({
    day: z.string(),
    timeZone: z.string(),
    from: timeSchema.describe("The first moment of the working day"),
    to: timeSchema.describe("The first moment of the next one"),
    people: z.array(
      z.object({
        person: idSchema,
        name: z.string(),
        ...totals,
        spans: z.array(spanSchema),
        checkIns: z.array(toldCheckInSchema).describe("In the order of time; those that were removed among them"),
      }),
    ),
  })
  .meta({ id: "AttendanceDay" });
export type DayReport = z.infer<typeof dayReportSchema>;

/** A day of somebody, as a table shows it. */
export interface DayRow {
  name: string;
  /** By the clock on the wall, "08:03"; empty where it is missing, and as long as they are here. */
  from: string;
  to: string;
  /** Elapsed, as long as they are here up to now: "8:30". */
  hours: string;
  /** How many ends are missing. */
  missing: number;
}

export const monthReportSchema = z
  .object({
    month: z.string(),
    timeZone: z.string(),
    days: z.array(z.string()),
    people: z.array(
      z.object({
        person: idSchema,
        name: z.string(),
        ms: totals.ms,
        missing: totals.missing,
        days: z
          .array(
            z.object({
              day: z.string(),
              first: timeSchema.nullable().describe("The first moment at which they were there"),
              last: timeSchema.nullable().describe("The last one"),
              ...totals,
              spans: countSchema,
              sites: z.array(z.string()).describe("Names of the sites where they came and went"),
            }),
          )
          .describe("Only days with a check-in"),
      }),
    ),
  })
  .meta({ id: "AttendanceMonth" });
export type MonthReport = z.infer<typeof monthReportSchema>;

const MINUTE_MS = 60_000;
const MINUTES_AN_HOUR = 60;

/** Nobody works longer at a stretch: what is farther apart is two halves, each with an end missing. */
export const MOST_SHIFT_MS = 16 * 3_600_000;

/**
 * IN with the OUT after it. A span belongs to the day of its beginning, so that a shift over midnight is one.
 * @param rows of one person, those that count
 * @param now who came on the present day and has not gone is here
 */
export function spansOf(rows: readonly CheckIn[], calendar: Calendar, now: number): (Span & { day: string })[] {
  const today = dayOf(now, calendar);
  const spans: (Span & { day: string })[] = [];
  let open: CheckIn | undefined;
  const alone = (row: CheckIn): void => {
    const day = dayOf(row.at, calendar);
    const isIn = row.type === "IN";
    const running = isIn && row === open && day === today;
    spans.push({
      day,
      in: isIn ? row.id : null,
      out: isIn ? null : row.id,
      from: isIn ? row.at : null,
      to: isIn ? null : row.at,
      ms: null,
      missing: running ? null : isIn ? "OUT" : "IN",
      running,
    });
  };
  const sorted = [...rows].sort((a, b) => a.at - b.at || a.serial - b.serial);
  for (const row of sorted) {
    const begun: CheckIn | undefined = open;
    open = undefined;
    if (row.type === "IN") {
      if (begun !== undefined) alone(begun);
      open = row;
    } else if (begun === undefined) alone(row);
    else if (row.at - begun.at > MOST_SHIFT_MS && dayOf(begun.at, calendar) !== dayOf(row.at, calendar)) {
      alone(begun);
      alone(row);
    } else
      spans.push({
        day: dayOf(begun.at, calendar),
        in: begun.id,
        out: row.id,
        from: begun.at,
        to: row.at,
        ms: row.at - begun.at,
        missing: null,
        running: false,
      });
  }
  if (open !== undefined) alone(open);
  return spans;
}

/**
 * Check-ins whose time is over: those of shifts that began before a moment, and what was removed before.
 * @param rows of one person
 * @param before the first moment of a day
 */
export function expiredOf(rows: readonly CheckIn[], calendar: Calendar, before: number): CheckIn[] {
  if (!rows.some(({ at }) => at < before)) return [];
  const near = rows.filter(({ at }) => at < before + MOST_SHIFT_MS);
  const day = dayOf(before, calendar);
  const spans = spansOf(counting(near), calendar, before).filter((span) => span.day < day);
  const over = new Set(spans.flatMap((span) => [span.in, span.out]));
  return near.filter(({ id, at, removed }) => (removed ? at < before : over.has(id)));
}

/** What reports are made from. */
export interface Attending {
  calendar: Calendar;
  now: number;
  people: readonly { person: string; name: string; rows: readonly CheckIn[] }[];
  tell: (row: CheckIn) => ToldCheckIn;
  /** Name of the site that it is from; empty where sites share nothing. */
  siteOf: (row: CheckIn) => string;
}

export function dayReport(day: string, { calendar, now, people, tell }: Attending): DayReport {
  const { from, to } = boundsOf(day, calendar);
  return {
    day,
    timeZone: calendar.timeZone,
    from,
    to,
    people: people.flatMap(({ person, name, rows }) => {
      const near = rows.filter(({ at }) => at >= from - MOST_SHIFT_MS && at < to + MOST_SHIFT_MS);
      const spans = spansOf(counting(near), calendar, now).filter((span) => span.day === day);
      const within = new Set(spans.flatMap((span) => [span.in, span.out]));
      const own = near.filter(({ id, at, removed }) => within.has(id) || (removed && at >= from && at < to));
      if (own.length === 0) return [];
      return [
        {
          person,
          name,
          ...totalsOf(spans),
          spans: spans.map(({ day: _day, ...span }) => span),
          checkIns: own.sort((a, b) => a.at - b.at).map(tell),
        },
      ];
    }),
  };
}

/** A line for each person of a day. @param now what is elapsed while they are here */
export function rowsOf({ people, timeZone }: DayReport, now: number): DayRow[] {
  const clock = (at: number | null | undefined): string =>
    at == null ? "" : stampOf(at, timeZone).slice("2026-11-26 ".length, "2026-11-26 08:03".length);
  return people.map(({ name, ms, missing, spans }) => {
    const last = spans.at(-1);
    const here = last?.running === true && last.from !== null ? now - last.from : 0;
    const minutes = Math.floor((ms + here) / MINUTE_MS);
    return {
      name,
      from: clock(spans[0]?.from),
      to: clock(last?.to),
      hours: `${Math.floor(minutes / MINUTES_AN_HOUR)}:${String(minutes % MINUTES_AN_HOUR).padStart(2, "0")}`,
      missing,
    };
  });
}

export function monthReport(month: string, { calendar, now, people, siteOf }: Attending): MonthReport {
  const days = daysOf(month);
  const from = boundsOf(days[0] ?? "", calendar).from - MOST_SHIFT_MS;
  const to = boundsOf(days.at(-1) ?? "", calendar).to + MOST_SHIFT_MS;
  return {
    month,
    timeZone: calendar.timeZone,
    days,
    people: people.flatMap(({ person, name, rows }) => {
      const near = rows.filter(({ at }) => at >= from && at < to);
      const byId = new Map(near.map((row) => [row.id, row]));
      const byDay = new Map<string, Span[]>();
      for (const { day, ...span } of spansOf(counting(near), calendar, now)) {
        if (!day.startsWith(month)) continue;
        byDay.set(day, [...(byDay.get(day) ?? []), span]);
      }
      if (byDay.size === 0) return [];
      const told = [...byDay].map(([day, spans]) => {
        const ends = spans.flatMap((span) => [span.from ?? [], span.to ?? []].flat());
        return {
          day,
          first: ends.length === 0 ? null : Math.min(...ends),
          last: ends.length === 0 ? null : Math.max(...ends),
          ...totalsOf(spans),
          spans: spans.length,
          sites: sitesOf(spans, byId, siteOf),
        };
      });
      return [
        {
          person,
          name,
          ms: sum(told.map(({ ms }) => ms)),
          missing: sum(told.map(({ missing }) => missing)),
          days: told,
        },
      ];
    }),
  };
}

function sitesOf(spans: readonly Span[], byId: ReadonlyMap<string, CheckIn>, siteOf: Attending["siteOf"]): string[] {
  const rows = spans.flatMap((span) => [span.in, span.out]).flatMap((id) => (id === null ? [] : (byId.get(id) ?? [])));
  return [...new Set(rows.map(siteOf))].filter((site) => site !== "");
}

const counting = (rows: readonly CheckIn[]): CheckIn[] => rows.filter(({ removed }) => !removed);

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

function totalsOf(spans: readonly Span[]): { ms: number; missing: number; running: boolean } {
  return {
    ms: sum(spans.map(({ ms }) => ms ?? 0)),
    missing: spans.filter(({ missing }) => missing !== null).length,
    running: spans.some(({ running }) => running),
  };
}
