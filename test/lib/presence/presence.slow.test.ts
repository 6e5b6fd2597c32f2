import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { presenceOptionsSchema } from "../../../lib/presence/options";
import { GalleryPresence, type PresenceParts } from "../../../lib/presence/presence";
import { isSealed } from "../../../lib/presence/seal";
import type { Presence, Visit } from "../../../lib/visit";
import type { NewVisitRecord, VisitRecord } from "../../../lib/visits/book";
import { ActingChild } from "../../support/acting-child";
import { decided } from "../../support/decided";
import { eventually } from "../../support/node-red";
import type { Acts } from "./watching-child";

const CHILD = join(__dirname, "watching-child.ts");
const children: ActingChild<Acts>[] = [];
const folders: string[] = [];

async function child(folder: string, later: number): Promise<ActingChild<Acts>> {
  const started = await ActingChild.start<Acts>(CHILD);
  children.push(started);
  await started.does("open", folder, later);
  return started;
}

type Told = Awaited<ReturnType<Acts["told"]>>;

async function untilTold(of: ActingChild<Acts>, event: string): Promise<Told> {
  return eventually(event, async () => {
    const told = await of.does("told");
    return told.some((each) => each.event === event) ? told : undefined;
  });
}

const folderOf = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "presence-"));
  folders.push(folder);
  return folder;
};

describe("presence with a visit book, killed", () => {
  afterEach(async () => {
    for (const each of children.splice(0)) await each.kill();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  for (const person of ["alice", null]) {
    it(`tells nothing twice of ${person ?? "a stranger"} who is still here after kill -9`, async () => {
      const folder = folderOf();
      const first = await child(folder, 0);
      await first.does("stand", person, 1, 12);
      const before = await untilTold(first, "confirmed");
      assert.deepEqual(
        before.map(({ event }) => event),
        ["arrived", "confirmed"],
      );
      await first.kill();
      const second = await child(folder, 10_000);
      await second.does("stand", person, 2, 12);
      await second.does("wait", 31_000);
      const told = await untilTold(second, "left");
      assert.deepEqual(
        told.map(({ event, visit, person: who }) => [event, visit, who]),
        [["left", before[0]?.visit, person]],
      );
      assert.equal(told[0]?.since, before[1]?.since);
    });
  }

  it("tells that somebody has left who went while it was not there, at the time they were last seen", async () => {
    const folder = folderOf();
    const first = await child(folder, 0);
    await first.does("stand", "alice", 1, 12);
    const before = await untilTold(first, "confirmed");
    await first.kill();
    const second = await child(folder, 3_600_000);
    const told = await untilTold(second, "left");
    assert.deepEqual(
      told.map(({ event, visit, person }) => [event, visit, person]),
      [["left", before[0]?.visit, "alice"]],
    );
    // What was written last: at the confirmation, or up to five seconds later.
    const [{ lastSeen }] = told as [Told[number]];
    assert.ok(lastSeen >= (before[1]?.lastSeen ?? Infinity) && lastSeen <= (before[1]?.lastSeen ?? 0) + 5000);
    await second.kill();
    const third = await child(folder, 7_200_000);
    await third.does("wait", 1000);
    assert.deepEqual(await third.does("told"), []);
  });
});

/** A book that does as it is told. */
function bookThat(
  put: (record: NewVisitRecord) => Promise<void>,
): PresenceParts["book"] & { written: Map<string, number | null> } {
  const written = new Map<string, number | null>();
  return {
    written,
    open: [],
    snapshot: async () => undefined,
    embedding: async () => undefined,
    put: async (record) => {
      await put(record);
      written.set(record.visit, record.until);
      return { ...record, pictured: false, revision: 1 } satisfies VisitRecord;
    },
  };
}

describe("presence whose disk refuses", () => {
  let ahead = 0;
  let sequence = 0;
  const visits: Visit[] = [];
  const states: Presence[] = [];
  const problems: unknown[] = [];
  let presence: GalleryPresence;
  const now = (): { wall: number; mono: number } => ({ wall: Date.now() + ahead, mono: performance.now() + ahead });

  function begin(book: PresenceParts["book"], node = `n${(sequence += 1)}`, gallery = "g"): void {
    visits.length = states.length = problems.length = ahead = 0;
    presence = new GalleryPresence({
      options: presenceOptionsSchema.parse({ away: 20 }),
      gallery,
      node,
      book,
      alike: () => false,
      pictures: false,
      onVisit: (visit) => visits.push(visit),
      onPresence: (state) => states.push(state),
      onProblem: (error) => problems.push(error),
      clock: now,
    });
  }
  function see(person?: string): void {
    ahead += 250;
    sequence += 1;
    const frame = { source: "door", sequence, capturedAt: now().wall, width: 640, height: 480 };
    const faces = person === undefined ? [] : [decided(person, { track: 1 })];
    presence.see({ faces, frame, picture: undefined });
  }
  const told = (number: number): Promise<string[]> =>
    eventually(`event ${number}`, () =>
      visits.length >= number ? visits.map(({ event, name }) => `${event} ${name}`) : undefined,
    );
  afterEach(() => presence.close(true));

  it("goes on, says so once, and writes what happened when the disk takes it again", async () => {
    let refuses = true;
    const book = bookThat(async () => {
      if (refuses) throw new Error("ENOSPC");
    });
    begin(book);
    for (let index = 0; index < 6; index += 1) see("alice");
    assert.deepEqual(await told(2), ["arrived null", "confirmed Alice"]);
    ahead += 11_000;
    see("alice");
    ahead += 21_000;
    see();
    assert.deepEqual((await told(3)).slice(2), ["left Alice"]);
    assert.equal(problems.length, 1);
    refuses = false;
    ahead += 11_000;
    see();
    await eventually("it is written", () => book.written.get(visits[0]?.visit ?? "") ?? undefined);
    assert.equal(book.written.get(visits[0]?.visit ?? ""), visits[2]?.lastSeen);
  });

  it("ends after a redeploy what had ended before it and could not be written, and tells it once", async () => {
    let refuses = false;
    const open = new Map<string, VisitRecord>();
    const book = bookThat(async (record) => {
      if (refuses) throw new Error("ENOSPC");
      if (record.until === null) open.set(record.visit, { ...record, pictured: false, revision: 1 });
      else open.delete(record.visit);
    });
    begin(
      {
        ...book,
        get open() {
          return [...open.values()];
        },
      },
      "redeployed",
    );
    for (let index = 0; index < 6; index += 1) see("alice");
    await told(2);
    refuses = true;
    ahead += 21_000;
    see();
    await told(3);
    await presence.close(false);
    assert.equal(open.size, 1);
    refuses = false;
    begin({ ...book, open: [...open.values()] }, "redeployed");
    await presence.ready();
    await eventually("it is over on the disk", () => (open.size === 0 ? true : undefined));
    assert.deepEqual(visits, []);
  });

  it("does not take to another gallery who was here in the one of before", async () => {
    begin(
      bookThat(async () => undefined),
      "moved",
    );
    for (let index = 0; index < 6; index += 1) see("alice");
    await told(2);
    await presence.close(false);
    begin(
      bookThat(async () => undefined),
      "moved",
      "another",
    );
    await presence.ready();
    assert.deepEqual(presence.here, []);
  });

  it("does not wait for a disk that never answers, but for a second once", async () => {
    begin(bookThat(() => new Promise(() => undefined)));
    for (let index = 0; index < 6; index += 1) see("alice");
    assert.deepEqual(await told(2), ["arrived null", "confirmed Alice"]);
    assert.equal(problems.length, 1);
    assert.ok(visits.every(isSealed) && states.length > 0 && states.every(isSealed));
  });
});
