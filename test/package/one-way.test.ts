/** What the house plan wants done in one place only, as far as the linter cannot tell. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(__dirname, "../..");
const sources = ["lib", "api", "nodes"].flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(room, path).replaceAll("\\", "/"))
    .map((path) => [path, withoutComments(readFileSync(join(ROOT, path), "utf8"))] as const),
);

function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\*\*?[^]*?\*\/|\/\/.*)$/gm, "");
}

interface Rule {
  what: string;
  /** Which files do it, in which places. */
  pattern: RegExp;
  /** Where it is done, and why there. */
  homes: readonly string[];
  /** Lines that must be found, and lines that must not. */
  guilty: readonly string[];
  innocent: readonly string[];
}

const RULES: readonly Rule[] = [
  {
    what: "measures the distance of two embeddings",
    // Two numbers of two lists, one taken from the other, the places of neither being pixels or landmarks.
    pattern: /\[[^\]]+\] as number\) - \([\w.#]+\[[^\]]+\] as number\)(?:;|\) \*\* 2)/,
    homes: [
      "lib/embed/distance.ts",
      // Of pixels: what a camera sees now and saw before.
      "lib/detect/look.ts",
      "lib/detect/sketch.ts",
    ],
    guilty: [
      "const difference = (a[index] as number) - (b[index] as number);",
      "sum += ((a.values[row * d + axis] as number) - (b.values[at] as number)) ** 2;",
    ],
    innocent: ["const width = (box[2] as number) - left;"],
  },
  {
    what: "runs one thing after another",
    pattern: /(\bthis\.#?\w+|\b\w+) = \1\s*\.(?:then|finally)\(/,
    homes: [],
    guilty: ["this.#running = this.#running.then(() => this.#run());", "last = last.finally(work);"],
    innocent: ["this.#ended = this.#run().finally(done);"],
  },
  {
    what: "lets the oldest of a map go",
    pattern: /\.(?:keys|values|entries)\(\)\.next\(\)|\[\[?\w+[^=\n]*\]\]? = [\w.#]+\.(?:keys|values|entries)\(\)/,
    homes: [
      "lib/bounded-map.ts",
      // Takes the next that waits.
      "lib/workers/inbox.ts",
      // Ends the visit that began first, with an event.
      "lib/presence/visits.ts",
    ],
    guilty: ["this.#map.delete(this.#map.keys().next().value);", "const [oldest] = this.#seen.keys();"],
    innocent: ["for (const [key, value] of this.#map.entries()) use(key, value);"],
  },
  {
    what: "makes a sentence of an error",
    pattern: /(?<!nameError\(\w+, )\b(?:error|cause|failure|thrown|reason|err)(?: as [\w.]+)?\)?\??\.message\b/,
    homes: [
      "lib/errors.ts",
      // A UserError's, beside its sentence.
      "lib/people/people.ts",
    ],
    guilty: ["const reason = (error as Error).message;", "`it failed: ${cause.message}`"],
    innocent: ["this.warn(nameError(this, error).message);", "const { message } = worded(sentence);"],
  },
  {
    what: "throws English that is neither a sentence by its key nor a Fault",
    // With a code it stands for an error of the system.
    pattern: /(?<!Object\.assign\()\bnew (?:Error|TypeError|RangeError)\(/,
    homes: [
      // Made of a sentence.
      "nodes/common/on-input.ts",
    ],
    guilty: ['throw new Error("it has no voice");', "reject(new TypeError(`no ${what}`));"],
    innocent: ['throw Object.assign(new Error("no file"), { code: "EISDIR" });', 'throw new Fault("closed");'],
  },
  {
    what: "writes a distance down",
    pattern: /(?:distance|threshold|nearest|apart|again|tau|nearer|own|other)\w*\)?\??\.toFixed\(/i,
    homes: [],
    guilty: ["text: `${match.distance?.toFixed(2)}`", "threshold: cohortThreshold.toFixed(3)"],
    innocent: ["seconds: ms.toFixed(1)", "return fixed(distance, 2);"],
  },
  {
    what: "says why something failed in English alone",
    pattern:
      /\b(?:reason|why|because|message|note|sentence): (?:["'][A-Za-z][^"'\n]* [^"'\n]*["']|`[^`\n]*\w\w [^`\n]*`)/,
    homes: [],
    guilty: ['return { reason: "it ended without an answer" };', "note: `not this person: ${source}`,"],
    innocent: ['return { reason: "above_threshold" };', 'reason: phrase("tensor.noAnswer"),'],
  },
];

describe("the house does in one place what", () => {
  for (const { what, pattern, homes, guilty, innocent } of RULES)
    it(what, () => {
      assert.ok(sources.length > 200, `only ${sources.length} files were found`);
      for (const line of guilty) assert.match(line, pattern);
      for (const line of innocent) assert.doesNotMatch(line, pattern);
      const found = sources.flatMap(([path, text]) =>
        homes.includes(path)
          ? []
          : text.split("\n").flatMap((line) => (pattern.test(line) ? [`${path}: ${line}`] : [])),
      );
      assert.deepEqual(found, []);
    });

  it("has every home, and each needs to be one", () => {
    const idle = RULES.flatMap(({ homes, pattern }) =>
      homes.filter((home) => !pattern.test(sources.find(([path]) => path === home)?.[1] ?? "")),
    );
    assert.deepEqual(idle, []);
  });
});
