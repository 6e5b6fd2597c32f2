import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { limitedDisk, noLimit, noMount, smallDisk, type SmallDisk } from "../../support/small-disk";
import { ActingChild } from "../../support/acting-child";
import type { Acts } from "./disk-child";
import { pattern } from "../../support/pattern";

const DAY_MS = 86_400_000;
const MEGABYTES = 8;
const PATIENCE_MS = 30_000;

/** What refuses, why, and how it is made to. */
const DISKS = [
  {
    what: "a full file system",
    reason: "ENOSPC",
    says: /the disk is full \(ENOSPC, .*people\)\. To mend it, make room on it/,
    skip: noMount(),
    make: () => smallDisk(MEGABYTES),
  },
  {
    what: "a limit of file sizes",
    reason: "EFBIG",
    says: /a file would be larger than the disk or the system allows \(EFBIG, .*people\)/,
    skip: noLimit(),
    make: limitedDisk,
  },
];

for (const { what, reason, says, skip, make } of DISKS) {
  describe(`a gallery on ${what}`, { skip }, () => {
    let child: ActingChild<Acts>;
    let disk: SmallDisk;
    let root = "";
    let number = 0;

    const ask: ActingChild<Acts>["ask"] = (act, ...args) => child.ask(act, ...args);
    /** Do what must succeed. */
    const does: ActingChild<Acts>["does"] = (act, ...args) => child.does(act, ...args);

    /** Do what the disk must refuse, with a sentence. */
    async function refuses<A extends keyof Acts>(act: A, ...args: Parameters<Acts[A]>): Promise<string> {
      const ended = await ask(act, ...args);
      assert.ok("error" in ended, `${act} was not refused`);
      assert.deepEqual([ended.status, ended.reason], [507, reason], ended.error);
      assert.match(ended.error, says);
      return ended.error;
    }

    async function until(happens: string, condition: () => Promise<boolean>): Promise<void> {
      for (const deadline = Date.now() + PATIENCE_MS; !(await condition());) {
        assert.ok(Date.now() < deadline, `${happens} did not happen`);
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      }
    }

    const codes = async (): Promise<string[]> => (await does("problems")).map(({ code }) => code);
    const mended = (): Promise<void> => until("the mend", async () => (await codes()).length === 0);

    /** Close, open again, and see what is on the disk. */
    async function reopened(): Promise<void> {
      await does("close");
      await does("open", root, join(root, "photos"));
    }

    before(async () => {
      child = await ActingChild.start<Acts>(join(__dirname, "disk-child.ts"));
      disk = make(child.pid);
    });
    after(async () => {
      await child.kill();
      disk.unmount();
    });

    /** A gallery of its own for each test, with Alice. */
    async function open(): Promise<string> {
      number += 1;
      root = join(disk.folder, String(number));
      await does("open", root, join(root, "photos"));
      return does("enrol", "Alice", "1 2");
    }

    afterEach(async () => {
      disk.empty();
      if (child.process.connected) await ask("close");
      rmSync(root, { recursive: true, force: true });
    });

    it("refuses a new person with a sentence, tells it, and takes them once there is room", async () => {
      await open();
      disk.fill();
      await refuses("create", "Bob");
      assert.deepEqual([await does("names"), await codes()], [["Alice"], ["unwritable_store"]]);
      assert.match(
        (await does("problems"))[0]?.message ?? "",
        pattern(
          /^nothing can be written: .* it then goes on by itself\. Until then /,
          /whoever is known is recognized all the same\.$/,
        ),
      );
      assert.deepEqual(await does("who", "1 2"), ["Alice"]);
      disk.empty();
      await mended();
      await does("create", "Bob");
      await reopened();
      assert.deepEqual(await does("names"), ["Alice", "Bob"]);
    });

    it("recognizes nobody whose photo could not be kept, and leaves no file of it", async () => {
      await open();
      const files = (): number => readdirSync(join(root, "people"), { recursive: true }).length;
      const earlier = files();
      disk.fill();
      await refuses("enrol", "Bob", "8 9");
      assert.deepEqual([await does("who", "8 9"), await does("names"), files()], [[], ["Alice"], earlier]);
      disk.empty();
      await does("enrol", "Bob", "8 9");
      await reopened();
      assert.deepEqual(await does("who", "8 9"), ["Bob"]);
    });

    it("waits with a change of the network, says why, and goes on by itself once there is room", async () => {
      number += 1;
      root = join(disk.folder, String(number));
      await does("openBy", root, join(root, "photos"), "one");
      // Longer than what fits into a page that is free by chance.
      const [alice, bob] = ["1 ".repeat(3000).trim(), "8 ".repeat(3000).trim()];
      await does("enrol", "Alice", alice);
      await does("enrol", "Bob", bob);
      await does("pause", true);
      await does("changeTo", "two");
      disk.fill();
      await does("pause", false);
      await until("the wait", async () => (await does("network"))?.change?.stage === "disk");
      const { key, change } = (await does("network")) ?? {};
      assert.equal(key, "one");
      assert.match(change?.error ?? "", says);
      assert.deepEqual(await does("who", alice), ["Alice"]);
      disk.empty();
      await until("the change", async () => {
        const now = await does("network");
        return now?.key === "two" && now.change === null;
      });
      assert.deepEqual([await does("who", alice), await does("who", bob)], [["Alice"], ["Bob"]]);
    });

    it("keeps the old name of whom it cannot rename", async () => {
      await open();
      const bob = await does("create", "Bob");
      disk.fill();
      await refuses("rename", bob, "Robert");
      assert.deepEqual(await does("names"), ["Alice", "Bob"]);
      disk.empty();
      await does("rename", bob, "Robert");
      await reopened();
      assert.deepEqual(await does("names"), ["Alice", "Robert"]);
    });

    for (const [way, remove] of [
      ["a person", (id: string) => refuses("forget", id === "" ? "" : "Alice")],
      ["the photo of a person", (id: string) => refuses("removePhoto", id)],
    ] as const) {
      it(
        `recognizes by ${way} who could not be deleted, nobody who was, and wipes what is left once there is ` +
          "room",
        async () => {
          const alice = await open();
          await does("backup");
          disk.fill();
          const sentence = await remove(alice);
          const gone = sentence.startsWith("it is deleted");
          assert.deepEqual(await does("who", "1 2"), gone ? [] : ["Alice"]);
          disk.empty();
          await mended();
          if (!gone) await (way === "a person" ? does("forget", "Alice") : does("removePhoto", alice));
          assert.deepEqual(await does("who", "1 2"), []);
          const vector = Buffer.from(Float32Array.of(1, 2).buffer);
          const holds = (): boolean =>
            readdirSync(join(root, "people"), { recursive: true, withFileTypes: true }).some(
              (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(vector),
            );
          await until("the wipe", async () => !holds());
          await reopened();
          assert.deepEqual(await does("who", "1 2"), []);
        },
      );
    }

    it("writes when people were seen once there is room", async () => {
      await open();
      const bob = await does("create", "Bob");
      disk.fill();
      await does("saw", bob, 1234);
      assert.deepEqual([await does("seen"), await codes()], [[null, null], ["unwritable_store"]]);
      disk.empty();
      await until("the note of the time", async () => (await does("seen")).includes(1234));
      await mended();
      await reopened();
      assert.ok((await does("seen")).includes(1234));
    });

    it("remembers strangers it cannot write, and writes them with their pictures once there is room", async () => {
      await open();
      disk.fill();
      await does("meet", "50 50", 1000);
      await does("meet", "70 70", 2000);
      assert.deepEqual(
        [(await does("strangers")).length, await does("kept"), await codes()],
        [2, [], ["unwritable_store"]],
      );
      disk.empty();
      await until("the writing", async () => (await does("kept")).length === 2);
      await mended();
      await reopened();
      assert.deepEqual(
        (await does("strangers")).map(({ pictures }) => pictures),
        [1, 1],
      );
    });

    it("deletes strangers whose time is over once there is room, if not before", async () => {
      await open();
      await does("meet", "50 50", 1000);
      disk.fill();
      await does("sweep", 1e14);
      disk.empty();
      await until("the deletion", async () => (await does("kept")).length === 0);
      await reopened();
      assert.deepEqual(await does("strangers"), []);
    });

    it("leaves a stranger a stranger who could not be named, and takes the name once there is room", async () => {
      await open();
      await does("meet", "50 50", 1000);
      const [stranger] = await does("strangers");
      disk.fill();
      await refuses("name", stranger?.id ?? "", "Bob");
      assert.deepEqual(
        [await does("names"), await does("who", "50 50"), (await does("strangers")).length],
        [["Alice"], [], 1],
      );
      disk.empty();
      await mended();
      await does("name", stranger?.id ?? "", "Bob");
      await reopened();
      assert.deepEqual([await does("who", "50 50"), await does("strangers")], [["Bob"], []]);
    });

    it("ignores a stranger wholly or not at all, and takes no anchor that it cannot write", async () => {
      const alice = await open();
      for (const [face, at] of [
        ["50 50", 1000],
        ["50.3 50", 2000],
      ] as const)
        await does("meet", face, at);
      const [stranger] = await does("strangers");
      disk.fill();
      const ended = await ask("ignore", stranger?.id ?? "");
      const done = !("error" in ended) || ended.error.startsWith("it is deleted");
      assert.deepEqual([await does("anchors"), (await does("strangers")).length], done ? [2, 0] : [0, 1]);
      const anchored = await ask("against", "1.1 2", alice);
      assert.deepEqual(await does("anchors"), (done ? 2 : 0) + ("error" in anchored ? 0 : 1));
      assert.deepEqual(await does("who", "1 2"), ["Alice"]);
      disk.empty();
      await mended();
      if (!done) await does("ignore", stranger?.id ?? "");
      await reopened();
      assert.deepEqual([await does("anchors"), await does("strangers")], [2 + ("error" in anchored ? 0 : 1), []]);
    });

    it("does not blame a folder's photo that it cannot keep, and knows who is on it once there is room", async () => {
      const photos = mkdtempSync(join(tmpdir(), "photos-"));
      await open();
      await does("close");
      await does("open", root, photos);
      disk.fill();
      mkdirSync(join(photos, "Nobody"));
      for (const [file, face] of [
        ["Bob.jpg", "8 9"],
        ["Carol.jpg", "20 20"],
        ["Nobody/1.jpg", ""],
      ] as const)
        writeFileSync(join(photos, file), face);
      await until("the look", async () => (await codes()).includes("unwritable_store"));
      assert.deepEqual([await codes(), await does("who", "8 9")], [["unwritable_store"], []]);
      disk.empty();
      await until("the photos", async () => (await codes()).join() === "no_face");
      assert.deepEqual([await does("who", "8 9"), await does("who", "20 20")], [["Bob"], ["Carol"]]);
      disk.fill();
      rmSync(join(photos, "Bob.jpg"));
      await does("create", "Dave").catch(() => undefined);
      await until(
        "the removal, or the refusal",
        async () => (await codes()).includes("unwritable_store") || (await does("who", "8 9")).length === 0,
      );
      disk.empty();
      await until("the removal", async () => (await does("who", "8 9")).length === 0);
      await until("the end of the refusal", async () => (await codes()).join() === "no_face");
    });

    it("tells that no backup can be made, keeps the ones there are, and makes it once there is room", async () => {
      await open();
      await does("backup");
      const backups = (): string[] =>
        readdirSync(join(root, "people/backups")).filter((file) => file.endsWith(".mdb"));
      const earlier = backups();
      disk.fill();
      await refuses("backup");
      assert.deepEqual(backups(), earlier);
      assert.deepEqual(
        readdirSync(join(root, "people/backups")).filter((file) => file.includes(".new")),
        [],
      );
      assert.deepEqual(await codes(), ["unwritable_backup"]);
      disk.empty();
      await mended();
      // The one before has become the day's.
      assert.deepEqual(backups().sort(), ["day.mdb", "recent.mdb"]);
    });

    it("refuses an import and takes it once there is room; an export needs none", async () => {
      await open();
      await does("close");
      await does("open", root, join(root, "photos"), false);
      await does("forget", "Alice");
      await does("enrol", "Alice", "1 2");
      await does("create", "Bob");
      disk.fill();
      const zip = await does("export");
      disk.empty();
      await does("forget", "Bob");
      disk.fill();
      await refuses("import", zip);
      assert.deepEqual(
        [await does("names"), readdirSync(join(root, "people")).filter((file) => file.endsWith(".zip"))],
        [["Alice"], []],
      );
      disk.empty();
      assert.deepEqual(await does("import", zip), { people: 1, photos: 0, skipped: 1 });
      assert.deepEqual(await does("names"), ["Alice", "Bob"]);
    });

    it("stays shut while nothing can be written, loses nothing, and knows all once there is room", async () => {
      await open();
      await does("close");
      for (const file of ["people.mdb-lock", "closed.json"]) rmSync(join(root, "people", file), { force: true });
      disk.fill();
      await refuses("open", root, join(root, "photos"));
      assert.deepEqual(
        readdirSync(join(root, "people")).filter((file) => file.includes("damaged")),
        [],
      );
      disk.empty();
      await does("open", root, join(root, "photos"));
      assert.deepEqual([await does("who", "1 2"), await does("told")], [["Alice"], []]);
    });

    it("sets no damaged database aside while its backup cannot take its place", async () => {
      await open();
      await does("backup");
      await does("close");
      writeFileSync(join(root, "people/people.mdb"), "damaged".repeat(2000));
      disk.fill();
      await refuses("open", root, join(root, "photos"));
      disk.empty();
      await does("open", root, join(root, "photos"));
      assert.deepEqual([await does("who", "1 2"), await does("told")], [["Alice"], ["damaged_database"]]);
    });

    it("closes while nothing can be written, and loses nobody", async () => {
      await open();
      await does("create", "Bob");
      disk.fill();
      await does("saw", "0".repeat(12), 5);
      await does("close");
      disk.empty();
      await does("open", root, join(root, "photos"));
      assert.deepEqual(await does("names"), ["Alice", "Bob"]);
    });

    it("goes on day after day on which it was full", async () => {
      await open();
      for (let day = 1; day <= 5; day += 1) {
        disk.fill();
        await does("meet", `${day * 100} 0`, day * DAY_MS);
        await refuses("enrol", `Person ${day}`, `0 ${day * 100}`);
        disk.empty();
        await does("enrol", `Person ${day}`, `0 ${day * 100}`);
      }
      await until("all strangers", async () => (await does("kept")).length === 5);
      assert.equal((await does("names")).length, 6);
    });
  });
}
