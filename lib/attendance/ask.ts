/** What a message asks of an attendance book: `msg.attendance`. */
import { z } from "zod";
import { parseOptions } from "../validate";
import type { Attendance } from "./attendance";
import type { DayReport, DayRow, MonthReport } from "./pairs";
import { daySchema, daysOf, monthSchema } from "./time";

/** "today" and "this month" are of the book's own time zone. */
const askedSchema = z.union([
  z.strictObject({
    day: daySchema.or(z.literal("today")),
    csv: z.boolean().default(false),
    rows: z.boolean().default(false),
  }),
  z.strictObject({ month: monthSchema.or(z.literal("today")), csv: z.boolean().default(false) }),
]);
export type Asked = z.infer<typeof askedSchema>;

/** @returns undefined where nothing is asked @throws a sentence */
export function askedOf(value: unknown): Asked | undefined {
  return value === undefined || value === null ? undefined : parseOptions(askedSchema, value, "msg.attendance");
}

export function answerOf(attendance: Attendance, asked: Asked): DayReport | MonthReport | DayRow[] | string {
  const { today } = attendance;
  if ("day" in asked) {
    const day = asked.day === "today" ? today : asked.day;
    if (asked.rows) return attendance.rows(day);
    return asked.csv ? attendance.csv(day, day) : attendance.day(day);
  }
  const month = asked.month === "today" ? today.slice(0, "2026-11".length) : asked.month;
  const days = daysOf(month);
  return asked.csv ? attendance.csv(days[0] ?? "", days.at(-1) ?? "") : attendance.month(month);
}
