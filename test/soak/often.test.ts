/** What npm test does a few times by chance, many times: kills, disks that are full, and attacks on a gate. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { often } from "../support/soak";

const LIB = join(__dirname, "../lib");
/** A minute for most of them on a quiet computer, ten times that on a busy one. */
const PATIENCE_MS = 1_500_000;

/**
 * Times as often as npm test does it, 0 where once is enough for the short form; of a file that holds more, the tests
 * whose name this is in.
 */
const REPEATED: [what: string, file: string, times: number, name?: string][] = [
  ["the visit book, killed", "visits/kills.test.ts", often(0, 17)],
  ["the attendance book, killed", "attendance/kills.slow.test.ts", often(0, 17)],
  ["the people, killed", "people/store.slow.test.ts", often(0, 17), "when it is killed"],
  ["an import, killed", "people/import-kills.slow.test.ts", often(0, 17)],
  ["sites, killed", "sites/kills.slow.test.ts", often(0, 17)],
  ["sites with one attendance book, killed", "attendance/sites-kills.test.ts", often(0, 17)],
  ["people on a disk that is full", "people/full-disk.slow.test.ts", often(0, 20)],
  ["a gate, in every combination of conditions", "gate/table.test.ts", often(10, 10)],
  ["a gate, sent a million messages or ten", "gate/never.test.ts", often(10, 100)],
];

describe("what is done often", { concurrency: 2 }, () => {
  for (const [what, file, times, name] of REPEATED.filter((each) => each[2] > 0))
    it(what, { timeout: PATIENCE_MS }, async () => {
      const args = [
        ...process.execArgv,
        "--test",
        "--test-reporter=spec",
        ...(name === undefined ? [] : [`--test-name-pattern=${name}`]),
        join(LIB, file),
      ];
      const env: NodeJS.ProcessEnv = { ...process.env, FACENET_OFTEN: String(times) };
      // Else it believes that it is a part of this run.
      delete env["NODE_TEST_CONTEXT"];
      const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: PATIENCE_MS });
      assert.match(stdout, /pass [1-9]/);
      assert.match(stdout, /fail 0\b/);
    });
});
