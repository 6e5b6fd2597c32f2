import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { Gallery } from "../../../lib/gallery/gallery";
import type { GalleryOptions } from "../../../lib/gallery/options";
import { sitesSchema } from "../../../lib/gallery/sites";
import { isBeside, openBeside } from "../../../lib/people/lmdb/beside";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { openStore } from "../../../lib/people/lmdb/store";
import { Site } from "../../../lib/sites/site";
import { openBook } from "../../../lib/visits/lmdb-book";
import { FakeEncoder } from "../../support/fake-encoder";
import { MemoryLog, type MemoryLine } from "../../support/memory-log";
import { eventually } from "../../support/node-red";
import { DAY, visitOf } from "../visits/visits";

interface Door {
  gallery: Gallery;
  line: MemoryLine;
  root: string;
}

const doors: Door[] = [];

/** A gallery that is a site, over a folder of photos of its own. */
async function doorAt(
  log: MemoryLog,
  name: string,
  photos: Record<string, string> = {},
  options: Partial<GalleryOptions> = {},
): Promise<Door> {
  const root = mkdtempSync(join(tmpdir(), "door-"));
  mkdirSync(join(root, "photos"));
  for (const [file, content] of Object.entries(photos)) writeFileSync(join(root, "photos", file), content);
  const folder = join(root, "people");
  const store = await openStore({ folder });
  const visits = await openBook({
    folder,
    secret: store.secret,
    keepMs: 30 * DAY,
    nameOf: (id) => store.person(id)?.name,
  });
  let line: MemoryLine | undefined;
  const gallery = new Gallery({
    store,
    visits,
    folder: join(root, "photos"),
    encoder: new FakeEncoder("fake", "f"),
    interval: 50,
    ...options,
    site: (host) =>
      Site.open({
        ...host,
        store,
        beside: { folder, secret: store.secret },
        name,
        passPhrase: "a key",
        connect: (site) => (line = log.connect(site)),
      }),
  });
  await gallery.start();
  if (line === undefined) throw new Error("no site");
  const door = { gallery, line, root };
  doors.push(door);
  return door;
}

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  await eventually(what, async () => (await holds()) || undefined);
};

const knows = ({ gallery }: Door, name: string): boolean => gallery.people.some((person) => person.name === name);

describe("a gallery that is a site of a shared one", () => {
  afterEach(async () => {
    for (const { gallery } of doors.splice(0)) await gallery.close();
  });

  it("recognizes whoever is enrolled at another, and no more whoever is deleted there", async () => {
    const log = new MemoryLog();
    const north = await doorAt(log, "North", { "Alice.jpg": "1 0" });
    const south = await doorAt(log, "South");
    await until("south knows Alice", () => knows(south, "Alice"));
    assert.equal([...south.gallery.embeddings()].length, 1);
    const forgotten: string[] = [];
    north.gallery.on("forgotten", (_id, name) => forgotten.push(name));
    await south.gallery.forget({ name: "Alice" });
    await until("she is gone in the north", () => !knows(north, "Alice") && north.gallery.listPeople({}).total === 0);
    assert.deepEqual(forgotten, ["Alice"]);
    // Nor does she come back with the next look at the folder.
    assert.equal(existsSync(join(north.root, "photos", "Alice.jpg")), false);
    await north.gallery.scanFolder();
    assert.equal(north.gallery.listPeople({}).total, 0);
    await until(
      "both have answered",
      async () => (await south.gallery.sharing.list()).deletions[0]?.missing.length === 0,
    );
    const listed = sitesSchema.parse(await south.gallery.sharing.list());
    assert.deepEqual(listed.deletions[0]?.answered, ["North", "South"]);
    assert.deepEqual(
      listed.sites.map(({ name, here }) => [name, here]),
      [
        ["North", false],
        ["South", true],
      ],
    );
  });

  it("recognizes nobody any more who is deleted elsewhere while its attendance book is out of reach", async () => {
    const log = new MemoryLog();
    const south = await doorAt(log, "South");
    let isFull = true;
    const folder = mkdtempSync(join(tmpdir(), "book-"));
    const refused = (): never => {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    };
    const place = { folder, name: "attendance", secret: noSecret } as const;
    const attendance = {
      isThere: async () => isFull || isBeside(place),
      open: async () => (isFull ? refused() : openBeside(place)),
      folder,
      encrypted: false,
    };
    const north = await doorAt(log, "North", { "Alice.jpg": "1 0", "Bob.jpg": "0 1" }, { attendance });
    await until("south knows both", () => knows(south, "Alice") && knows(south, "Bob"));
    await south.gallery.forget({ name: "Alice" });
    await until("she is gone in the north", () => north.gallery.listPeople({}).total === 1);
    const { name } = await south.gallery.createPerson({ name: "Carol" });
    await until("the north goes on", () => north.gallery.listPeople({ search: name }).total === 1);
    const answered = async (): Promise<string[] | undefined> =>
      sitesSchema.parse(await south.gallery.sharing.list()).deletions[0]?.answered;
    assert.deepEqual(await answered(), ["South"]);
    isFull = false;
    await until("the receipt", async () => (await answered())?.length === 2);
  });

  it("goes on alone while the database is away, and says so as a problem that goes again", async () => {
    const log = new MemoryLog();
    const north = await doorAt(log, "North");
    const south = await doorAt(log, "South");
    await until("both are reached", () =>
      [north, south].every(({ gallery }) => gallery.summary.site?.reachable === true),
    );
    const told: string[] = [];
    north.gallery.on("problem", ({ code }) => told.push(code));
    north.line.cut(true);
    assert.deepEqual(
      north.gallery.summary.problems.map(({ code }) => code),
      ["site"],
    );
    assert.match(north.gallery.summary.problems[0]?.message ?? "", /not in step with the others: the database/);
    await north.gallery.createPerson({ name: "Bob" });
    await until("it waits", () => (north.gallery.summary.site?.waiting ?? 0) > 0);
    assert.deepEqual(told, ["site"]);
    north.line.cut(false);
    await until("Bob is in the south", () => south.gallery.listPeople({}).total === 1);
    await until("the problem is gone", () => north.gallery.summary.problems.length === 0);
    assert.deepEqual([north.gallery.summary.site?.waiting, (await north.gallery.sharing.verify()).differing], [0, 0]);
  });

  it("names a conflict, and both people of one name stay", async () => {
    const log = new MemoryLog();
    const north = await doorAt(log, "North");
    const south = await doorAt(log, "South");
    south.line.cut(true);
    await north.gallery.createPerson({ name: "Carol" });
    await south.gallery.createPerson({ name: "Carol" });
    await until("Carol is told", () => log.head > 0);
    south.line.cut(false);
    const names = ({ gallery }: Door): string[] => gallery.listPeople({}).people.map(({ name }) => name);
    await until("both have both", () => [north, south].every((door) => names(door).length === 2));
    await until("the second has another name", () => names(north).join() === "Carol,Carol (South)");
    assert.deepEqual(names(south), names(north));
    const [conflict] = (await south.gallery.sharing.list()).conflicts;
    assert.deepEqual([conflict?.rule, conflict?.name], ["enrolled_twice", "Carol (South)"]);
  });

  it("merges whom another has merged: visits, last seen, and a photo that only this one has stay", async () => {
    const log = new MemoryLog();
    const north = await doorAt(log, "North");
    const south = await doorAt(log, "South");
    const alice = await north.gallery.createPerson({ name: "Alice" });
    const alicia = await north.gallery.createPerson({ name: "Alicia" });
    await north.gallery.enrol("Alice", Buffer.from("1 0"));
    await until("south knows both", () => south.gallery.listPeople({}).total === 2 && knows(south, "Alice"));
    const seen = Date.now();
    await south.gallery.keptVisits.put(
      visitOf(1, { person: alicia.id, name: "Alicia", until: seen, since: seen - 5 }),
    );
    south.gallery.saw(alicia.id, seen);
    south.line.cut(true);
    await south.gallery.enrol("Alicia", Buffer.from("0 1"));
    const told: string[] = [];
    south.gallery.on("merged", (from, into) => told.push(`${from} ${into.id}`));
    await north.gallery.merge(alicia.id, alice.id);
    await until("the north has told it", () => north.gallery.summary.site?.waiting === 0);
    south.line.cut(false);
    await until("the south has one", () => south.gallery.listPeople({}).total === 1);
    assert.deepEqual(told, [`${alicia.id} ${alice.id}`]);
    const { visits } = await south.gallery.keptVisits.find({});
    assert.deepEqual(
      visits.map(({ person, name }) => [person, name]),
      [[alice.id, "Alice"]],
    );
    await until("both have both photos, and when she was seen", () =>
      [north, south].every(({ gallery }) => {
        const { photos, lastSeenAt } = gallery.details(alice.id);
        return photos.length === 2 && lastSeenAt === seen;
      }),
    );
    await until("both are in step", () => [north, south].every(({ gallery }) => gallery.summary.site?.waiting === 0));
    for (const { gallery } of [north, south]) assert.equal((await gallery.sharing.verify()).differing, 0);
  });

  it("is nobody's site where it is not shared: asked for its sites it says so", async () => {
    const root = mkdtempSync(join(tmpdir(), "door-"));
    const store = await openStore({ folder: join(root, "people") });
    const gallery = new Gallery({ store, folder: join(root, "photos"), encoder: new FakeEncoder() });
    await gallery.start();
    assert.equal(gallery.summary.site, null);
    await assert.rejects(gallery.sharing.list(), /this computer's alone/);
    await gallery.close();
  });
});
