import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { createInterface } from "node:readline";
import { open as openLmdb } from "lmdb";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import type { StoreProblem } from "../../../lib/people/store";
import { contentHash } from "../../../lib/people/hash";
import { Database } from "../../../lib/people/lmdb/database";
import { pack } from "../../../lib/people/records";
import { makeSecret, noSecret, type Secret } from "../../../lib/people/lmdb/secret";
import { enrolling } from "./children";
import { entryOf, idOf, isWhole, personOf, pictureOf, vectorOf } from "./entries";
import { KILLS } from "../../support/often";
import { pattern } from "../../support/pattern";

const folderOf = (): string => join(mkdtempSync(join(tmpdir(), "store-")), "people");
const open: LmdbStore[] = [];
const problems: StoreProblem[] = [];

/** What seals the records of a store. */
async function secretOf(folder: string, key: string | undefined): Promise<Secret> {
  if (key === undefined) return noSecret;
  const { salt } = JSON.parse(readFileSync(join(folder, "store.json"), "utf8")) as { salt: string };
  return makeSecret(key, Buffer.from(salt, "base64"));
}

async function opened(folder: string, key?: string): Promise<LmdbStore> {
  const store = await openStore({ folder, key, onProblem: (problem) => problems.push(problem) });
  open.push(store);
  return store;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Every file of a folder and those in it. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function holds(folder: string, needle: string | Uint8Array): boolean {
  return filesIn(folder).some((file) =>
    readFileSync(file).includes(typeof needle === "string" ? needle : Buffer.from(needle)),
  );
}

const bytesOf = (vector: Float32Array): Uint8Array => new Uint8Array(vector.buffer);
const stranger = {
  id: idOf(1, "c"),
  firstSeenAt: 1,
  lastSeenAt: 2,
  visits: 3,
  model: "m",
  fingerprint: "f",
  vectors: [vectorOf(500), vectorOf(501)],
  pictures: 1,
};
const anchor = {
  id: idOf(1, "d"),
  against: idOf(1),
  note: "her sister",
  createdAt: 5,
  model: "m",
  fingerprint: "f",
  vector: vectorOf(600),
};

/** As often at each of the moments. */
const TIMES = 4 * KILLS + 1;
const MOMENTS = ["start", "open", "enrolled", "removing", "removed"];

/** How long a file is without the zeros at its end. */
function lastByteOf(path: string): number {
  const bytes = readFileSync(path);
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

/** Flip one bit of one embedding, as LMDB holds it. */
function damageEmbedding(path: string): void {
  const lmdb = openLmdb<Buffer, string>({ path, noSubdir: true, encoding: "binary", readOnly: true, cache: false });
  const [key = ""] = [...lmdb.getKeys({ start: "embedding:" })];
  const value = Buffer.from(lmdb.get(key) ?? "");
  void lmdb.close();
  const bytes = readFileSync(path);
  // Also where it lay before: LMDB writes to another place each time.
  for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at)) {
    const end = at + value.length - 9;
    bytes[end] = (bytes[end] ?? 0) ^ 1;
  }
  writeFileSync(path, bytes);
}

describe("the store", () => {
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
    problems.length = 0;
  });

  it("keeps people, photos, embeddings, anchors, strangers and notes over a restart", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.putEmbeddings([
      { photoId: idOf(1, "b"), personId: idOf(1), model: "other", fingerprint: "g", vector: vectorOf(7) },
    ]);
    await store.putAnchor(anchor);
    await store.putUnknown(stranger, [pictureOf(9)]);
    await store.putNote("a key", { any: ["thing"] });
    await store.seen(
      new Map([
        [idOf(1), 77],
        [idOf(99), 78],
      ]),
    );
    await store.close();
    const again = await opened(folder);
    assert.deepEqual(again.people(), [{ ...personOf(1), lastSeenAt: 77 }]);
    assert.deepEqual(again.photos(idOf(1)), [entryOf(1).photo]);
    assert.deepEqual(
      [await all(again.embeddings("f")), (await all(again.embeddings("g"))).map(({ vector }) => vector)],
      [entryOf(1).embeddings, [vectorOf(7)]],
    );
    assert.deepEqual(
      [again.anchors(), again.unknowns(), again.note("a key"), again.note("none")],
      [[anchor], [stranger], { any: ["thing"] }, undefined],
    );
    assert.deepEqual(
      [
        await isWhole(again, 1),
        await again.unknownPicture(stranger.id, 0),
        await again.unknownPicture(stranger.id, 1),
      ],
      [true, pictureOf(9), undefined],
    );
    assert.deepEqual(problems, []);
  });

  it("is readable by nobody else", { skip: process.platform === "win32" }, async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      assert.equal(
        statSync(join(entry.parentPath, entry.name)).mode & 0o777,
        entry.isDirectory() ? 0o700 : 0o600,
        entry.name,
      );
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it(
    `loses nobody who was acknowledged, and keeps nobody who was deleted, when it is killed ${TIMES} times`,
    { timeout: 900_000 },
    async () => {
      const folder = folderOf();
      const here = new Set<number>();
      const gone = new Set<number>();
      let deleting: number | undefined;
      const harm: string[] = [];
      const run = async (round: number, lookOnly = false): Promise<void> => {
        // Killed while it was deleting them: it may or may not have come to that.
        if (deleting !== undefined) here.delete(deleting);
        deleting = undefined;
        const child = enrolling({ folder, here: [...here], gone: [...gone], first: 1000 * (round + 1) + 1, lookOnly });
        const dead = new Promise((resolve) => {
          child.once("exit", resolve);
        });
        // As often each: from the start on, while it takes the lock, checks and opens; then after what it said, in
        // the middle of what follows.
        const moment = MOMENTS[round % MOMENTS.length];
        const kill = (): unknown => lookOnly || setTimeout(() => child.kill("SIGKILL"), (round * 7) % 60);
        if (moment === "start") setTimeout(kill, 3 * round);
        for await (const line of createInterface({ input: child.stdout })) {
          const [what = "", number = ""] = line.split(" ");
          if (what === moment) kill();
          if (what === "open") continue;
          if (what === "enrolled") here.add(Number(number));
          else if (what === "removing") deleting = Number(number);
          else if (what === "removed") {
            deleting = undefined;
            here.delete(Number(number));
            gone.add(Number(number));
          } else harm.push(line);
        }
        await dead;
      };
      for (let round = 0; round < TIMES; round += 1) await run(round);
      await run(TIMES, true);
      assert.deepEqual(harm, []);
      // Of those rounds that end after a deletion each has one.
      const deletions = Math.floor(TIMES / MOMENTS.length);
      assert.ok(here.size >= TIMES && gone.size >= deletions, `${here.size} here, ${gone.size} gone`);
      for (const number of gone)
        for (const needle of [idOf(number), idOf(number, "b"), bytesOf(vectorOf(number))])
          assert.equal(holds(folder, needle), false, `${number}`);
      assert.deepEqual(
        filesIn(folder).filter((file) => /\.tmp$|\.new|\.damaged/.test(file)),
        [],
      );
    },
  );

  it("is used by one gallery at a time, in this process and in another, and taken over from a dead one", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await assert.rejects(openStore({ folder }), /are used by another gallery of this Node-RED/);
    await store.close();
    const child = enrolling({ folder, here: [], gone: [], first: 1 });
    await new Promise((resolve) => {
      child.stdout.once("data", resolve);
    });
    await assert.rejects(
      openStore({ folder }),
      new RegExp(`in use by another Node-RED \\(process ${child.pid} on .*\\): only one can use a gallery at a time`),
    );
    child.kill("SIGKILL");
    await new Promise((resolve) => {
      child.once("exit", resolve);
    });
    await opened(folder);
  });

  it(
    "takes over from a process whose number another one has now",
    { skip: process.platform !== "linux" },
    async () => {
      const folder = folderOf();
      await (await opened(folder)).close();
      writeFileSync(
        join(folder, "in-use.json"),
        JSON.stringify({
          pid: process.ppid,
          startedAt: "1",
          host: hostname(),
          space: readlinkSync("/proc/self/ns/pid"),
          token: "x",
        }),
      );
      await opened(folder);
    },
  );

  for (const [how, damage] of [
    [
      "overwritten in the middle",
      (path: string) => {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0x5a, 8192, bytes.length));
      },
    ],
    ["overwritten from the start", (path: string) => writeFileSync(path, readFileSync(path).fill(0, 0, 4096))],
    // Its end is room for what is to come.
    ["cut off", (path: string) => truncateSync(path, Math.floor(lastByteOf(path) / 2))],
    ["emptied", (path: string) => truncateSync(path, 0)],
  ] as const) {
    it(`sets a database aside that was ${how}, and restores the backup`, async () => {
      const folder = folderOf();
      const store = await opened(folder);
      for (let number = 1; number <= 40; number += 1) await store.addPhoto(entryOf(number));
      await store.backup();
      await store.addPhoto(entryOf(99));
      await store.close();
      const path = join(folder, "people.mdb");
      const before = readFileSync(path);
      damage(path);
      assert.ok(!readFileSync(path).equals(before));
      const again = await opened(folder);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["damaged_database"],
      );
      assert.match(
        problems[0]?.message ?? "",
        pattern(
          /were damaged.*: the damaged file was set aside as /,
          /people\.mdb\.damaged-.*, and the backup of .* took its place/,
        ),
      );
      const aside = readdirSync(folder).find((file) => file.includes(".damaged-") && !file.endsWith("-lock"));
      assert.equal(statSync(join(folder, aside ?? "")).size <= before.length, true);
      for (const number of [...Array.from({ length: 40 }, (_, index) => index + 1), 99])
        assert.ok(await isWhole(again, number), `${number}`);
    });
  }

  it("tells of pictures unknown to a restored backup, and keeps them as long as what was set aside", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    for (const number of [1, 2]) await store.addPhoto(entryOf(number));
    await store.backup();
    const older = readFileSync(join(folder, "backups/recent.mdb"));
    await store.addPhoto(entryOf(3));
    await store.close();
    writeFileSync(join(folder, "backups/recent.mdb"), older);
    const path = join(folder, "people.mdb");
    truncateSync(path, 5000);
    const restored = await opened(folder);
    assert.deepEqual(
      [restored.people().map(({ name }) => name), problems.map(({ code }) => code)],
      [
        ["Person 1", "Person 2"],
        ["damaged_database", "lost_pictures"],
      ],
    );
    // Its photo and its thumbnail.
    assert.match(problems[1]?.message ?? "", /^2 pictures in .* belong to no record any more/);
    await restored.close();
    const again = await opened(folder);
    assert.equal(holds(folder, "the photo of 3 "), true);
    assert.equal((await again.removePerson(idOf(2))).backups, 3, "the file that was set aside and two backups");
    for (const needle of ["note about 3", "note about 2", "the photo of 3 ", "the photo of 2 ", bytesOf(vectorOf(2))])
      assert.equal(holds(folder, needle), false, String(needle).slice(0, 40));
    assert.ok(await isWhole(again, 1));
  });

  it("deletes what was set aside after a month", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.close();
    truncateSync(join(folder, "people.mdb"), 5000);
    await (await opened(folder)).close();
    const aside = readdirSync(folder).find((file) => file.includes(".damaged-")) ?? "";
    const day = 86_400;
    for (const [daysAgo, there] of [
      [29, true],
      [31, false],
    ] as const) {
      utimesSync(join(folder, aside), Date.now() / 1000 - daysAgo * day, Date.now() / 1000 - daysAgo * day);
      await (await opened(folder)).close();
      assert.equal(existsSync(join(folder, aside)), there);
    }
  });

  it("restores an encrypted database with one damaged embedding from the backup that has none", async () => {
    const folder = folderOf();
    const store = await opened(folder, "correct horse");
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await store.backup();
    await store.backup();
    await store.close();
    for (const file of ["people.mdb", "backups/recent.mdb"]) damageEmbedding(join(folder, file));
    const again = await opened(folder, "correct horse");
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_database"],
    );
    assert.deepEqual((await all(again.embeddings("f"))).length, 3);
    for (const number of [1, 2, 3]) assert.ok(await isWhole(again, number));
  });

  for (const key of [undefined, "correct horse"]) {
    it(
      `sets a malformed record${key === undefined ? "" : ", encrypted,"} aside, tells, and knows everybody ` +
        "else; it goes with the next deletion",
      async () => {
        const folder = folderOf();
        const store = await opened(folder, key);
        for (const number of [1, 2, 3, 4]) await store.addPhoto(entryOf(number));
        await store.putAnchor(anchor);
        await store.putUnknown(stranger, [pictureOf(500)]);
        await store.close();
        const blind = await secretOf(folder, key);
        const bad: [string, Buffer][] = [
          [`person:${blind.blind(idOf(2))}`, pack({ ...personOf(2), name: 7 })],
          [`photo:${blind.blind(idOf(3, "b"))}`, pack([])],
          [`anchor:${blind.blind(idOf(9, "d"))}`, Buffer.from("no record")],
          [
            `embedding:${blind.blind(idOf(4, "b"))}:${contentHash(Buffer.from("g")).slice(0, 16)}`,
            pack({ photoId: idOf(4, "b") }, [vectorOf(1)]),
          ],
        ];
        const database = await Database.open(join(folder, "people.mdb"), blind);
        await database.write({ put: bad });
        await database.close();
        const again = await opened(folder, key);
        assert.deepEqual(
          [
            again
              .people()
              .map(({ id }) => id)
              .sort(),
            again
              .photos()
              .map(({ id }) => id)
              .sort(),
            again.anchors().length,
            again.unknowns().length,
          ],
          [[1, 3, 4].map((number) => idOf(number)), [1, 4].map((number) => idOf(number, "b")), 1, 1],
        );
        assert.deepEqual(
          [await isWhole(again, 1), await again.unknownPicture(stranger.id, 0)],
          [true, pictureOf(500)],
        );
        assert.deepEqual(
          problems.map(({ code }) => code),
          ["bad_record"],
        );
        // Person 2 with their photo, photo 3, and the anchor.
        assert.match(
          problems[0]?.message ?? "",
          /4 records .*\(person: 1, photo: 2, anchor: 1\).*everybody else is known/,
        );
        assert.deepEqual(again.problems, problems);
        assert.deepEqual(await all(again.embeddings("g")), []);
        assert.match(problems.at(-1)?.message ?? "", /5 records .*embedding: 1/);
        assert.ok(
          existsSync(join(folder, "photos", `${blind.blind(idOf(3, "b"))}.bin`)),
          "a picture that may be of a record set aside stays",
        );
        // Enrolled again meanwhile: that is no malformed record any more.
        await again.putPerson(personOf(2));
        await again.removePerson(idOf(1));
        assert.deepEqual([again.problems, again.person(idOf(2))], [[], personOf(2)]);
        await again.close();
        problems.length = 0;
        const last = await opened(folder, key);
        assert.deepEqual(
          [
            last
              .people()
              .map(({ id }) => id)
              .sort(),
            problems,
          ],
          [[2, 3, 4].map((number) => idOf(number)), []],
        );
        assert.equal(existsSync(join(folder, "photos", `${blind.blind(idOf(3, "b"))}.bin`)), false);
      },
    );
  }

  it("leaves out an embedding that is damaged while it runs, tells, and restores it at the next start", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await store.close();
    const path = join(folder, "people.mdb");
    const { atime, mtime } = statSync(path);
    damageEmbedding(path);
    // As a disk does it: nothing tells that the file has changed.
    utimesSync(path, atime, mtime);
    writeFileSync(
      join(folder, "closed.json"),
      JSON.stringify({ size: statSync(path).size, mtimeMs: statSync(path).mtimeMs }),
    );
    const again = await opened(folder);
    assert.equal((await all(again.embeddings("f"))).length, 2);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_record"],
    );
    await again.backup();
    await again.close();
    assert.equal((await all((await opened(folder)).embeddings("f"))).length, 3);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_record", "damaged_database"],
    );
  });

  it("takes an older backup when the newest is damaged too, and begins empty, loudly, without one", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    await store.addPhoto(entryOf(2));
    await store.backup();
    await store.close();
    for (const file of ["people.mdb", "backups/recent.mdb"])
      writeFileSync(join(folder, file), Buffer.alloc(20_000, 0x5a));
    const older = await opened(folder);
    assert.deepEqual([await isWhole(older, 1), older.people().length], [true, 1]);
    await older.close();
    for (const file of ["people.mdb", "backups/recent.mdb", "backups/day.mdb"])
      writeFileSync(join(folder, file), Buffer.alloc(20_000, 0x5a));
    problems.length = 0;
    const empty = await opened(folder);
    assert.deepEqual([empty.people(), problems[0]?.code], [[], "no_backup"]);
    assert.match(problems[0]?.message ?? "", /there is no good backup: the damaged file was set aside as/);
  });

  it("sets a damaged picture aside and takes its copy", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    for (const number of [1, 2]) await store.addPhoto(entryOf(number));
    await store.backup();
    await store.addPhoto(entryOf(3));
    for (const number of [1, 3]) writeFileSync(join(folder, "photos", `${idOf(number, "b")}.bin`), "damaged");
    assert.deepEqual(await store.photoBytes(idOf(1, "b")), pictureOf(1));
    assert.equal(await store.photoBytes(idOf(3, "b")), undefined);
    assert.deepEqual(
      problems.map(({ message }) => /its copy took its place|there is no copy/.exec(message)?.[0]),
      ["its copy took its place", "there is no copy"],
    );
    assert.deepEqual(
      [await isWhole(store, 1), await isWhole(store, 2), store.person(idOf(3))?.name],
      [true, true, "Person 3"],
    );
  });

  it("deletes for good: no byte of a person is left in any file or backup, and the receipt counts it", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await store.putAnchor(anchor);
    await store.putUnknown(stranger, [pictureOf(500)]);
    await store.putPerson({ ...personOf(1), name: "Renamed", notes: "another note" });
    await store.backup();
    for (const needle of [
      "Renamed",
      "another note",
      "the photo of 1 ",
      "the thumbnail of 1 ",
      bytesOf(vectorOf(1)),
      bytesOf(vectorOf(600)),
    ])
      assert.ok(holds(folder, needle), "the test can see it");
    const { at, ...receipt } = await store.removePerson(idOf(1));
    assert.deepEqual(receipt, {
      what: "person",
      id: idOf(1),
      name: "Renamed",
      photos: 1,
      embeddings: 2,
      thumbnails: 1,
      visits: 0,
      backups: 1,
    });
    assert.ok(Math.abs(at - Date.now()) < 60_000);
    for (const needle of [
      "Person 1",
      "Renamed",
      "another note",
      "note about 1",
      "the photo of 1 ",
      "the thumbnail of 1 ",
      bytesOf(vectorOf(1)),
      bytesOf(vectorOf(600)),
      "her sister",
      idOf(1),
    ])
      assert.equal(holds(folder, needle), false, String(needle).slice(0, 40));
    assert.deepEqual(
      await store.removeUnknown(stranger.id).then(({ embeddings, thumbnails }) => [embeddings, thumbnails]),
      [2, 1],
    );
    for (const needle of ["the photo of 500 ", bytesOf(vectorOf(500))]) assert.equal(holds(folder, needle), false);
    await store.removePhoto(idOf(2, "b"));
    assert.deepEqual(
      [
        holds(folder, "the photo of 2 "),
        holds(folder, bytesOf(vectorOf(2))),
        store.person(idOf(2))?.name,
        existsSync(join(folder, "backups/recent.mdb")),
      ],
      [false, false, "Person 2", true],
    );
    await store.close();
    const again = await opened(folder);
    assert.deepEqual(
      [again.people().map(({ name }) => name), await isWhole(again, 3), again.anchors(), again.unknowns()],
      [["Person 2", "Person 3"], true, [], []],
    );
  });

  it("deletes strangers whose time is over from old pages and backups too, once it has settled", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.putUnknown(stranger, [pictureOf(500)]);
    await store.backup();
    await store.expireUnknowns([stranger.id]);
    assert.deepEqual([store.unknowns(), holds(folder, "the photo of 500 ")], [[], false]);
    await store.backup();
    assert.equal(holds(folder, bytesOf(vectorOf(500))), false);
  });

  it("deletes for good also when it was killed in between, after the next start", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.putUnknown(stranger, [pictureOf(500)]);
    await store.putNote("photos/Alice.jpg", 1);
    await store.backup();
    await store.expireUnknowns([stranger.id]);
    await store.putNote("photos/Alice.jpg", undefined);
    // As it lies there when it is killed now.
    const killed = `${folder}-killed`;
    cpSync(folder, killed, { recursive: true });
    rmSync(join(killed, "in-use.json"));
    writeFileSync(join(killed, "import-0123456789ab.zip"), "the photo of 9 ");
    for (const needle of [bytesOf(vectorOf(500)), "photos/Alice.jpg"]) assert.equal(holds(killed, needle), true);
    const again = await opened(killed);
    await again.backup();
    for (const needle of [
      bytesOf(vectorOf(500)),
      bytesOf(vectorOf(501)),
      "photos/Alice.jpg",
      "the photo of 9 ",
      stranger.id,
    ])
      assert.equal(holds(killed, needle), false, String(needle).slice(0, 40));
    assert.ok(await isWhole(again, 1));
  });

  it("takes a person out of every backup and leaves the others in them, and their age", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    const paths = ["recent", "day", "week"].map((slot) => join(folder, "backups", `${slot}.mdb`));
    const ages = [0, 2, 8].map((days) => Math.round(Date.now() / 1000 - days * 86_400));
    for (const number of [1, 2]) await store.addPhoto(entryOf(number));
    await store.backup();
    const [recent = ""] = paths;
    for (const [index, path] of paths.entries()) {
      if (index > 0) cpSync(recent, path);
      utimesSync(path, ages[index] ?? 0, ages[index] ?? 0);
    }
    assert.equal((await store.removePerson(idOf(1))).backups, 3);
    assert.deepEqual(
      paths.map((path) => Math.round(statSync(path).mtimeMs / 1000)),
      ages,
    );
    for (const path of paths)
      assert.deepEqual(
        [readFileSync(path).includes("Person 1"), readFileSync(path).includes("Person 2")],
        [false, true],
      );
    await store.addPhoto(entryOf(3));
    assert.equal((await store.removePerson(idOf(3))).backups, 0, "no backup was made since");
    writeFileSync(paths[1] ?? "", Buffer.alloc(20_000, 0x5a));
    assert.deepEqual(
      [(await store.removePerson(idOf(2))).backups, existsSync(paths[1] ?? "")],
      [3, false],
      "one that cannot be read is deleted",
    );
  });

  it("deletes many people and photos at once, for good", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    for (const number of [1, 2, 3]) await store.addPhoto(entryOf(number));
    await store.putAnchor(anchor);
    await store.backup();
    await store.removeMany({ people: [idOf(1)], photos: [idOf(2, "b")] });
    assert.deepEqual(
      [store.people().map(({ name }) => name), store.photos().map(({ personId }) => personId), store.anchors()],
      [["Person 2", "Person 3"], [idOf(3)], []],
    );
    for (const needle of ["Person 1", "the photo of 2 ", bytesOf(vectorOf(1)), bytesOf(vectorOf(2)), "her sister"])
      assert.equal(holds(folder, needle), false, String(needle).slice(0, 40));
    assert.ok(holds(join(folder, "backups"), "Person 3"));
  });

  it("leaves nothing in old pages of what was changed", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.putPerson({ ...personOf(1), notes: "nothing" });
    await store.backup();
    assert.equal(holds(folder, "secret note about 1"), false);
  });

  it("backs up a minute after a change, and 15 minutes after what comes with every visitor", async (context) => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    await store.backup();
    context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
    const backedUpAfter = async (seconds: number): Promise<boolean> => {
      rmSync(join(folder, "backups/recent.mdb"), { force: true });
      context.mock.timers.tick(seconds * 1000);
      // Read behind the backup, if one has begun.
      await all(store.embeddings("none"));
      return existsSync(join(folder, "backups/recent.mdb"));
    };
    await store.seen(new Map([[idOf(1), 5]]));
    assert.deepEqual([await backedUpAfter(899), await backedUpAfter(1)], [false, true]);
    await store.seen(new Map([[idOf(1), 6]]));
    await store.addPhoto(entryOf(2));
    assert.deepEqual(
      [await backedUpAfter(59), await backedUpAfter(1), await backedUpAfter(900)],
      [false, true, false],
    );
    context.mock.timers.reset();
  });

  it("says that no backup can be made, and keeps on", async () => {
    const folder = folderOf();
    const store = await opened(folder);
    await store.addPhoto(entryOf(1));
    writeFileSync(join(folder, "backups"), "");
    await store.close();
    assert.deepEqual(
      store.refusals.map(({ code }) => code),
      ["unwritable_backup"],
    );
    assert.match(
      store.refusals[0]?.error.message ?? "",
      pattern(
        /no backup of the people can be made, and what was deleted may still be in the older ones.*/,
        /what should be a folder is a file.*move that file away/,
      ),
    );
    rmSync(join(folder, "backups"));
    assert.ok(await isWhole(await opened(folder), 1));
  });

  it("encrypts everything with a pass phrase, and opens with no other", async () => {
    const folder = folderOf();
    const store = await opened(folder, "correct horse");
    await store.addPhoto(entryOf(1));
    await store.putAnchor(anchor);
    await store.putUnknown(stranger, [pictureOf(500)]);
    await store.putNote("about Person 1", "the photo of 1 ");
    await store.backup();
    for (const needle of [
      "Person 1",
      "secret note",
      "the photo of",
      "the thumbnail of",
      "her sister",
      bytesOf(vectorOf(1)),
      bytesOf(vectorOf(600)),
      bytesOf(vectorOf(500)),
      idOf(1, "b"),
    ])
      assert.equal(holds(folder, needle), false, String(needle).slice(0, 40));
    await store.close();
    await assert.rejects(
      openStore({ folder, key: "battery staple" }),
      /the pass phrase of this gallery is wrong.*Nothing was changed/,
    );
    await assert.rejects(openStore({ folder }), /are encrypted: open the gallery's form and give its pass phrase/);
    const again = await opened(folder, "correct horse");
    assert.deepEqual(
      [
        await isWhole(again, 1),
        again.note("about Person 1"),
        (await all(again.embeddings("f"))).length,
        await again.unknownPicture(stranger.id, 0),
      ],
      [true, "the photo of 1 ", 1, pictureOf(500)],
    );
    await again.removePerson(idOf(1));
    assert.deepEqual(
      [again.people(), readdirSync(join(folder, "photos")), await all(again.embeddings("f"))],
      [[], [], []],
    );
  });

  it("notices when an encrypted record was tampered with", async () => {
    const folder = folderOf();
    const store = await opened(folder, "correct horse");
    await store.addPhoto(entryOf(1));
    await store.backup();
    await store.close();
    const path = join(folder, "photos", readdirSync(join(folder, "photos"))[0] ?? "");
    const bytes = readFileSync(path);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    assert.deepEqual(await (await opened(folder, "correct horse")).photoBytes(idOf(1, "b")), pictureOf(1), "the copy");
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["damaged_picture"],
    );
  });

  it("encrypts what was plain when it is given a pass phrase, leaving nothing plain behind", async () => {
    const folder = folderOf();
    const plain = await opened(folder);
    for (const number of [1, 2]) await plain.addPhoto(entryOf(number));
    await plain.putUnknown(stranger, [pictureOf(500)]);
    await plain.close();
    const sealed = await opened(folder, "correct horse");
    assert.deepEqual(
      [await isWhole(sealed, 1), await isWhole(sealed, 2), await sealed.unknownPicture(stranger.id, 0)],
      [true, true, pictureOf(500)],
    );
    for (const needle of [
      "Person 1",
      "secret note",
      "the photo of",
      "the thumbnail of",
      bytesOf(vectorOf(1)),
      bytesOf(vectorOf(500)),
    ])
      assert.equal(holds(folder, needle), false, String(needle).slice(0, 40));
    await sealed.close();
    assert.ok(await isWhole(await opened(folder, "correct horse"), 2));
  });

  it("says that the folder cannot be written to", async () => {
    const folder = folderOf();
    writeFileSync(join(folder, "..", "file"), "");
    await assert.rejects(
      openStore({ folder: join(folder, "..", "file", "people") }),
      pattern(
        /the gallery cannot be opened: what should be a folder is a file /,
        /\(ENOTDIR, .*people\)\. To mend it, move that file away/,
      ),
    );
  });

  it("writes nothing any more once closed", async () => {
    const store = await opened(folderOf());
    await store.close();
    await assert.rejects(store.addPhoto(entryOf(1)), /the gallery is closed/);
  });
});
