/** Check-ins as CSV. */
import { BYTE_ORDER_MARK, csvLine } from "../csv";
import type { ToldCheckIn } from "./pairs";
import { offsetOf } from "./time";

const COLUMNS = [
  "day",
  "person",
  "name",
  "type",
  "time",
  "offset",
  "zone",
  "camera",
  "visit",
  "id",
  "corrected",
  "site",
];

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
    row.site,
  ]);
  return BYTE_ORDER_MARK + [COLUMNS, ...lines].map(csvLine).join("");
}
