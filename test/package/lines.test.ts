import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(__dirname, "../..");
/** What a line may have at most, as .editorconfig and Prettier have it; in characters. */
const LONGEST = 119;
const FOLDERS = ["api", "bench", "editor", "lib", "nodes", "plugins", "scripts", "test"];
const CODE = /\.(?:ts|mjs|cjs|css)$/;
/** Copied as others made it. */
const COPIED = /(?:^|[/\\])(?:node_modules|vendor)[/\\]/;

const codeOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => CODE.test(file) && !COPIED.test(file))
    .map((file) => join(folder, file));

describe("the code", () => {
  it("has no line that reaches column 120", () => {
    const files = FOLDERS.flatMap(codeOf);
    assert.ok(files.length > 300, `only ${files.length} files were found`);
    const long = files.flatMap((file) =>
      readFileSync(join(ROOT, file), "utf8")
        .split(/\r?\n/)
        .flatMap((line, index) => (Array.from(line).length > LONGEST ? [`${file}:${index + 1}`] : [])),
    );
    assert.deepEqual(long, []);
  });
});
