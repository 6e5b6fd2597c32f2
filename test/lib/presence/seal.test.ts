import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isSealed, sealOf } from "../../../lib/presence/seal";

const told = { person: "p1", at: 5, here: [{ visit: "v1", zone: "door", stranger: undefined }], sequence: 1 };

describe("a seal", () => {
  it("holds whatever way a message takes: copied, through JSON, its keys in another order, with a picture", () => {
    const sealed = { ...told, seal: sealOf(told) };
    const again = JSON.parse(JSON.stringify(sealed)) as typeof sealed;
    const { seal, sequence, here, at, person } = sealed;
    for (const same of [
      sealed,
      again,
      { seal, sequence, here, at, person },
      { ...sealed, snapshot: Buffer.from("a") },
    ])
      assert.ok(isSealed(same));
  });

  it("breaks with whatever is changed, and is on nothing that a flow makes up", () => {
    const seal = sealOf(told);
    for (const other of [
      { ...told, person: "p2", seal },
      { ...told, at: 6, seal },
      { ...told, here: [], seal },
      { ...told, more: 1, seal },
      { ...told, seal: "" },
      { ...told, seal: `${seal} ` },
      { ...told, seal: 5 },
      told,
    ])
      assert.ok(!isSealed(other), JSON.stringify(other));
  });

  it("is another one after a restart", () => {
    const file = JSON.stringify(join(__dirname, "../../../lib/presence/seal"));
    const script = `console.log(require(${file}).sealOf(JSON.parse(process.argv[1])))`;
    const args = [...process.execArgv, "-e", script, JSON.stringify(told)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
    assert.match(stdout.trim(), /^[\w-]{43}$/, stderr);
    assert.notEqual(stdout.trim(), sealOf(told));
  });
});
