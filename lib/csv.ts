/**
 * Tables as CSV (RFC 4180) in UTF-8 with a byte order mark: without it Excel reads another encoding, and others pass
 * over it. What a spreadsheet would take for a formula is quoted by an apostrophe (OWASP, "CSV Injection").
 */

export const BYTE_ORDER_MARK = "\uFEFF";

/** A full-width sign begins a formula in a spreadsheet of East Asia too. */
const FORMULA = /^\s*[=+\-@\t\r\n＝＋－＠|%]/u;

/** One line with its end; nothing is an empty cell. */
export function csvLine(cells: readonly (string | number | null | undefined)[]): string {
  return `${cells.map((value) => (typeof value === "number" ? String(value) : cell(value ?? ""))).join(",")}\r\n`;
}

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
