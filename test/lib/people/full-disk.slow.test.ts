import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { seeded } from "../../../lib/calibrate/statistics";
import { ActingChild } from "../../support/acting-child";
import { LIMITS } from "../../support/often";
import { limitDescriptors, limitFiles, noLimit, noMount, smallDisk } from "../../support/small-disk";
import type { Acts } from "./full-disk-child";

type Child = ActingChild<Acts>;
const children: Child[] = [];
const CHILD = join(__dirname, "full-disk-child.ts");
const MEGABYTE = 2 ** 20;
const KEYS = 8;

async function started(): Promise<Child> {
  const child = await ActingChild.start<Acts>(CHILD);
  children.push(child);
  return child;
}

const folderOf = (): string => join(mkdtempSync(join(tmpdir(), "full-")), "people");

/** What is in the store, by what it acknowledged. */
class Ledger {
  readonly #child: Child;
  readonly lengths = new Map<string, number>();
  readonly people = new Set<number>();
  /** Codes of the errors. */
  readonly refusals: (string | undefined)[] = [];

  constructor(child: Child) {
    this.#child = child;
  }

  /** @returns whether it was done */
  async does<A extends keyof Acts>(act: A, ...args: Parameters<Acts[A]>): Promise<boolean> {
    const ended = await this.#child.ask(act, ...args);
    const deletedOnly = "error" in ended && ended.error.startsWith("it is deleted and ");
    if ("error" in ended) this.refusals.push(ended.reason ?? ended.error);
    if ("error" in ended && !deletedOnly) return false;
    const [what, bytes] = args as [string | number, number?];
    if (act === "put") this.lengths.set(String(what), bytes ?? 0);
    if (act === "drop") this.lengths.set(String(what), 0);
    if (act === "enrol") this.people.add(Number(what));
    if (act === "remove") this.people.delete(Number(what));
    return true;
  }

  /** Nothing that was acknowledged is missing, nothing that was refused is there. */
  async holds(): Promise<void> {
    for (const [key, length] of this.lengths) assert.equal(await this.#child.does("length", key), length, key);
    for (const number of this.people) assert.equal(await this.#child.does("whole", number), true, `${number}`);
    assert.equal(await this.#child.does("people"), this.people.size);
  }
}

describe("a store whose file may not grow in the middle of a commit", { skip: noLimit() }, () => {
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
  });

  for (const [what, sizes] of [
    ["of some megabytes", [2.5 * MEGABYTE, 3.5 * MEGABYTE]],
    ["of usual size", [100, 20_000]],
  ] as const) {
    it(`refuses values ${what} at any limit, goes on once it is lifted, and loses nothing`, async () => {
      const random = seeded(11);
      const child = await started();
      const folder = folderOf();
      const path = join(folder, "people.mdb");
      await child.does("open", folder);
      const ledger = new Ledger(child);
      const write = (): Promise<boolean> =>
        ledger.does(
          "put",
          `note ${Math.floor(random() * KEYS)}`,
          Math.floor(sizes[0] + random() * (sizes[1] - sizes[0])),
        );
      for (let round = 0; round < LIMITS; round += 1) {
        // Now and then below what is there already.
        limitFiles(child.pid, Math.floor(statSync(path).size * (0.3 + random()) + random() * 2 * sizes[1]));
        for (let tries = 0; tries < 6 && (await write()); tries += 1);
        await ledger.does("enrol", round);
        if (ledger.people.has(round - 3)) await ledger.does("remove", round - 3);
        limitFiles(child.pid, "unlimited");
        assert.ok(await ledger.does("put", `note ${KEYS}`, round), "it goes on");
        if (round % 8 === 7) {
          await ledger.holds();
          await child.does("close");
          await child.does("open", folder);
        }
        await ledger.holds();
      }
      assert.ok(ledger.refusals.length >= LIMITS / 4, `refused ${ledger.refusals.length} times`);
      assert.deepEqual([...new Set(ledger.refusals)], ["EFBIG"]);
      await child.kill();
      const other = await started();
      await other.does("open", folder);
      const again = new Ledger(other);
      for (const [key, length] of ledger.lengths) again.lengths.set(key, length);
      for (const number of ledger.people) again.people.add(number);
      await again.holds();
    });
  }

  it("opens no new database without room, also after a deletion, with an error and not the end", async () => {
    const child = await started();
    const folder = folderOf();
    for (let kilobytes = 4; kilobytes < 40; kilobytes += 4) {
      limitFiles(child.pid, kilobytes * 1024);
      const ended = await child.ask("open", folder);
      assert.equal("error" in ended && ended.reason, "EFBIG", `${kilobytes} kB`);
    }
    limitFiles(child.pid, "unlimited");
    await child.does("open", folder);
  });

  it("opens no database when too few files may be opened, with an error and not the end", async () => {
    const child = await started();
    const path = join(mkdtempSync(join(tmpdir(), "full-")), "people.mdb");
    limitDescriptors(child.pid, 200);
    const opened: boolean[] = [];
    for (let descriptors = 1; descriptors < 12; descriptors += 1) {
      const ended = await child.ask("openWith", path, descriptors);
      if ("error" in ended) assert.match(ended.error, /EMFILE|too many open files/i);
      opened.push(!("error" in ended));
    }
    assert.deepEqual([opened.at(0), opened.at(-1)], [false, true]);
  });

  it("says of no database that it is damaged because there was no room for a copy without somebody", async () => {
    const child = await started();
    const folder = folderOf();
    await child.does("open", folder);
    for (let number = 0; number < 4; number += 1) await child.does("put", `note ${number}`, 3 * MEGABYTE);
    await child.does("close");
    const path = join(folder, "people.mdb");
    const copy = `${path}.copy`;
    const random = seeded(5);
    for (let round = 0; round < 12; round += 1) {
      // The child's children have its limit.
      limitFiles(child.pid, Math.floor(random() * 12 * MEGABYTE) + 20_000);
      const ended = await child.ask("copy", path, copy);
      assert.equal("error" in ended ? ended.reason : ended.value, "EFBIG");
      for (const file of [copy, `${copy}-lock`]) rmSync(file, { force: true });
    }
    limitFiles(child.pid, "unlimited");
    assert.equal(await child.does("copy", path, copy), 0);
    assert.ok(statSync(copy).size < 12.5 * MEGABYTE, "a copy takes no room for what is to come");
  });
});

describe("a store on a full file system", { skip: noMount() }, () => {
  const disk = smallDisk(24);
  after(() => disk.unmount());
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    disk.empty();
  });

  it("refuses values of some megabytes however little room there is, and loses nothing", async () => {
    const random = seeded(3);
    const child = await started();
    await child.does("open", join(disk.folder, "values"));
    const ledger = new Ledger(child);
    for (let round = 0; round < LIMITS; round += 1) {
      disk.fill(Math.floor(random() * 5 * MEGABYTE));
      for (let number = 0; number < 3; number += 1)
        await ledger.does("put", `note ${Math.floor(random() * 3)}`, Math.floor((2.5 + random()) * MEGABYTE));
      await ledger.does("enrol", round);
      disk.empty();
      assert.ok(await ledger.does("put", "note 3", round), "it goes on");
      await ledger.holds();
    }
    assert.ok(ledger.refusals.length >= LIMITS / 4, `refused ${ledger.refusals.length} times`);
    assert.deepEqual([...new Set(ledger.refusals)], ["ENOSPC"]);
    await child.does("close");
    await child.does("open", join(disk.folder, "values"));
    await ledger.holds();
    await child.does("close");
    rmSync(join(disk.folder, "values"), { recursive: true });
  });

  it("deletes people while nothing can be added, also after a kill, and then has room", async () => {
    const folder = join(disk.folder, "deletions");
    const child = await started();
    const ledger = new Ledger(child);
    await child.does("open", folder);
    for (let number = 0; number < 6; number += 1) await ledger.does("enrol", number);
    disk.fill();
    assert.deepEqual([await ledger.does("enrol", 6), await ledger.does("remove", 0)], [false, true]);
    await ledger.holds();
    await child.kill();
    const other = await started();
    const rest = new Ledger(other);
    for (const number of ledger.people) rest.people.add(number);
    await other.does("open", folder);
    assert.deepEqual([await rest.does("enrol", 7), await rest.does("remove", 1)], [false, true]);
    await rest.holds();
    disk.empty();
    assert.ok(await rest.does("enrol", 8));
    await other.does("close");
    await other.does("open", folder);
    await rest.holds();
    assert.deepEqual(new Set([...ledger.refusals, ...rest.refusals]), new Set(["ENOSPC"]));
  });
});

describe("the room that a store takes", () => {
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
  });

  let unsure = "";

  it("is no harm when it was taken in part, or the process was killed while it was", async () => {
    const folder = folderOf();
    const path = join(folder, "people.mdb");
    const random = seeded(9);
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 8; round += 1) {
      if (round > 0) appendFileSync(path, Buffer.alloc(Math.floor(random() * 9000)));
      const child = await started();
      await child.does("open", folder);
      const ledger = new Ledger(child);
      // One that was not acknowledged is there or not.
      for (const [key, length] of acknowledged) {
        const found = await child.does("length", key);
        assert.ok(found === length || key === unsure, `${key}: ${found}`);
        // It was written after all, and is what is there from now on.
        if (typeof found === "number") acknowledged.set(key, found);
      }
      unsure = "";
      setTimeout(() => child.process.kill("SIGKILL"), 30 + random() * 200);
      try {
        for (let number = 0; ; number += 1) {
          unsure = `note ${number % KEYS}`;
          await ledger.does("put", unsure, Math.floor((1 + random() * 3) * MEGABYTE));
          acknowledged.set(unsure, ledger.lengths.get(unsure) ?? 0);
        }
      } catch (error) {
        assert.match(String(error), /SIGKILL/);
      }
    }
  });
});
