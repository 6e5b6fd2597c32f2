import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Person } from "../../../lib/people/people";
import { packPerson } from "../../../lib/people/records";
import type { Logged } from "../../../lib/sites/change-log";
import { toContent } from "../../../lib/sites/records";
import { render } from "../../../lib/words/sentence";
import { MemoryLog } from "../../support/memory-log";
import { eventually } from "../../support/node-red";
import { allSettled, closeSite, openSite, type TestSite, type TestSiteOptions } from "../../support/sites";
import { entryOf, idOf, isWhole, personOf } from "../people/entries";
import { added, contentsOf, embeddingOf } from "../people/store-suite";

const open: TestSite[] = [];
const opened = async (log: MemoryLog, options: TestSiteOptions): Promise<TestSite> => {
  const site = await openSite(log, options);
  open.push(site);
  return site;
};
const closed = async (site: TestSite): Promise<void> => {
  open.splice(open.indexOf(site), 1);
  await closeSite(site);
};

describe("two sites of one gallery", () => {
  afterEach(async () => {
    for (const site of open.splice(0)) await closeSite(site);
  });

  it("know whoever is enrolled at one, with photo, thumbnail and embedding", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    assert.deepEqual(await contentsOf(south.store), await contentsOf(north.store));
    assert.equal(await isWhole(south.store, 1), true);
    assert.equal(south.store.photo(idOf(1, "b"))?.size, entryOf(1).photo.size);
  });

  it("go on though somebody who hears of their state fails", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    let heard = 0;
    const fail = (): void => {
      heard += 1;
      throw new Error("who hears of it fails");
    };
    south.site.on("state", fail);
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    await south.site.settled();
    assert.ok(heard > 0);
    south.site.off("state", fail);
    await allSettled(open);
    assert.deepEqual(await contentsOf(south.store), await contentsOf(north.store));
  });

  it("forget whoever is deleted at one, and say so with a receipt for each", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    south.line.cut(true);
    await north.act((store) => store.removePerson(idOf(1)));
    await north.site.settled();
    const [deletion] = north.site.deletions;
    assert.equal(deletion?.kind, "person");
    const answered = async (): Promise<string[]> =>
      (await north.site.readSites())
        .filter(({ followed }) => followed >= (deletion?.number ?? 0))
        .map(({ name }) => name);
    assert.deepEqual(await answered(), ["North"]);
    south.line.cut(false);
    await allSettled(open);
    assert.deepEqual(await answered(), ["North", "South"]);
    assert.deepEqual([south.store.people(), south.store.photos()], [[], []]);
    assert.equal(
      log.list().every(({ content }) => content === null),
      true,
    );
  });

  it("tell a new site all, once, and a site that was away what it missed", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    for (let number = 1; number <= 30; number += 1) await north.act((store) => store.putMany(added(number)));
    await north.site.settled();
    // Edited since, persons come after their photos in the log.
    for (let number = 1; number <= 30; number += 3)
      await north.act((store) => store.putPerson({ ...personOf(number), notes: "new" }));
    await north.site.settled();
    const south = await opened(log, { name: "South" });
    await allSettled(open);
    assert.deepEqual(await contentsOf(south.store), await contentsOf(north.store));
    const { folder } = south;
    await closed(south);
    await north.act((store) => store.putMany(added(31)));
    await north.act((store) => store.removePerson(idOf(2)));
    const again = await opened(log, { name: "South", folder });
    await allSettled(open);
    assert.deepEqual(await contentsOf(again.store), await contentsOf(north.store));
    assert.equal(again.line.pushes, 0);
  });

  it("send and take again nothing that is known, when they begin again", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    const { folder } = north;
    await closed(north);
    const again = await opened(log, { name: "North", folder });
    await allSettled(open);
    assert.deepEqual([again.line.pushes, again.site.state.waiting], [0, 0]);
  });

  it("go on alone without the database, and then all of it arrives once", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    await allSettled(open);
    for (const { line } of open) line.cut(true);
    assert.equal(north.site.state.reachable, false);
    for (let number = 1; number <= 20; number += 1) {
      await north.act((store) => store.putMany(added(number)));
      await south.act((store) => store.putMany(added(100 + number)));
    }
    await north.site.settled();
    assert.ok(north.site.state.waiting > 0);
    const { folder } = north;
    // A restart forgets none of it.
    await closed(north);
    const again = await opened(log, { name: "North", folder });
    for (const { line } of open) line.cut(false);
    await allSettled(open);
    assert.deepEqual(await contentsOf(again.store), await contentsOf(south.store));
    assert.equal(south.store.people().length, 40);
    // 40 people, each with a photo, a picture, a thumbnail and an embedding.
    assert.equal(log.head, 5 * 40);
    assert.deepEqual([again.site.conflicts, south.site.conflicts], [[], []]);
  });

  it("give the database nothing that can be read: no name, note, picture, number or id", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    assert.equal(log.list().length, 5);
    const { person, photo, bytes, embeddings } = entryOf(1);
    const vector = embeddings[0]?.vector.slice(0, 4);
    const secrets: Uint8Array[] = [person.name, person.notes, person.id, photo.id].map((text) => Buffer.from(text));
    secrets.push((bytes ?? Buffer.alloc(0)).subarray(0, 16), new Uint8Array(vector?.buffer ?? new ArrayBuffer(0)));
    for (const { id, content } of log.list())
      for (const secret of secrets) {
        assert.equal(content?.includes(Buffer.from(secret)), false);
        assert.equal(id.includes(Buffer.from(secret).toString()), false);
      }
  });

  it("refuse a key that is not the gallery's with a sentence, and send and take nothing", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    const { head } = log;
    const south = await opened(log, { name: "South", passPhrase: "another key" });
    await south.act((store) => store.putMany(added(2)));
    await south.site.settled();
    assert.equal(south.site.state.reachable, false);
    assert.match(render(south.site.state.reason ?? { "en-US": "" }, "en-US"), /same key at every site/);
    assert.deepEqual([south.store.people().length, log.head], [1, head]);
  });

  it("take nothing that was not sealed with the key: plain, moved from another record, or damaged", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    for (const number of [1, 2, 3]) await north.act((store) => store.putMany({ people: [personOf(number)] }));
    await north.site.settled();
    const [one, two, three] = log.list();
    assert.ok(one?.content && two?.content && three?.content);
    const forge = (logged: Logged, content: Buffer): void => {
      log.records.set(`${logged.kind} ${logged.id}`, { ...logged, number: (log.head += 1), content });
    };
    forge(
      one,
      noSecret.seal(toContent({ kind: "person", id: idOf(1) }, packPerson({ ...personOf(1), name: "Eve" })), ""),
    );
    forge(two, three.content);
    forge(three, Buffer.concat([three.content.subarray(0, -1), Buffer.of((three.content.at(-1) ?? 0) ^ 1)]));
    const south = await opened(log, { name: "South" });
    await south.site.settled();
    assert.deepEqual([south.store.people(), south.site.state.unreadable], [[], 3]);
    await north.site.settled();
    assert.deepEqual(north.store.people(), [1, 2, 3].map(personOf));
  });

  it("bring back who is missing where a backup took the people's place, and delete nobody for it", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    await north.act((store) => store.putMany(added(1)));
    await north.act((store) => store.backup());
    await north.act((store) => store.putMany(added(2)));
    await allSettled(open);
    const { folder } = north;
    await closed(north);
    const file = join(folder, "people.mdb");
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, 3 * 4096);
    writeFileSync(file, bytes);
    // The newest good backup is of the time before the second came, as after a power cut.
    const backups = join(folder, "backups");
    for (const name of readdirSync(backups)
      .filter((each) => each.endsWith(".mdb"))
      .sort()
      .slice(1))
      rmSync(join(backups, name));
    const again = await opened(log, { name: "North", folder });
    assert.ok(again.store.problems.some(({ code }) => code === "damaged_database" || code === "no_backup"));
    await allSettled(open);
    assert.deepEqual(
      [again, south].map(({ store }) => store.people().length),
      [2, 2],
    );
    assert.deepEqual(await contentsOf(again.store), await contentsOf(south.store));
    assert.equal(await isWhole(again.store, 2), true);
  });

  it("bring back what a database lost that was restored from a dump, and nobody who was deleted since", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    for (const number of [1, 2, 3]) await north.act((store) => store.putMany(added(number)));
    await allSettled(open);
    const dump = log.dump();
    await north.act((store) => store.putMany(added(4)));
    await south.act((store) => store.removePerson(idOf(2)));
    await south.act((store) => store.putPerson({ ...personOf(1), notes: "newer" }));
    await allSettled(open);
    for (const { line } of open) line.cut(true);
    log.restore(dump);
    for (const { line } of open) line.cut(false);
    await allSettled(open);
    const people = (site: TestSite): string[] =>
      site.store
        .people()
        .map(({ id }) => id)
        .sort();
    assert.deepEqual(
      [people(north), people(south)],
      [
        [1, 3, 4],
        [1, 3, 4],
      ].map((all) => all.map((n) => idOf(n))),
    );
    assert.equal(north.store.person(idOf(1))?.notes, "newer");
    assert.deepEqual(await contentsOf(north.store), await contentsOf(south.store));
    assert.equal((await north.site.verify()).differing, 0);
  });

  it("see that a database was restored, though others have written past what they knew of it", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    const dump = log.dump();
    await north.act((store) => store.putMany(added(2)));
    await north.site.settled();
    for (const { line } of open) line.cut(true);
    log.restore(dump);
    // The north is away while the south goes on.
    south.line.cut(false);
    for (let number = 3; number <= 8; number += 1) await south.act((store) => store.putMany(added(number)));
    await south.site.settled();
    assert.ok(log.head > (north.site.state.followed ?? Infinity));
    north.line.cut(false);
    await allSettled(open);
    assert.equal(north.store.people().length, 8);
    assert.deepEqual(await contentsOf(north.store), await contentsOf(south.store));
  });

  it("begin anew with another database, and send it all", async () => {
    const north = await opened(new MemoryLog(), { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    const { folder } = north;
    await closed(north);
    const log = new MemoryLog();
    const again = await opened(log, { name: "North", folder });
    await allSettled(open);
    assert.deepEqual([again.store.people().length, log.list().length], [1, 5]);
    assert.equal((await again.site.verify()).differing, 0);
  });

  it("only follow where the login may not write: what is changed there stays there", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    const south = await opened(log, { name: "South", cut: true });
    south.line.readOnly = true;
    south.line.cut(false);
    await south.act((store) => store.putMany(added(2)));
    await north.act((store) => store.putMany(added(3)));
    await north.site.settled();
    await south.site.settled();
    await south.site.settled();
    assert.deepEqual(
      south.store
        .people()
        .map(({ id }) => id)
        .sort(),
      [1, 2, 3].map((number) => idOf(number)),
    );
    const { readOnly, reachable, waiting } = south.site.state;
    assert.deepEqual([readOnly, reachable, waiting, south.line.pushes], [true, true, 0, 0]);
  });

  it("keep no pictures of others where a site keeps none, and delete none for it", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South", keepPictures: false });
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    const photo = idOf(1, "b");
    assert.deepEqual(
      [await south.store.photoBytes(photo), await south.store.thumbnail(photo)],
      [undefined, undefined],
    );
    assert.equal((await south.store.embeddingsOf(photo)).length, 1);
    const { folder } = south;
    await closed(south);
    await opened(log, { name: "South", folder, keepPictures: false });
    await allSettled(open);
    assert.equal(await isWhole(north.store, 1), true);
    assert.equal((await north.site.verify()).differing, 0);
  });

  it("leave a photo in the folder of its own computer, and have it as an imported one elsewhere", async () => {
    const log = new MemoryLog();
    const wiped: string[] = [];
    const north = await opened(log, {
      name: "North",
      wipe: async ({ photos }) => {
        for (const { origin } of photos) if (origin.by === "folder") wiped.push(origin.file);
      },
    });
    const south = await opened(log, { name: "South" });
    const { person, ...entry } = entryOf(1);
    const photo = { ...entry.photo, origin: { by: "folder", file: "Person 1.jpg" } as const, size: 0 };
    await north.act((store) => store.putMany({ people: [person], photos: [{ ...entry, photo, bytes: undefined }] }));
    await allSettled(open);
    assert.deepEqual(south.store.photo(photo.id)?.origin, { by: "import" });
    await south.act((store) =>
      store.putMany({
        photos: [
          {
            photo: { ...photo, origin: { by: "import" }, accepted: ["left_out"] },
            bytes: undefined,
            thumbnail: undefined,
            embeddings: [],
          },
        ],
      }),
    );
    await allSettled(open);
    assert.deepEqual(north.store.photo(photo.id), { ...photo, accepted: ["left_out"] });
    await south.act((store) => store.removePerson(idOf(1)));
    await allSettled(open);
    assert.deepEqual([wiped, north.store.photos()], [["Person 1.jpg"], []]);
  });

  it("keep the embeddings by which a site recognizes, when another has changed its network", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North", uses: (fingerprint) => fingerprint === "f" });
    const south = await opened(log, { name: "South", uses: (fingerprint) => fingerprint === "g" });
    await north.act((store) => store.putMany(added(1)));
    await allSettled(open);
    await south.act((store) => store.putEmbeddings([embeddingOf(1, "g")]));
    await south.act((store) => store.removeEmbeddings("f", () => true));
    await allSettled(open);
    const fingerprints = async ({ store }: TestSite): Promise<string[]> =>
      (await store.embeddingsOf(idOf(1, "b"))).map(({ fingerprint }) => fingerprint).sort();
    assert.deepEqual(
      [await fingerprints(north), await fingerprints(south)],
      [
        ["f", "g"],
        ["f", "g"],
      ],
    );
  });

  it("tell seldom of whoever was only seen, whatever the clocks say, and all of it at the end", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North", seenMs: 600_000 });
    await north.act((store) => store.putMany({ people: [{ ...personOf(1), lastSeenAt: 1000 }] }));
    await north.site.settled();
    const { head } = log;
    // As where two sites see them in turn, and the clock of one is a day ahead.
    for (const at of [2000, 86_402_000, 3000, 86_403_000, 4000]) {
      await north.act((store) => store.seen(new Map([[idOf(1), at]])));
      await north.site.settled();
    }
    assert.equal(log.head, head);
    await closed(north);
    assert.equal(log.head, head + 1);
  });

  it("tell of whoever was only seen after a while, though nothing else happens", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North", seenMs: 300 });
    const south = await opened(log, { name: "South" });
    await north.act((store) => store.putMany({ people: [{ ...personOf(1), lastSeenAt: 1000 }] }));
    await north.site.settled();
    await north.act((store) => store.seen(new Map([[idOf(1), 2000]])));
    await north.site.settled();
    const { head } = log;
    await eventually("the south knows", async () => south.store.person(idOf(1))?.lastSeenAt === 2000 || undefined);
    assert.equal(log.head, head + 1);
  });

  it("compare all with the log once by themselves, and say how far they are", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    for (let number = 1; number <= 40; number += 1) await north.act((store) => store.putMany(added(number)));
    await north.site.settled();
    const south = await openSite(log, { name: "South", cut: true });
    open.push(south);
    const shown: number[] = [];
    south.site.on("state", () => shown.push(south.site.state.verifying ?? -1));
    south.line.cut(false);
    await eventually(
      "both are compared",
      async () =>
        open.every(({ site }) => site.state.verifiedAt !== null && site.state.verifying === null) || undefined,
    );
    const percents = shown.filter((percent) => percent >= 0);
    assert.ok(percents.length > 3, percents.join());
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    assert.equal(percents.at(-1), 100);
    // By count and hash, and then never again by itself.
    const [one, other] = [await north.site.verify(), await south.site.verify()];
    assert.deepEqual(one, other);
    assert.deepEqual([one.records, one.people, one.photos, one.differing], [200, 40, 40, 0]);
    assert.match(one.digest, /^[0-9a-f]{32}$/);
    const { reads } = south.line;
    await south.site.settled();
    assert.ok(south.line.reads - reads < 3);
  });

  it("end comparing, though another one writes without end, and say what differs in truth", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    const south = await opened(log, { name: "South" });
    for (let number = 1; number <= 40; number += 1) await north.act((store) => store.putMany(added(number)));
    await allSettled(open);
    let writes = true;
    const writing = (async () => {
      for (let count = 1; writes; count += 1)
        await north.act((store) => store.putPerson({ ...personOf(1 + (count % 40)), notes: `note ${count}` }));
    })();
    const [one, other] = await Promise.all([south.site.verify(), south.site.verify()]);
    writes = false;
    await writing;
    assert.equal(one, other, "whoever asks meanwhile hears of the same");
    assert.equal(one.differing, 0);
    await allSettled(open);
    // Somebody who has the key, or a disk, has taken a person away.
    const [key, logged] = [...log.records].find(([, { kind }]) => kind === "person") ?? [];
    assert.ok(key !== undefined && logged !== undefined);
    log.records.delete(key);
    assert.equal((await south.site.verify()).differing, 1);
    assert.equal(south.site.state.differing, 1);
    log.records.set(key, logged);
    assert.equal((await south.site.verify()).differing, 0);
  });

  it("give up comparing where it takes too long, with a sentence", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North", verifyMs: 0 });
    for (let number = 1; number <= 20; number += 1) await north.act((store) => store.putMany(added(number)));
    await allSettled(open);
    await assert.rejects(north.site.verify(), /took more than/);
    assert.equal(north.site.state.verifying, null);
  });

  it("send what is here to a new log, and go on where it was cut off, each record once", async () => {
    const log = new MemoryLog();
    const alone = await opened(new MemoryLog(), { name: "North", cut: true });
    for (let number = 1; number <= 90; number += 1) await alone.act((store) => store.putMany(added(number)));
    const { folder } = alone;
    await closed(alone);
    const left: number[] = [];
    const first = await opened(log, { name: "North", folder, closeMs: 0 });
    first.site.on("state", () => {
      left.push(first.site.state.waiting);
      // Between two batches.
      if (log.head > 0) first.line.cut(true);
    });
    await eventually("it is cut off", async () => (log.head > 0 && !first.site.state.reachable) || undefined);
    assert.ok(log.head < 450, `${log.head} of 450`);
    await closed(first);
    const again = await opened(log, { name: "North", folder });
    await allSettled([again]);
    // Its own name for each record, and none was told twice.
    assert.deepEqual([log.head, log.list().length], [450, 450]);
    assert.ok(left.some((count) => count > 0 && count < 450));
    assert.equal((await again.site.verify()).differing, 0);
    // To this computer alone: all of it is here, by count and by content.
    const before = await contentsOf(again.store);
    await closed(again);
    const local = await openStore({ folder });
    assert.deepEqual(await contentsOf(local), before);
    assert.equal(local.people().length, 90);
    for (let number = 1; number <= 90; number += 1) assert.ok(await isWhole(local, number));
    await local.close();
  });

  describe("where two people are one", () => {
    /** As a gallery merges them. */
    const merge = async ({ act, site, store }: TestSite, from: number, into: number): Promise<void> => {
      await act(async () => {
        await store.putPerson({ ...(store.person(idOf(into)) ?? personOf(into)), notes: `and ${from}` });
        await site.merged(idOf(from), idOf(into));
        await store.removePerson(idOf(from));
      });
    };
    const merging = (told: string[]): Pick<TestSiteOptions, "merge"> => ({
      merge: async ({ from, into, photos }) => {
        told.push([from.name, into.name, ...photos.map(({ id }) => id)].join());
      },
    });
    const [one, two, three] = [1, 2, 3].map((number) => personOf(number).name);

    it("tell the others so before the first is deleted there, also whoever was away", async () => {
      const log = new MemoryLog();
      const told: [string[], string[]] = [[], []];
      const north = await opened(log, { name: "North" });
      const south = await opened(log, { name: "South", ...merging(told[0]) });
      const west = await opened(log, { name: "West", ...merging(told[1]) });
      for (const number of [1, 2, 3]) await north.act((store) => store.putMany(added(number)));
      await allSettled(open);
      west.line.cut(true);
      // A photo that nobody else has.
      const { bytes, thumbnail, ...own } = entryOf(9);
      const photo = { ...own.photo, personId: idOf(1) };
      await west.act((store) => store.putMany({ photos: [{ photo, bytes, thumbnail, embeddings: [] }] }));
      await merge(north, 1, 2);
      await north.site.settled();
      await south.site.settled();
      assert.deepEqual(told, [[`${one},${two}`], []]);
      west.line.cut(false);
      await allSettled(open);
      assert.deepEqual(told, [[`${one},${two}`], [`${one},${two},${photo.id}`]]);
      for (const { store } of open)
        assert.deepEqual(
          store
            .people()
            .map(({ id }) => id)
            .sort(),
          [2, 3].map((n) => idOf(n)),
        );
      // Nobody is told twice, whatever starts anew.
      const { folder } = west;
      await closed(west);
      await opened(log, { name: "West", folder, ...merging(told[1]) });
      await allSettled(open);
      assert.equal(told[1].length, 1);
    });

    it("find whoever it is now, enrolled and merged again while a site was away", async () => {
      const log = new MemoryLog();
      const told: string[] = [];
      const north = await opened(log, { name: "North" });
      const south = await opened(log, { name: "South", ...merging(told) });
      await north.act((store) => store.putMany(added(1)));
      await allSettled(open);
      south.line.cut(true);
      for (const number of [2, 3]) await north.act((store) => store.putMany(added(number)));
      await merge(north, 1, 2);
      await north.site.settled();
      await merge(north, 2, 3);
      await north.site.settled();
      // Whoever is gone has left their name.
      await north.act((store) => store.putPerson({ ...(store.person(idOf(3)) ?? personOf(3)), name: one ?? "" }));
      await north.site.settled();
      south.line.cut(false);
      await allSettled(open);
      assert.deepEqual(told, [`${one},${one}`]);
      assert.deepEqual(
        open.map(({ store, site }) => [store.people().map(({ id, name }) => [id, name]), site.conflicts]),
        open.map(() => [[[idOf(3), one]], []]),
      );
    });

    it("keep it over a crash before it was told, and delete where whoever it is now was deleted", async () => {
      const log = new MemoryLog();
      const told: string[] = [];
      let north = await opened(log, { name: "North" });
      const south = await opened(log, { name: "South", ...merging(told) });
      for (const number of [1, 2, 3]) await north.act((store) => store.putMany(added(number)));
      await allSettled(open);
      north.line.cut(true);
      await merge(north, 1, 3);
      const { folder } = north;
      await closed(north);
      south.line.cut(true);
      await south.act((store) => store.removePerson(idOf(3)));
      north = await opened(log, { name: "North", folder, cut: true });
      await merge(north, 2, 3);
      north.line.cut(false);
      await north.site.settled();
      assert.equal(log.list().filter(({ kind, content }) => kind === "merge" && content !== null).length, 2);
      south.line.cut(false);
      await allSettled(open);
      assert.deepEqual([told, ...open.map(({ store }) => store.people())], [[], [], []]);
      assert.equal(three, personOf(3).name);
    });

    it("leave it to the first of two sites who merged the same person", async () => {
      const log = new MemoryLog();
      const sites = [await opened(log, { name: "North" }), await opened(log, { name: "South" })] as const;
      for (const number of [1, 2, 3]) await sites[0].act((store) => store.putMany(added(number)));
      await allSettled(sites);
      for (const { line } of sites) line.cut(true);
      await merge(sites[0], 1, 2);
      await merge(sites[1], 1, 3);
      for (const site of sites) {
        site.line.cut(false);
        await site.site.settled();
      }
      await allSettled(sites);
      for (const { store, site } of sites) {
        assert.deepEqual(
          store
            .people()
            .map(({ id, notes }) => `${id} ${notes}`)
            .toSorted((a, b) => a.localeCompare(b)),
          [`${idOf(2)} and 1`, `${idOf(3)} and 1`],
        );
        assert.equal((await site.verify()).differing, 0);
      }
      assert.equal(log.list().filter(({ kind }) => kind === "merge").length, 1);
    });
  });

  it("keep no word of whoever was deleted, where the database is away too", async () => {
    const log = new MemoryLog();
    const north = await opened(log, { name: "North" });
    await north.act((store) => store.putMany(added(1)));
    await north.site.settled();
    const said = (): boolean => readFileSync(join(north.folder, "sites", "sites.mdb")).includes(personOf(1).notes);
    assert.equal(said(), true);
    north.line.cut(true);
    await north.act((store) => store.removePerson(idOf(1)));
    await north.site.settled();
    assert.equal(said(), false);
  });
});

describe("a conflict of two sites", () => {
  afterEach(async () => {
    for (const site of open.splice(0)) await closeSite(site);
  });

  /** Both know somebody, and change them while neither hears of the other. */
  const apart = async (
    log: MemoryLog,
    north: (site: TestSite) => Promise<void>,
    south: typeof north,
  ): Promise<[TestSite, TestSite]> => {
    const sites: [TestSite, TestSite] = [await opened(log, { name: "North" }), await opened(log, { name: "South" })];
    await sites[0].act((store) => store.putMany(added(1)));
    await allSettled(sites);
    for (const { line } of sites) line.cut(true);
    await north(sites[0]);
    await south(sites[1]);
    // The north reaches the database first.
    sites[0].line.cut(false);
    await sites[0].site.settled();
    sites[1].line.cut(false);
    await allSettled(sites);
    assert.deepEqual(await contentsOf(sites[0].store), await contentsOf(sites[1].store));
    return sites;
  };
  const rules = ({ site }: TestSite): unknown[] =>
    site.conflicts.map(({ rule, person, fields }) => [rule, person, ...fields]);
  const edit =
    (patch: Partial<Person>) =>
    async ({ act, store }: TestSite): Promise<void> => {
      const person = store.person(idOf(1));
      assert.ok(person);
      await act(() => store.putPerson({ ...person, ...patch }));
    };

  it("in different fields of a person keeps both", async () => {
    const [north, south] = await apart(
      new MemoryLog(),
      edit({ notes: "from the north", lastSeenAt: 9 }),
      edit({ groups: ["south"], lastSeenAt: 7 }),
    );
    const { notes, groups, lastSeenAt } = north.store.person(idOf(1)) ?? personOf(1);
    assert.deepEqual([notes, groups, lastSeenAt], ["from the north", ["south"], 9]);
    assert.deepEqual([rules(north), rules(south)], [[], []]);
  });

  it("in one field of a person keeps the value that reached the database second, and is told", async () => {
    const [north, south] = await apart(new MemoryLog(), edit({ notes: "north" }), edit({ notes: "south" }));
    assert.equal(north.store.person(idOf(1))?.notes, "south");
    assert.deepEqual([rules(north), rules(south)], [[], [["edited_twice", idOf(1), "notes"]]]);
  });

  it("in a name that both gave to new people keeps both, the second with its site's name behind it", async () => {
    const enrol =
      (number: number) =>
      async ({ act }: TestSite): Promise<void> => {
        const { person, ...photo } = entryOf(number);
        await act((store) => store.putMany({ people: [{ ...person, name: "Alice" }], photos: [photo] }));
      };
    const [north, south] = await apart(new MemoryLog(), enrol(2), enrol(3));
    assert.deepEqual(
      [north.store.person(idOf(2))?.name, north.store.person(idOf(3))?.name],
      ["Alice", "Alice (South)"],
    );
    assert.deepEqual(rules(south), [["enrolled_twice", idOf(3)]]);
  });

  it("between a deletion and a change deletes, wherever it was, and is told", async () => {
    const forget = async ({ act }: TestSite): Promise<void> => {
      await act((store) => store.removePerson(idOf(1)));
    };
    for (const [north, south] of [
      [forget, edit({ notes: "south" })],
      [edit({ notes: "north" }), forget],
    ] as const) {
      const sites = await apart(new MemoryLog(), north, south);
      for (const { store } of sites) assert.deepEqual([store.people(), store.photos()], [[], []]);
      if (north === forget) assert.deepEqual(rules(sites[1]), [["deleted_there", null]]);
    }
  });

  it("over one photo of two people leaves it to the first, and is told", async () => {
    const enrol =
      (number: number) =>
      async ({ act }: TestSite): Promise<void> => {
        const { photo, bytes, thumbnail, embeddings } = entryOf(9);
        const personId = idOf(number);
        const theirs = embeddings.map((embedding) => ({ ...embedding, personId }));
        await act((store) =>
          store.putMany({
            people: [personOf(number)],
            photos: [{ photo: { ...photo, personId }, bytes, thumbnail, embeddings: theirs }],
          }),
        );
      };
    const [north, south] = await apart(new MemoryLog(), enrol(2), enrol(3));
    assert.equal(south.store.photo(idOf(9, "b"))?.personId, idOf(2));
    assert.deepEqual([south.store.photos(idOf(2)).length, south.store.photos(idOf(3)).length], [1, 0]);
    assert.equal((await north.store.embeddingsOf(idOf(9, "b")))[0]?.personId, idOf(2));
    assert.deepEqual(rules(south), [["photo_twice", idOf(2)]]);
  });
});
