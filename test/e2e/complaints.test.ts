/** That no page complains unheard. Needs Chromium. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";

function run(complaint: string): { status: number | null; output: string } {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--test", join(__dirname, "../support/complaining-page.ts")],
    {
      encoding: "utf8",
      timeout: 180_000,
      env: { ...process.env, COMPLAINT: complaint, NODE_TEST_CONTEXT: undefined },
    },
  );
  return { status, output: stdout };
}

describe("a page in a test", () => {
  for (const complaint of ["error", "throws"])
    it(`fails the file, whatever that looks at, where it complains (${complaint})`, () => {
      const { status, output } = run(complaint);
      assert.equal(status, 1, output);
      assert.match(output, /what pages complained of[^]*out of order/);
    });

  it("may say what is no error", () => {
    const { status, output } = run("warn");
    assert.equal(status, 0, output);
  });
});
