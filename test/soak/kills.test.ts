/**
 * Forty kills, or a hundred with --long, of what npm test kills a few times: the visit book, and the attendance book
 * with a hundred visits for each kill.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { LONG } from "../support/soak";

const LIB = join(__dirname, "../lib");
/** Half a minute for each ten kills on a quiet computer, ten times that on a busy one. */
const PATIENCE_MS = 1_500_000;

describe("what survives being killed", { concurrency: true }, () => {
  for (const [what, file] of [
    ["the visit book", "visits/kills.test.ts"],
    ["the attendance book", "attendance/kills.test.ts"],
  ] as const)
    it(what, { timeout: PATIENCE_MS }, async () => {
      const args = [...process.execArgv, "--test", "--test-reporter=spec", join(LIB, file)];
      const env: NodeJS.ProcessEnv = { ...process.env, FACENET_KILLS: LONG ? "100" : "40" };
      // Else it believes that it is a part of this run.
      delete env["NODE_TEST_CONTEXT"];
      const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: PATIENCE_MS });
      assert.match(stdout, /pass 1\b/);
      assert.match(stdout, /fail 0\b/);
    });
});
