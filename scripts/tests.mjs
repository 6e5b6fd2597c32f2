// Where the tests are. Node 20 expands no globs, and shells differ.
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The test files of a folder under test/, with the folders in it. */
export function testsIn(name) {
  const folder = join(root, "test", name);
  const found = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".test.ts"));
  return found.sort((a, b) => a.localeCompare(b)).map((file) => relative(root, join(folder, file)));
}
