/**
 * What every change log must do, whatever is under it: run on the one in memory (memory-log.test.ts) and on PostgreSQL
 * (test/postgres/log.test.ts).
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type Change,
  type ChangeLog,
  type Epoch,
  holdsUpTo,
  type Logged,
  type Pushed,
} from "../../../lib/sites/change-log";

export interface LogKind {
  name: string;
  /** An empty log. */
  make(): Promise<LogPlace>;
}

export interface LogPlace {
  /** A line of a site to it, on which identity() was not asked yet. */
  connect(site: { id: string; name: string }): Promise<ChangeLog>;
  /** As pg_dump has it. */
  dump(): Promise<() => Promise<void>>;
}

const HERE = { id: "a".repeat(24), name: "Front door" };
const THERE = { id: "b".repeat(24), name: "後門" };

export const put = (id: string, text: string, base = 0): Change => ({
  kind: "person",
  id,
  base,
  content: Buffer.from(text),
});
export const removal = (id: string, base = 0): Change => ({ kind: "person", id, base, content: null });

/** "3 person ada=text by aaaa", without the clock. */
export const told = ({ number, kind, id, content, site }: Logged): string =>
  `${number} ${kind} ${id}${content === null ? " is gone" : `=${content.toString()}`} by ${site.slice(0, 1)}`;

export function numbersOf(pushed: Pushed): readonly number[] {
  assert.ok("numbers" in pushed, "it was stale");
  return pushed.numbers;
}

/** All after a number, page by page, and the head of the last. */
export async function read(log: ChangeLog, from = 0): Promise<{ changes: Logged[]; head: number; pages: number }> {
  const changes: Logged[] = [];
  for (let pages = 1; ; pages += 1) {
    const page = await log.after(changes.at(-1)?.number ?? from);
    changes.push(...page.changes);
    if (page.changes.length === 0 || page.changes.at(-1)?.number === page.head)
      return { changes, head: page.head, pages };
  }
}

export function logSuite(kind: LogKind): void {
  describe(`a change log: ${kind.name}`, () => {
    let place: LogPlace;
    let here: ChangeLog;
    let there: ChangeLog;

    const fresh = async (): Promise<void> => {
      place = await kind.make();
      here = await place.connect(HERE);
      there = await place.connect(THERE);
      await here.identity();
      await there.identity();
    };
    const end = async (): Promise<void> => void (await Promise.all([here.close(), there.close()]));

    describe("what is written and read", () => {
      before(fresh);
      after(end);

      it("is empty at first, at the head 0", async () => {
        assert.deepEqual(await here.after(0), { changes: [], head: 0 });
        assert.deepEqual(await here.deletedAfter(0), []);
      });

      it("has each change under a number of its own, in the order in which it was told", async () => {
        assert.deepEqual(numbersOf(await here.push([put("ada", "1"), put("bo", "2")])), [1, 2]);
        assert.deepEqual(numbersOf(await there.push([put("cy", "3")])), [3]);
        const { changes, head } = await there.after(0);
        assert.deepEqual(changes.map(told), ["1 person ada=1 by a", "2 person bo=2 by a", "3 person cy=3 by b"]);
        assert.equal(head, 3);
      });

      it("gives whoever has read to a number what came after it", async () => {
        assert.deepEqual((await here.after(2)).changes.map(told), ["3 person cy=3 by b"]);
        assert.deepEqual(await here.after(3), { changes: [], head: 3 });
      });

      it("keeps of each record the newest version alone, under the newest number", async () => {
        assert.deepEqual(numbersOf(await here.push([put("ada", "1b", 1)])), [4]);
        assert.deepEqual((await there.after(0)).changes.map(told), [
          "2 person bo=2 by a",
          "3 person cy=3 by b",
          "4 person ada=1b by a",
        ]);
      });

      it("tells whoever started from an older version what is there, and writes nothing of theirs", async () => {
        const answer = await there.push([put("dee", "new"), put("ada", "1c", 1), put("bo", "2b", 2)]);
        assert.ok("stale" in answer);
        assert.deepEqual(answer.stale.map(told), ["4 person ada=1b by a"]);
        assert.deepEqual((await here.after(4)).changes, []);
      });

      it("tells whoever asks again because the answer was lost what they have written themselves", async () => {
        const answer = await here.push([put("ada", "1b", 1)]);
        assert.ok("stale" in answer);
        assert.equal(answer.stale[0]?.content?.toString(), "1b");
        assert.equal(answer.stale[0].site, HERE.id);
      });

      it("takes whoever is new to both as new once", async () => {
        const [one, other] = await Promise.all([here.push([put("eve", "x")]), there.push([put("eve", "y")])]);
        assert.deepEqual([one, other].map((each) => ("numbers" in each ? "written" : "stale")).sort(), [
          "stale",
          "written",
        ]);
      });

      it("has the same id in two kinds as two records", async () => {
        const photo: Change = { kind: "photo", id: "ada", base: 0, content: Buffer.from("p") };
        const [number = 0] = numbersOf(await here.push([photo]));
        assert.deepEqual((await here.after(number - 1)).changes.map(told), [`${number} photo ada=p by a`]);
      });

      it("has contents of any bytes and of none as they came", async () => {
        const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256));
        const [number = 0] = numbersOf(
          await here.push([
            { kind: "picture", id: "any", base: 0, content: bytes },
            { kind: "picture", id: "none", base: 0, content: Buffer.alloc(0) },
            { kind: "picture", id: "after", base: 0, content: bytes },
          ]),
        );
        const { changes } = await there.after(number - 1);
        assert.deepEqual(
          changes.map(({ content }) => content),
          [bytes, Buffer.alloc(0), bytes],
        );
      });

      it("takes nothing to be told as nothing", async () => {
        const { head } = await here.after(0);
        assert.deepEqual(numbersOf(await here.push([])), []);
        assert.equal((await here.after(0)).head, head);
      });
    });

    describe("deletions", () => {
      before(fresh);
      after(end);

      it("go through whatever they started from, and leave nothing but that", async () => {
        await here.push([put("ada", "1"), put("bo", "2"), put("cy", "3")]);
        await there.push([put("ada", "1b", 1)]);
        assert.deepEqual(numbersOf(await here.push([removal("ada", 1), removal("bo", 0)])), [5, 6]);
        assert.deepEqual((await there.after(0)).changes.map(told), [
          "3 person cy=3 by a",
          "5 person ada is gone by a",
          "6 person bo is gone by a",
        ]);
      });

      it("are read before everything else by whoever was away", async () => {
        assert.deepEqual((await there.deletedAfter(0)).map(told), [
          "5 person ada is gone by a",
          "6 person bo is gone by a",
        ]);
        assert.deepEqual((await there.deletedAfter(5)).map(told), ["6 person bo is gone by a"]);
      });

      it("are told to whoever edits who is gone", async () => {
        const answer = await there.push([put("ada", "again", 4)]);
        assert.ok("stale" in answer);
        assert.deepEqual(answer.stale.map(told), ["5 person ada is gone by a"]);
      });

      it("end when somebody knows of them and puts it anew", async () => {
        assert.deepEqual(numbersOf(await there.push([put("ada", "anew", 5)])), [7]);
        assert.deepEqual((await here.deletedAfter(0)).map(told), ["6 person bo is gone by a"]);
      });
    });

    describe("merges", () => {
      before(fresh);
      after(end);

      it("are read with the tombstones by whoever was away", async () => {
        await here.push([put("ada", "1"), put("bo", "2")]);
        const merge: Change = { kind: "merge", id: "ada", base: 0, content: Buffer.from("bo") };
        assert.deepEqual(numbersOf(await here.push([merge, removal("ada", 1)])), [3, 4]);
        assert.deepEqual((await there.deletedAfter(0)).map(told), [
          "3 merge ada=bo by a",
          "4 person ada is gone by a",
        ]);
        assert.deepEqual((await there.deletedAfter(3)).map(told), ["4 person ada is gone by a"]);
      });

      it("say of whom more is to be read: each record can be, one by one", async () => {
        const one = await there.record("person", "bo");
        const gone = await there.record("person", "ada");
        assert.deepEqual(
          [one, gone].map((each) => each && told(each)),
          ["2 person bo=2 by a", "4 person ada is gone by a"],
        );
        assert.equal(await there.record("photo", "bo"), undefined);
      });
    });

    describe("pages", () => {
      before(fresh);
      after(end);

      it("have all of many changes, each once, and the head in each", async () => {
        const MANY = 2300;
        for (let from = 0; from < MANY; from += 1000)
          await here.push(
            Array.from({ length: Math.min(1000, MANY - from) }, (_, index) => put(`p${from + index}`, "x")),
          );
        const { changes, head, pages } = await read(there);
        assert.equal(head, MANY);
        assert.ok(pages > 1);
        assert.deepEqual(
          changes.map(({ number }) => number),
          Array.from({ length: MANY }, (_, index) => index + 1),
        );
      });

      it("have a content that is larger than a page", async () => {
        const large = Buffer.alloc(12 * 1024 * 1024, 7);
        const [number = 0] = numbersOf(
          await here.push([
            { kind: "picture", id: "large", base: 0, content: large },
            { kind: "picture", id: "large too", base: 0, content: large },
          ]),
        );
        const { changes } = await there.after(number - 1);
        assert.equal(changes.length, 1);
        assert.ok(changes[0]?.content?.equals(large));
        assert.equal((await there.after(number)).changes[0]?.id, "large too");
      });
    });

    describe("whose it is", () => {
      before(fresh);
      after(end);

      it("says the same of itself to every site", async () => {
        const [one, other] = await Promise.all([here.identity(), there.identity()]);
        assert.deepEqual(one, other);
        assert.equal(one.salt.length, 16);
        assert.match(one.gallery, /^[0-9a-f]{16,}$/);
      });

      it("keeps the first check that it is given, also when two come at once", async () => {
        assert.equal((await here.identity()).check, null);
        const [one, other] = await Promise.all([here.giveCheck("mine"), there.giveCheck("theirs")]);
        assert.equal(one, other);
        assert.ok(["mine", "theirs"].includes(one));
        assert.equal((await there.identity()).check, one);
      });

      it("knows each site that has asked, by its name", async () => {
        const sites = (await here.sites()).map(({ id, name, followed }) => `${id} ${name} ${followed}`);
        assert.deepEqual(sites.sort(), [`${HERE.id} ${HERE.name} 0`, `${THERE.id} ${THERE.name} 0`]);
      });

      it("keeps how far each has followed, over another start of the site", async () => {
        await there.acknowledge(7);
        await there.identity();
        const entry = (await here.sites()).find(({ id }) => id === THERE.id);
        assert.equal(entry?.followed, 7);
        assert.ok(Math.abs((entry?.answeredAt ?? 0) - Date.now()) < 60_000);
      });

      it("forgets a site that will not come back", async () => {
        await here.removeSite(THERE.id);
        assert.deepEqual(
          (await here.sites()).map(({ id }) => id),
          [HERE.id],
        );
      });
    });

    describe("being told", () => {
      before(fresh);
      after(end);

      it("wakes others when something was written", async () => {
        const woken = new Promise<void>((resolve) => {
          there.once("wake", resolve);
        });
        await here.push([put("ada", "1")]);
        await woken;
        assert.equal((await there.after(0)).changes.length, 1);
      });
    });

    describe("a copy of an older state that was brought back", () => {
      before(fresh);
      after(end);

      it("shows in its epochs from where nothing is as it was, though others have gone on since", async () => {
        await here.push([put("ada", "1"), put("bo", "2")]);
        const knownInTime = (await here.identity()).epochs;
        const restore = await place.dump();
        await here.push([put("cy", "3"), put("dee", "4")]);
        const known = (await here.identity()).epochs;
        assert.equal(holdsUpTo(known, knownInTime), Number.POSITIVE_INFINITY);
        await end();
        await restore();

        there = await place.connect(THERE);
        await there.identity();
        await there.push([put("eve", "3"), put("fay", "4"), put("gus", "5")]);
        here = await place.connect(HERE);
        const { epochs } = await here.identity();
        assert.equal(holdsUpTo(epochs, known), 2);
        assert.equal(holdsUpTo(epochs, epochs), Number.POSITIVE_INFINITY);
      });
    });
  });

  describe("how far a log holds", () => {
    const epoch = (id: string, from: number): Epoch => ({ id, from });

    it("is all of it where no epoch has begun since", () => {
      assert.equal(holdsUpTo([epoch("a", 0)], [epoch("a", 0)]), Number.POSITIVE_INFINITY);
    });

    it("is to where the next epoch began", () => {
      assert.equal(holdsUpTo([epoch("a", 0), epoch("b", 9)], [epoch("a", 0)]), 9);
    });

    it("is to the lowest where several began", () => {
      assert.equal(holdsUpTo([epoch("a", 0), epoch("b", 9), epoch("c", 4), epoch("d", 6)], [epoch("a", 0)]), 4);
    });

    it("is to where an epoch began that the log has lost", () => {
      assert.equal(holdsUpTo([epoch("a", 0), epoch("c", 12)], [epoch("a", 0), epoch("b", 9)]), 9);
    });

    it("is nothing where no epoch is the same", () => {
      assert.equal(holdsUpTo([epoch("x", 5)], [epoch("a", 0)]), 0);
    });
  });
}
