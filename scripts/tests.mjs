// Where the tests are, and how they are run.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** A test file that takes longer hangs, also on a busy computer. */
const TEST_TIMEOUT_MS = 900_000;

/**
 * Test files at once. Each waits for processes and cameras half of the time, so that two cores take three (Node.js
 * would take one); more than four would each need a Node-RED and a browser's memory. Where others want the processor
 * too (a load, as os.loadavg gives it, of twice the cores), each file gets a smaller share of it: then two more.
 */
export const filesAtOnce = (load, cores = availableParallelism()) =>
  Math.min(4, cores + 1) + (load > 2 * cores ? 2 : 0);

/** The test files of a folder under test/, with the folders in it. Node 20 expands no globs, and shells differ. */
export function testsIn(name) {
  const folder = join(root, "test", name);
  const found = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".test.ts"));
  return found.sort((a, b) => a.localeCompare(b)).map((file) => relative(root, join(folder, file)));
}

/** Whether a test file takes the processor for more than about 12 seconds: all of them take twenty minutes. */
export const isSlow = (file) => file.endsWith(".slow.test.ts");

/** "nodes/pipeline": what a test file is about, whether it is slow or not. */
export const subjectOf = (file) =>
  file
    .replaceAll("\\", "/")
    .replace(/^test\//, "")
    .replace(/(?:\.slow)?\.test\.ts$/, "");

/** Files that take longest on two quiet cores. Begun last, one of them would be waited for alone. */
const LONGEST = ["demo/start", "nodes/change-network", "flows/examples", "package/package", "package/dev"];

function longestFirst(files) {
  const place = (file) => {
    const at = LONGEST.indexOf(subjectOf(file));
    return at < 0 ? LONGEST.length + (isSlow(file) ? 0 : 1) : at;
  };
  return files.toSorted((a, b) => place(a) - place(b));
}

/**
 * Run test files, on lib/, api/ and nodes/ as they are built. What they leave in the temporary folder, galleries and
 * pictures among it, goes with the run.
 * @throws a sentence when one fails
 */
export async function runTests(
  files,
  {
    node = process.execPath,
    env = {},
    options = [],
    reporter = "spec",
    timeoutMs = TEST_TIMEOUT_MS,
    concurrency = filesAtOnce(0),
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "facenet-test-"));
  try {
    await run(
      node,
      [
        "--import",
        "tsx",
        `--require=${join(root, "scripts/built.cjs")}`,
        "--test",
        `--test-reporter=${reporter}`,
        "--test-reporter-destination=stdout",
        ...options,
        `--test-timeout=${timeoutMs}`,
        `--test-concurrency=${concurrency}`,
        ...longestFirst(files),
      ],
      { env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, ...env } },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
