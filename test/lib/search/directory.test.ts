import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import type { Person } from "../../../lib/people/people";
import type { PeopleStore, StoreChange, StoreEvents } from "../../../lib/people/store";
import { Roster, type RosterPerson } from "../../../lib/search/roster";
import { Directory } from "../../../lib/search/directory";
import { seeded } from "../../../bench/statistics";

const random = seeded(3);

const personOf = (id: string, name: string, lastSeenAt: number | null = null): Person => ({
  id,
  name,
  notes: "",
  consentOn: null,
  groups: [],
  validFrom: null,
  validUntil: null,
  createdAt: 0,
  lastSeenAt,
});

/** Of a store, what the directory follows. */
class People extends EventEmitter<StoreEvents> {
  readonly all = new Map<string, Person>();

  people(): Person[] {
    return [...this.all.values()];
  }

  photos(): never[] {
    return [];
  }

  change({ put = [], removed = [] }: { put?: Person[]; removed?: Person[] }): void {
    for (const { id } of removed) this.all.delete(id);
    for (const person of put) this.all.set(person.id, person);
    const others = { photos: [], embeddings: [], anchors: [], unknowns: [] };
    const change: StoreChange = { removed: { people: removed, ...others }, put: { people: put, ...others } };
    this.emit("change", change);
  }
}

const directoryOf = (store: People): Directory => new Directory(store as unknown as PeopleStore, () => false);

/** As a list sorts that knows nothing of what was before. */
const sortedAnew = (store: People): string[] => [...directoryOf(store).people].map(({ id }) => id);

describe("Directory", () => {
  it("has everybody by name, whoever comes, leaves, or is called otherwise", () => {
    const store = new People();
    const name = (): string => `${["Ann", "ann", "Ánn", "Bo", "陳", "Z 10", "Z 9"][Math.floor(7 * random())]}`;
    for (let id = 0; id < 60; id += 1) store.all.set(String(id), personOf(String(id), name()));
    const directory = directoryOf(store);
    for (let round = 0; round < 200; round += 1) {
      const id = String(Math.floor(90 * random()));
      const person = store.all.get(id);
      if (person !== undefined && random() < 0.4) store.change({ removed: [person] });
      else store.change({ put: [personOf(id, name()), personOf(`${id} more`, name())] });
      if (round % 3 === 0)
        assert.deepEqual(
          directory.people.map(({ id: each }) => each),
          sortedAnew(store),
        );
    }
    const expected = ["Ann", "Bo", "Z 9", "Z 10", "陳"];
    const some = new People();
    for (const each of expected.toReversed()) some.change({ put: [personOf(each, each)] });
    assert.deepEqual(
      directoryOf(some).people.map((each) => each.name),
      expected,
    );
  });

  it("sorts only who has changed: one more of many costs a small part of sorting all", () => {
    const store = new People();
    for (let id = 0; id < 30_000; id += 1) store.all.set(String(id), personOf(String(id), `Name ${random()}`));
    const directory = directoryOf(store);
    const timed = (): number => {
      const start = performance.now();
      assert.equal(directory.people.length, store.all.size);
      return performance.now() - start;
    };
    const first = timed();
    const later = Array.from({ length: 5 }, (_, more) => {
      store.change({ put: [personOf(`more ${more}`, `Name ${random()}`)] });
      return timed();
    });
    assert.ok(Math.min(...later) < first / 5, `${Math.min(...later)} ms after ${first} ms`);
  });

  it("lists by when they were seen last, as they were seen since the records were written", () => {
    const store = new People();
    for (const [id, at] of [
      ["a", 5],
      ["b", null],
      ["c", 9],
      ["d", 7],
    ] as const)
      store.all.set(id, personOf(id, id, at));
    const directory = directoryOf(store);
    directory.saw("b", 8);
    const page = directory.list({ sort: "lastSeen" });
    assert.deepEqual(
      page.people.map(({ id, lastSeenAt }) => [id, lastSeenAt]),
      [
        ["c", 9],
        ["b", 8],
        ["d", 7],
        ["a", 5],
      ],
    );
  });
});

describe("Roster", () => {
  it("knows by name two people who gave each other their names", async () => {
    const roster = new Roster("m", { threshold: 1 });
    const of = (id: string, name: string): RosterPerson => ({
      id,
      name,
      groups: [],
      validFrom: null,
      validUntil: null,
    });
    roster.putPerson(of("a", "Anna"));
    roster.putPerson(of("b", "Bob"));
    roster.putPhoto("1", "a", Float32Array.of(1, 0));
    roster.putPhoto("2", "b", Float32Array.of(0, 1));
    roster.putPerson(of("a", "Bob"));
    roster.putPerson(of("b", "Anna"));
    const probe = Float32Array.of(1, 0);
    assert.equal((await roster.named(probe, "Bob", "euclidean"))?.distance, 0);
    assert.ok((await roster.named(probe, "Anna", "euclidean")) !== undefined);
    // Whoever has the name goes last.
    roster.putPerson(of("c", "Anna"));
    roster.removePerson("b");
    roster.putPhoto("3", "c", Float32Array.of(0, 1));
    assert.ok((await roster.named(probe, "Anna", "euclidean")) !== undefined);
  });
});
