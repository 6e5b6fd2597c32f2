// `npm test`: from a bare clone to a closing summary. Set-up, types, lint, format, then every test that needs nothing
// from outside.
// Those that are slow it leaves out, which have it in their names; with --all, and of a folder, it runs all.
// With --coverage it also says what lib's and api's tests reach, and fails below the floor (scripts/coverage.mjs).
// `npm run test:e2e` needs Chromium, `npm run test:rtsp` GStreamer's RTSP server, `npm run test:mqtt` mosquitto,
// `npm run test:postgres` PostgreSQL,
// `npm run test:soak` a few minutes, or with --long hours; each is one folder under test/.
import { loadavg } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { FOLDERS, runCovered } from "./coverage.mjs";
import { progress, run, setUp } from "./setup.mjs";
import { filesAtOnce, isSlow, runTests, testsIn } from "./tests.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const USUAL = ["lib", "api", "nodes", "flows", "package", "demo", "bench"];
/** Of test/soak, on a computer that has nothing else to do: each test a few minutes to an hour. */
const LONG = { env: { SOAK_LONG: "1" }, timeoutMs: 2 * 60 * 60 * 1000, concurrency: 1 };
/** The short form of test/soak: minutes for each file, on a busy computer many. */
const SHORT = { timeoutMs: 45 * 60 * 1000 };

async function main(args) {
  const folders = args.filter((each) => !each.startsWith("--"));
  const [all, coverage, raise, long] = ["--all", "--coverage", "--raise", "--long"].map((option) =>
    args.includes(option),
  );
  const say = progress("test");
  await setUp(say);
  // What runs beside other tests of ours has its share; the checks below are a load of their own.
  const concurrency = filesAtOnce(folders.length === 0 ? loadavg()[0] : 0);
  const bin = (path) => join(root, "node_modules", path);
  if (folders.length === 0) {
    say("types, lint with types, format");
    // Side by side: not each of them can use two cores to its end.
    const checks = [
      ...["tsconfig.json", "editor/tsconfig.json"].map((project) => [bin("typescript/bin/tsc"), "-p", project]),
      [bin("oxlint/bin/oxlint"), "--type-aware"],
      [bin("prettier/bin/prettier.cjs"), "--check", "--log-level=warn", "."],
    ];
    const ended = await Promise.allSettled(checks.map((check) => run(process.execPath, check)));
    const failed = ended.filter(({ status }) => status === "rejected");
    if (failed.length > 0) throw new Error(failed.map(({ reason }) => reason.message).join("\n"));
  }
  const chosen = folders.length === 0 ? USUAL : folders;
  const found = chosen.flatMap(testsIn);
  const files = all || folders.length > 0 ? found : found.filter((file) => !isSlow(file));
  const left = found.length - files.length;
  say(`${files.length} test files${left === 0 ? "" : `; ${left} slow ones with npm test -- --all`}`);
  if (coverage) {
    const counts = (file) => FOLDERS.some((folder) => relative("test", file).split(sep)[0] === folder);
    const judge = left === 0 && FOLDERS.every((folder) => chosen.includes(folder));
    // One after the other: what need not be counted does not pay for it. Whatever fails, all are run.
    const failures = [];
    const note = (error) => failures.push(error);
    await runCovered(files.filter(counts), { say, judge, raise, concurrency }).catch(note);
    const others = files.filter((file) => !counts(file));
    if (others.length > 0) await runTests(others, { concurrency }).catch(note);
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join("\n"));
  } else await runTests(files, { concurrency, ...(long ? LONG : chosen.includes("soak") ? SHORT : {}) });
  say("all is well");
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
