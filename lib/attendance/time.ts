/** Days as people live them: of a time zone (IANA), from an hour at which a working day begins to the next one's. */
import { z } from "zod";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import { own } from "../validate";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Farther than any two clocks of the world are apart, so that a change of the clocks lies in between. */
const AROUND_MS = 36 * HOUR_MS;
const MINUTES_AN_HOUR = 60;

/** "2026-11-26". */
export const daySchema = z
  .string()
  .refine((day) => /^\d{4}-\d{2}-\d{2}$/.test(day) && isDay(day), own("attendance.noDay"));
/** "2026-11". */
export const monthSchema = z
  .string()
  .refine((month) => /^\d{4}-\d{2}$/.test(month) && isDay(`${month}-01`), own("attendance.noMonth"));

/** How a clock on the wall counts days. */
export interface Calendar {
  /** IANA name: "Europe/Berlin". */
  timeZone: string;
  /** Minutes after midnight at which a working day begins, 0 to 1439. */
  begins: number;
}

/** From the first moment of a day to the first of the next, in milliseconds since the epoch. */
export interface Bounds {
  from: number;
  to: number;
}

/** The time zone of this computer. */
export function ownTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Time zones and days that were asked for lately; a month of a few calendars. */
const formats = new BoundedMap<string, Intl.DateTimeFormat>(50);
const starts = new BoundedMap<string, number>(1000);

/** @throws a sentence when there is no such time zone */
export function checkTimeZone(timeZone: string): void {
  try {
    formatOf(timeZone);
  } catch (error) {
    throw new UserError("attendance.noTimeZone", { timeZone }, { cause: error });
  }
}

/** The working day that a moment belongs to. */
export function dayOf(at: number, calendar: Calendar): string {
  const day = dateOf(wallOf(at, calendar.timeZone) - calendar.begins * MINUTE_MS);
  // Where the clocks are put back an hour comes twice: what lies behind the beginning of a day stays behind it.
  if (at >= startOf(dayAfter(day), calendar)) return dayAfter(day);
  return at < startOf(day, calendar) ? dayBefore(day) : day;
}

/** @param day as daySchema has it */
export function boundsOf(day: string, calendar: Calendar): Bounds {
  return { from: startOf(day, calendar), to: startOf(dayAfter(day), calendar) };
}

/** @param month as monthSchema has it */
export function daysOf(month: string): string[] {
  const days: string[] = [];
  for (let day = `${month}-01`; day.startsWith(month); day = dayAfter(day)) days.push(day);
  return days;
}

/** The first moment of the month that a moment belongs to. */
export function monthStart(at: number, calendar: Calendar): number {
  return startOf(`${dayOf(at, calendar).slice(0, "2026-11".length)}-01`, calendar);
}

export function dayAfter(day: string): string {
  return dateOf(midnightOf(day) + DAY_MS);
}

export function dayBefore(day: string): string {
  return dateOf(midnightOf(day) - DAY_MS);
}

/** "2026-11-26 08:03:00", as a clock on the wall shows it. */
export function stampOf(at: number, timeZone: string): string {
  return new Date(wallOf(at, timeZone)).toISOString().slice(0, 19).replace("T", " ");
}

/** "+01:00". */
export function offsetOf(at: number, timeZone: string): string {
  const minutes = Math.round((wallOf(at, timeZone) - at) / MINUTE_MS);
  const two = (value: number): string => String(Math.trunc(Math.abs(value))).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(minutes / MINUTES_AN_HOUR)}:${two(minutes % MINUTES_AN_HOUR)}`;
}

/**
 * The moment at which a clock on the wall shows a time: the first one where it shows it twice, and the first after it
 * where it never does.
 * @param stamp "2026-11-26 08:03:00", or without seconds
 */
export function momentOf(stamp: string, timeZone: string): number {
  return momentAt(Date.parse(`${stamp.replace(" ", "T")}Z`), timeZone);
}

function startOf(day: string, { timeZone, begins }: Calendar): number {
  const key = `${day} ${begins} ${timeZone}`;
  const known = starts.get(key);
  if (known !== undefined) return known;
  const found = momentAt(midnightOf(day) + begins * MINUTE_MS, timeZone);
  starts.set(key, found);
  return found;
}

/** @param wall what the clock shows, written as milliseconds of UTC */
function momentAt(wall: number, timeZone: string): number {
  const offsets = [wall - AROUND_MS, wall + AROUND_MS].map((around) => wallOf(around, timeZone) - around);
  const moments = offsets.map((offset) => wall - offset).sort((a, b) => a - b);
  const shown = moments.find((moment) => wallOf(moment, timeZone) === wall);
  if (shown !== undefined) return shown;
  // The clocks are put forward over it: the first moment at which it is past.
  let [before = wall, after = wall] = moments;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wallOf(middle, timeZone) >= wall) after = middle;
    else before = middle;
  }
  return after;
}

/** What the clock on the wall shows, written as milliseconds of UTC. */
function wallOf(at: number, timeZone: string): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const SECOND_MS = 1000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % SECOND_MS) + SECOND_MS) % SECOND_MS);
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(timeZone, format);
  return format;
}

function midnightOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function dateOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}

function isDay(day: string): boolean {
  const at = midnightOf(day);
  return !Number.isNaN(at) && dateOf(at) === day;
}
