/** The times at which people may pass, by this computer's clock. */
import { z } from "zod";
import { own } from "../validate";

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, own("match.time"));

const ruleSchema = z.object({
  /** 1 is Monday, 7 is Sunday (ISO 8601). */
  days: z.array(z.number().int().min(1).max(7)).min(1).max(7),
  /** The first minute that is open … */
  from: time,
  /** … and the first that is not. Not later than `from`, it is a time of the next day. */
  to: time,
});

export const scheduleSchema = z.array(ruleSchema).max(100);

export type Rule = z.infer<typeof ruleSchema>;

const DAYS = 7;
const MINUTES_AN_HOUR = 60;

/**
 * Whether it is open at a moment; without rules it always is. A time past midnight belongs to the day on which it
 * begins.
 */
export function isOpen(rules: readonly Rule[], at: Date): boolean {
  if (rules.length === 0) return true;
  // Sunday is 0 in JavaScript.
  const today = at.getDay() === 0 ? DAYS : at.getDay();
  const yesterday = today === 1 ? DAYS : today - 1;
  const now = at.getHours() * MINUTES_AN_HOUR + at.getMinutes();
  return rules.some(({ days, from, to }) => {
    const [first, last] = [minutesOf(from), minutesOf(to)];
    if (first < last) return days.includes(today) && now >= first && now < last;
    return (days.includes(today) && now >= first) || (days.includes(yesterday) && now < last);
  });
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * MINUTES_AN_HOUR + minutes;
}
