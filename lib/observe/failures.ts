/** What failed lately: where and how often, never about whom. */
import { join, sep } from "node:path";
import { z } from "zod";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import { countSchema } from "../validate";

export const failureSchema = z.object({
  where: z.string().describe('A node\'s type, "api", "journal" or a room of lib/'),
  kind: z.string().describe("Class of the error"),
  code: z.string().nullable().describe('The system\'s ("ENOSPC") or the API\'s ("no_gallery"); null without one'),
  told: z.boolean().describe("Whether it was a sentence for people; else it is a fault of the program"),
  places: z
    .array(z.string())
    .describe("Where it was thrown, the innermost first: function and place in a package, no path of this computer"),
  count: countSchema,
  first: z.int().describe("Milliseconds since the epoch"),
  last: z.int().describe("Milliseconds since the epoch, of the newest"),
});
export type Failure = z.infer<typeof failureSchema>;

const MOST_FAILURES = 20;
const MOST_PLACES = 4;
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;
const CLASS = /^[A-Za-z]\w{0,40}$/;
/** This package's folder as it runs: dist/, or the sources. */
const ROOT = join(__dirname, "../..") + sep;
const MODULES = `node_modules${sep}`;

/** The newest failures of different places. A sentence may name people, files and addresses: it is not kept. */
export class Failures {
  readonly #known = new BoundedMap<string, Failure>(MOST_FAILURES);

  note(where: string, error: unknown, now = Date.now()): void {
    const kind = error instanceof Error ? plain(error.constructor.name, CLASS) : null;
    const code = plain((error as { code?: unknown } | null | undefined)?.code, CODE);
    const places = error instanceof Error ? placesOf(error) : [];
    // Who called it is another each time.
    const key = JSON.stringify([where, kind, code, places[0]]);
    const before = this.#known.get(key);
    this.#known.set(key, {
      where,
      kind: kind ?? "no error",
      code,
      told: error instanceof UserError,
      places,
      count: (before?.count ?? 0) + 1,
      first: before?.first ?? now,
      last: now,
    });
  }

  /** The newest first. */
  list(): Failure[] {
    return [...this.#known.values()].toReversed();
  }
}

/** Of all nodes and of the API, as long as Node-RED runs. */
export const failures = new Failures();

function plain(value: unknown, shape: RegExp): string | null {
  return typeof value === "string" && shape.test(value) ? value : null;
}

/** Lines of a stack as V8 writes them, after the message, which may have lines of its own. */
function placesOf({ stack, message }: Error): string[] {
  const text = String(stack);
  const from = message === "" ? 0 : text.indexOf(message) + message.length;
  return text
    .slice(from)
    .split("\n")
    .flatMap((line) => {
      const [, name, place = ""] =
        /^\s+at (?:(?:async |new )*([\w.#<>]+) (?:\[as \w+\] )?\()?(.*:\d+:\d+)\)?$/.exec(line) ?? [];
      const shown = placeOf(place);
      return shown === undefined ? [] : [name === undefined ? shown : `${name} ${shown}`];
    })
    .slice(0, MOST_PLACES);
}

/** A place without the folders of this computer; undefined of what is not in a package. */
function placeOf(place: string): string | undefined {
  const at = place.lastIndexOf(MODULES);
  if (place.startsWith(ROOT) && !place.slice(ROOT.length).includes(MODULES)) return tidy(place.slice(ROOT.length));
  return at < 0 ? undefined : tidy(place.slice(at + MODULES.length));
}

const tidy = (place: string): string => place.replaceAll(sep, "/");
