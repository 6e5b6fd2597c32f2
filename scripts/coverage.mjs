// `npm run coverage`: how many lines of lib/ and api/ the tests of test/lib and test/api reach, as built, by Node.js's
// own coverage. Ends with 1 below the floor in package.json; the floor only rises. `-- --raise` raises it to what is
// reached.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { progress, setUp } from "./setup.mjs";
import { runTests, testsIn } from "./tests.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["lib", "api"];
const MANIFEST = join(root, "package.json");

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

async function main(args) {
  const say = progress("coverage");
  const raise = args.includes("--raise");
  const folders = args.filter((each) => !each.startsWith("--"));
  await setUp(say);
  const folder = mkdtempSync(join(tmpdir(), "coverage-"));
  const report = join(folder, "lcov.info");
  try {
    await runTests((folders.length === 0 ? FOLDERS : folders).flatMap(testsIn), {
      options: [
        `--require=${join(root, "scripts/built.cjs")}`,
        "--experimental-test-coverage",
        "--test-reporter=lcov",
        `--test-reporter-destination=${report}`,
      ],
      reporter: "dot",
    });
    const rows = summary(parseLcov(readFileSync(report, "utf8")), builtFiles());
    for (const row of rows)
      console.log(
        `${row.name.padEnd(20)} ${String(row.reached).padStart(6)} of ${String(row.found).padStart(6)} lines ` +
          `${share(row).toFixed(1).padStart(5)} %`,
      );
    if (folders.length > 0) return;
    const reached = share(rows.at(-1));
    const text = readFileSync(MANIFEST, "utf8");
    const { coverage } = JSON.parse(text);
    if (reached < coverage.lines)
      throw new Error(`${reached} % of the lines are reached, ${coverage.lines} % were before: test what is new.`);
    if (raise && reached > coverage.lines)
      writeFileSync(MANIFEST, text.replace(/("coverage": \{\s*"lines": )[\d.]+/, `$1${reached}`));
    say(`${reached} % of the lines are reached; the floor is ${coverage.lines} %`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
