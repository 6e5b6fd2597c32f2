// How many lines of lib/ and api/, as built, the tests of test/lib and test/api reach, by Node.js's own coverage:
// `npm run coverage`, and `npm test -- --coverage` along with all other tests. The floor in package.json only rises;
// `-- --raise` raises it to half a point under what is reached.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runTests } from "./tests.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Under test/, whose tests count; and what they are about. */
export const FOLDERS = ["lib", "api"];
const MANIFEST = join(root, "package.json");
/** A busy computer reaches a few lines fewer or more, of retries and timeouts: no floor may fail of that. */
const SLACK = 0.5;

/**
 * Lines found and reached, by file, of an LCOV report.
 * @param text with "SF:", "LF:", "LH:" and "end_of_record" (ltp.sourceforge.net/coverage/lcov/geninfo.1.php)
 */
export function parseLcov(text) {
  const files = new Map();
  let file;
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^(SF|LF|LH):(.*)$/.exec(line) ?? [];
    if (key === "SF") {
      file = { found: 0, reached: 0 };
      files.set(value.replaceAll("\\", "/"), file);
    } else if (key === "LF" && file !== undefined) file.found = Number(value);
    else if (key === "LH" && file !== undefined) file.reached = Number(value);
  }
  return files;
}

/**
 * By folder and in all. A file that no test loads has no line reached.
 * @param built path and number of lines of every file
 * @returns rows of folder, lines found and lines reached; the last is of all
 */
export function summary(files, built) {
  const rows = new Map();
  const all = { name: "all", found: 0, reached: 0 };
  for (const { path, lines } of built) {
    const { found, reached } = files.get(path) ?? { found: lines, reached: 0 };
    const name = path.split("/").slice(1, -1).slice(0, 2).join("/");
    if (!rows.has(name)) rows.set(name, { name, found: 0, reached: 0 });
    for (const row of [rows.get(name), all]) {
      row.found += found;
      row.reached += reached;
    }
  }
  return [...[...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), all];
}

/** In per cent, rounded down to one digit: 99.96 is not all. */
export const share = ({ found, reached }) => Math.floor((1000 * reached) / Math.max(1, found)) / 10;

function builtFiles() {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, "dist", folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".js"))
      .map((file) => join(root, "dist", folder, file))
      .map((file) => ({
        path: relative(root, file).split(sep).join("/"),
        lines: readFileSync(file, "utf8").split("\n").length,
      })),
  );
}

/** Of what is reached, in per cent. @returns the floor to be: never below the one there is */
export const raised = (floor, reached) => Math.max(floor, Math.round(10 * (reached - SLACK)) / 10);

/**
 * Run test files, then print what those of FOLDERS reach.
 * @param judge whether to hold it against the floor @param raise whether to raise the floor
 * @param concurrency test files at once
 * @throws a sentence when a test fails, or less is reached than the floor
 */
export async function runCovered(testFiles, { say, judge, raise, concurrency }) {
  const folder = mkdtempSync(join(tmpdir(), "coverage-"));
  const report = join(folder, "lcov.info");
  try {
    await runTests(testFiles, {
      concurrency,
      options: ["--experimental-test-coverage", "--test-reporter=lcov", `--test-reporter-destination=${report}`],
      // The usual one, without its list of every line that is not reached.
      reporter: pathToFileURL(join(root, "scripts/reporter.mjs")).href,
    });
    const files = parseLcov(readFileSync(report, "utf8"));
    if (files.size === 0) throw new Error("Node.js reported no coverage: look for its warning above.");
    const rows = summary(files, builtFiles());
    for (const row of rows)
      console.log(
        `${row.name.padEnd(20)} ${String(row.reached).padStart(6)} of ${String(row.found).padStart(6)} lines ` +
          `${share(row).toFixed(1).padStart(5)} %`,
      );
    if (!judge) return;
    const reached = share(rows.at(-1));
    const text = readFileSync(MANIFEST, "utf8");
    const floor = JSON.parse(text).coverage.lines;
    if (reached < floor)
      throw new Error(`${reached} % of the lines are reached, and ${floor} % is the floor: test what is new.`);
    if (raise) writeFileSync(MANIFEST, text.replace(/("lines": )[\d.]+/, `$1${raised(floor, reached)}`));
    say(`${reached} % of the lines are reached; the floor is ${raise ? raised(floor, reached) : floor} %`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
