import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";

const ROOT = join(__dirname, "../..");

interface Row {
  name: string;
  found: number;
  reached: number;
}

interface Coverage {
  parseLcov: (text: string) => Map<string, { found: number; reached: number }>;
  summary(files: ReturnType<Coverage["parseLcov"]>, built: readonly { path: string; lines: number }[]): Row[];
  share(row: Row): number;
  raised(floor: number, reached: number): number;
}

describe("coverage", () => {
  let made: Coverage;
  before(async () => {
    made = (await import(pathToFileURL(join(ROOT, "scripts/coverage.mjs")).href)) as Coverage;
  });

  it("counts lines by folder, and those of a file that no test loads", () => {
    const report =
      "TN:\nSF:dist/lib/match/a.js\nFN:1,a\nDA:1,2\nLF:10\nLH:9\nend_of_record\n" +
      "SF:dist\\lib\\match\\deep\\b.js\r\nLF:30\r\nLH:1\r\nend_of_record\r\nSF:test/lib/a.test.ts\nLF:99\nLH:99\n";
    const rows = made.summary(made.parseLcov(report), [
      { path: "dist/lib/match/a.js", lines: 10 },
      { path: "dist/lib/match/deep/b.js", lines: 30 },
      { path: "dist/api/c.js", lines: 60 },
    ]);
    assert.deepEqual(rows, [
      { name: "api", found: 60, reached: 0 },
      { name: "lib/match", found: 40, reached: 10 },
      { name: "all", found: 100, reached: 10 },
    ]);
    assert.equal(made.share({ name: "", found: 10_000, reached: 9_999 }), 99.9);
  });

  it("has a floor half a point under what is reached, which only rises", () => {
    assert.deepEqual(
      [made.raised(0, 93.4), made.raised(92.9, 93.4), made.raised(92.9, 95), made.raised(92.9, 80)],
      [92.9, 92.9, 94.5, 92.9],
    );
  });

  it("prints the usual summary, and no list of all lines that are not reached", () => {
    const project = mkdtempSync(join(tmpdir(), "reporter-"));
    const test = join(project, "some.test.cjs");
    writeFileSync(test, 'require("node:test").it("does its work", () => undefined);');
    const reporter = pathToFileURL(join(ROOT, "scripts/reporter.mjs")).href;
    // Not a part of the run that this test is in.
    const { NODE_TEST_CONTEXT: _ours, NODE_V8_COVERAGE: _too, ...env } = process.env;
    const args = ["--test", "--experimental-test-coverage", `--test-reporter=${reporter}`, test];
    const said = execFileSync(process.execPath, args, { cwd: project, encoding: "utf8", env });
    assert.match(said, /does its work/);
    assert.match(said, /pass 1\n/);
    assert.doesNotMatch(said, /coverage/);
  });

  it("counts nothing in what a test starts, which may be killed in the middle of its report", () => {
    const project = mkdtempSync(join(tmpdir(), "counted-"));
    const test = join(project, "some.test.cjs");
    writeFileSync(
      test,
      `require("node:test").it("starts a process", async () => {
        const { execFile } = require("node:child_process");
        const run = require("node:util").promisify(execFile);
        const { stdout } = await run(process.execPath, ["-p", "String(process.env.NODE_V8_COVERAGE)"]);
        require("node:assert").equal(stdout.trim(), "undefined");
        require("node:assert").notEqual(process.env.NODE_V8_COVERAGE, undefined);
      });`,
    );
    const { NODE_TEST_CONTEXT: _ours, NODE_V8_COVERAGE: _too, ...env } = process.env;
    const hook = `--require=${join(ROOT, "scripts/built.cjs")}`;
    const args = [hook, "--test", "--experimental-test-coverage", "--test-reporter=tap", test];
    assert.match(execFileSync(process.execPath, args, { cwd: project, encoding: "utf8", env }), /# pass 1\n/);
  });
});
