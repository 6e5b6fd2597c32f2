/** A gate whose disk refuses: it lets nobody in, says why, goes on by itself, and keeps nothing of who was deleted. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { UserError } from "../../../lib/errors";
import { Gate, type GateParts } from "../../../lib/gate/gate";
import { GateLog, type Own } from "../../../lib/gate/log/log";
import { gateOptionsSchema } from "../../../lib/gate/options";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { isSealed, sealOf } from "../../../lib/presence/seal";
import { StorageError } from "../../../lib/storage";
import { ALICE, GALLERY, PIN, someone } from "../../support/gate";
import { eventually } from "../../support/node-red";
import { noMount, type SmallDisk, smallDisk } from "../../support/small-disk";

const DISK_MB = 4;
const root = mkdtempSync(join(tmpdir(), "gate-disk-"));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const ownOf = (person: string): Own => ({
  person,
  name: person,
  visit: `visit of ${person}`,
  zone: "door",
  distance: 0.5,
  threshold: 0.9,
  sure: 0.99,
  liveness: null,
});

/** Every byte under a folder, as text. */
const allIn = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");

const opened: Gate[] = [];

async function openGate(
  folder: string,
  key?: string,
  more: Partial<GateParts> = {},
): Promise<{ gate: Gate; type: () => Promise<string[]> }> {
  const gate = await Gate.open({
    id: "gate",
    name: "front door",
    folder,
    ...(key === undefined ? {} : { key }),
    gallery: GALLERY,
    options: gateOptionsSchema.parse({ pictures: true }),
    isSealed,
    open: () => true,
    normalised: () => true,
    known: () => ALICE,
    say: (reason) => reason,
    onFault: () => undefined,
    closing: new AbortController().signal,
    retryMs: 50,
    ...more,
  });
  opened.push(gate);
  const said: string[] = [];
  gate.on("grant", () => said.push("grant")).on("deny", ({ reason }) => said.push(reason));
  let sequence = Date.now();
  return {
    gate,
    type: async () => {
      sequence += 1;
      const told = { gallery: GALLERY, at: Date.now(), sequence, here: [someone(Date.now())] };
      gate.receive({ presence: { ...told, seal: sealOf(told) }, factor: PIN });
      await gate.settled();
      return said.splice(0);
    },
  };
}

describe("a gate on a full disk", { skip: noMount() }, () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = smallDisk(DISK_MB);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((gate) => gate.close()));
    disk.unmount();
  });

  it("says when it is opened that the disk is full, and can be opened once there is room", async () => {
    const folder = join(disk.folder, "gate");
    disk.fill();
    await assert.rejects(openGate(folder), (error) => {
      assert.ok(error instanceof StorageError);
      assert.equal(error.status, 507);
      assert.match(error.message, /^the gate cannot be opened, and lets nobody in: the disk is full \(ENOSPC/);
      return true;
    });
    disk.empty();
    const { gate } = await openGate(folder);
    assert.equal((await gate.verifyLog()).ok, true);
  });

  it("lets nobody in, lets in again once there is room, and its log holds", async () => {
    const { gate, type } = await openGate(join(disk.folder, "gate"));
    await gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await type(), ["grant"]);
    disk.fill();
    assert.deepEqual(await type(), ["fault"]);
    disk.empty();
    assert.deepEqual(await type(), ["grant"]);
    assert.equal((await gate.verifyLog()).ok, true);
  });

  it("keeps nothing of a person who was deleted meanwhile, once there is room", async () => {
    const folder = join(disk.folder, "gate");
    const { gate, type } = await openGate(folder);
    for (const person of ["bob", "alice"]) await gate.setFactor(person, "pin", PIN);
    assert.deepEqual(await type(), ["grant"]);
    disk.fill();
    await assert.rejects(gate.forget("alice"), (error) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /^second factors.* still kept by the gate: the disk is full/);
      return true;
    });
    disk.empty();
    await eventually("nothing of hers", async () => (allIn(folder).includes("alice") ? undefined : true));
    assert.deepEqual(
      gate.listFactors().map(({ person }) => person),
      ["bob"],
    );
    const rows = await gate.readLog({ limit: 50 });
    assert.deepEqual(new Set(rows.map(({ details }) => details?.person)), new Set([undefined, "bob"]));
    assert.equal((await gate.verifyLog()).ok, true);
  });

  it("has a log that holds, and no picture of who was deleted, wherever an entry was cut off", async () => {
    const folder = join(disk.folder, "log");
    const log = await GateLog.open({ folder, secret: noSecret, head: undefined, now: 1 });
    let refused = 0;
    const append = async (number: number): Promise<void> => {
      const person = number % 2 === 0 ? "bob" : "alice";
      const picture = number % 3 === 0 ? undefined : Buffer.alloc(5000 + 700 * (number % 7), person);
      await log
        .append({ at: number, kind: "deny", reason: "stale" }, ownOf(person), picture)
        .catch((error: unknown) => {
          assert.ok(error instanceof StorageError, String(error));
          refused += 1;
        });
    };
    for (let round = 0; round < 12; round += 1) {
      // From no room at all to that of a picture and more.
      disk.fill(round * 2048);
      for (let number = 0; number < 12; number += 1) await append(12 * round + number);
      if (round % 4 === 1) await log.forget("alice", 1).catch(() => undefined);
      disk.empty();
      await append(12 * round + 1);
      assert.deepEqual((await log.verify()).broken, null, `round ${round}`);
    }
    assert.ok(refused > 20, `${refused} were refused`);
    await log.forget("alice", 2);
    const found = await log.verify();
    assert.deepEqual(found.broken, null);
    assert.doesNotMatch(allIn(folder), /alice/);
    const rows = await log.read({ limit: 500 });
    assert.deepEqual(new Set(rows.flatMap(({ details }) => details?.person ?? [])), new Set(["bob"]));
    for (const { entry, details, pictured } of rows)
      if (details === null) assert.equal(pictured, false, `${entry.at}`);
  });
});

describe("a gate whose files are away or damaged", () => {
  afterEach(() => Promise.all(opened.splice(0).map((gate) => gate.close())));

  it("writes its log on once the folder is there again, also where no entry was in it yet", async () => {
    const folder = join(root, "away");
    const bounds = { entries: 2, segments: 5, pictures: 5 };
    const log = await GateLog.open({ folder, secret: noSecret, head: undefined, now: 1, bounds });
    for (const segments of [0, 1]) {
      renameSync(folder, `${folder}-elsewhere`);
      await assert.rejects(log.append({ at: 1, kind: "began" }), StorageError);
      renameSync(`${folder}-elsewhere`, folder);
      for (let entries = 0; entries < bounds.entries; entries += 1) await log.append({ at: 2, kind: "began" });
      assert.deepEqual(readdirSync(folder).filter((file) => file.endsWith(".log")).length, segments + 1);
    }
    assert.equal((await log.verify()).ok, true);
  });

  it("forgets who was deleted while it was closed, and nobody of another gallery", async () => {
    const folder = join(root, "closed");
    const before = await openGate(folder);
    await before.gate.setFactor("alice", "pin", PIN);
    assert.deepEqual(await before.type(), ["grant"]);
    await before.gate.close();
    const other = await openGate(folder, undefined, { gallery: "another" });
    await other.gate.forgetGone(() => false);
    assert.match(allIn(folder), /alice/);
    await other.gate.close();
    const again = await openGate(folder);
    await again.gate.forgetGone(() => true);
    assert.match(allIn(folder), /alice/);
    await again.gate.forgetGone(() => false);
    assert.doesNotMatch(allIn(folder), /alice/i);
    assert.equal((await again.gate.verifyLog()).ok, true);
  });

  it("keeps nothing again of who was deleted and is still told of", async () => {
    const folder = join(root, "deleted");
    const { gate, type } = await openGate(folder, undefined, { known: () => undefined });
    assert.deepEqual(await type(), ["not_in_gallery"]);
    assert.doesNotMatch(allIn(folder), /alice/i);
    const [row] = await gate.readLog({ limit: 1 });
    assert.deepEqual([row?.entry.reason, row?.details], ["not_in_gallery", null]);
  });

  it("makes no other salt where it is damaged: what was sealed with it would be lost", async () => {
    const folder = join(root, "salted");
    const { gate } = await openGate(folder, "a pass phrase");
    await gate.close();
    const salt = readFileSync(join(folder, "salt"));
    writeFileSync(join(folder, "salt"), salt.subarray(0, 5));
    await assert.rejects(openGate(folder, "a pass phrase"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /salt is damaged/);
      return true;
    });
    assert.deepEqual(readFileSync(join(folder, "salt")), salt.subarray(0, 5));
    writeFileSync(join(folder, "salt"), salt);
    await openGate(folder, "a pass phrase");
  });

  it("refuses a folder that is a file, and leaves it", async () => {
    const path = join(root, "file");
    writeFileSync(path, "somebody's");
    await assert.rejects(openGate(path), UserError);
    assert.equal(readFileSync(path, "utf8"), "somebody's");
    rmSync(path);
    mkdirSync(path);
    await openGate(path);
  });
});
