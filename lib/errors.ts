/** Whose an error is. */
import { redact } from "./redact";

/**
 * A sentence for people: it names what came in, or the node or setting, and how to mend it. They read it in the
 * editor, in `error.message`
 * of a catch node, and as a 4xx of the API. Whatever is thrown and is none of these is ours to mend: 500, and logged
 * with its stack.
 */
export class UserError extends Error {}

/** Ours to mend, with a message that names no person and no secret: it may be logged as it is. */
export class Fault extends Error {}

/** The words of whatever was thrown. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What is said of an error to whoever asked, without the logins in it. */
export function said(error: unknown): string {
  return redact(errorMessage(error));
}

const MOST_CAUSES = 5;

/**
 * An error for the log: its kind, code and places, and those of what caused it. Not its message, unless it is a
 * Fault's: a parser quotes
 * what it read, the system names files, and both may be somebody's.
 */
export function traceOf(error: unknown): string {
  const parts: string[] = [];
  for (
    let each: unknown = error;
    (parts.length === 0 || each !== undefined) && parts.length < MOST_CAUSES;
    each = each instanceof Error ? each.cause : undefined
  )
    parts.push(placesOf(each));
  return parts.join("\ncaused by ");
}

function placesOf(error: unknown): string {
  if (!(error instanceof Error)) return `no error but ${error === null ? "null" : `a ${typeof error}`}`;
  const { code } = error as NodeJS.ErrnoException;
  const shown = typeof code === "string" && /^[A-Z][A-Z0-9_]*$/.test(code) ? ` ${code}` : "";
  const kind = `${error.constructor.name}${shown}${error instanceof Fault ? `: ${error.message}` : ""}`;
  const places = String(error.stack)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  return [kind, ...places].join("\n");
}
