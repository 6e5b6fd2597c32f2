/**
 * Check-ins as CSV (RFC 4180) in UTF-8 with a byte order mark: without it Excel reads another encoding, and others
 * pass over it. What a spreadsheet would take for a formula is quoted by an apostrophe (OWASP, "CSV Injection").
 */
import type { ToldCheckIn } from "./pairs";
import { offsetOf } from "./time";

const BYTE_ORDER_MARK = "\uFEFF";
const COLUMNS = ["day", "person", "name", "type", "time", "offset", "zone", "camera", "visit", "id", "corrected"];

/** With a line of column names; times by the clock on the wall, and how far it is from UTC. */
export function csvOf(rows: readonly ToldCheckIn[], timeZone: string): string {
  const lines = rows.map((row) => [
    row.day,
    row.person,
    row.name,
    row.type,
    row.local,
    `UTC${offsetOf(row.at, timeZone)}`,
    row.zone,
    row.source,
    row.visit ?? "",
    row.id,
    row.corrected ? "yes" : "no",
  ]);
  return BYTE_ORDER_MARK + [COLUMNS, ...lines].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

/** A full-width sign begins a formula in a spreadsheet of East Asia too. */
const FORMULA = /^\s*[=+\-@\t\r\n＝＋－＠|%]/u;

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
