import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openStore } from "../../../lib/people/lmdb/store";
import type { Conflict, Deletion } from "../../../lib/sites/conflicts";
import { type KnownMerge, KnownRecords } from "../../../lib/sites/known";
import { idOf } from "../people/entries";

const folder = mkdtempSync(join(tmpdir(), "known-"));

const mergeOf = (number: number) => ({ from: idOf(number), into: idOf(0), number: null });
const deletionOf = (number: number): Deletion => ({ number, kind: "person", at: number });
const conflictOf = (number: number): Conflict => ({
  at: number,
  rule: "enrolled_twice",
  person: idOf(number),
  fields: [],
  site: "another",
});

describe("what a site knows of the log", () => {
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("keeps all of what is written at once", async () => {
    const store = await openStore({ folder });
    const open = (): Promise<KnownRecords> =>
      KnownRecords.open({ folder, name: "sites", secret: store.secret }, () => "site");
    const known = await open();
    await known.write({ conflicts: [conflictOf(1)] });
    await Promise.all([
      known.write({ meta: { followed: 7 }, deletions: [deletionOf(1)] }),
      known.write({ merges: [mergeOf(1)] }),
      known.write({ meta: { start: 3 }, merges: [mergeOf(2)], conflicts: [conflictOf(2)] }),
      known.forget(new Set([idOf(1)])),
      known.write({ meta: { gallery: "one" }, deletions: [deletionOf(2)] }),
    ]);
    const all = ({ meta, merges, conflicts, deletions }: KnownRecords) => ({
      meta,
      merges: [...merges.values()],
      conflicts,
      deletions,
    });
    const expected = {
      meta: { site: "site", followed: 7, start: 3, gallery: "one", verifiedAt: null },
      merges: [mergeOf(1), mergeOf(2)],
      conflicts: [conflictOf(2), { ...conflictOf(1), person: null }],
      deletions: [deletionOf(2), deletionOf(1)],
    };
    assert.deepEqual(all(known), expected);
    await known.close();
    const again = await open();
    assert.deepEqual(all(again), expected);
    await again.close();
    await store.close();
  });

  it("keeps every merge the log does not know, and of those it knows the last hundred", async () => {
    const ofMerges = join(folder, "merges");
    const store = await openStore({ folder: ofMerges });
    const open = (): Promise<KnownRecords> =>
      KnownRecords.open({ folder: ofMerges, name: "sites", secret: store.secret }, () => "site");
    const logged = (number: number) => ({ ...mergeOf(number), number });
    const known = await open();
    await known.write({ merges: [mergeOf(500), ...numbers(1, 100).map(logged)] });
    await known.write({ meta: { start: 1 } });
    await known.write({ merges: [mergeOf(501), ...numbers(101, 103).map(logged)] });
    await known.write({ meta: { start: 2 } });
    const expected = [mergeOf(500), mergeOf(501), ...numbers(4, 103).map(logged)];
    const told = ({ merges }: KnownRecords) => [...merges.values()].sort((a, b) => rankOf(a) - rankOf(b));
    assert.deepEqual(told(known), expected);
    await known.close();
    const again = await open();
    assert.deepEqual(told(again), expected);
    await again.close();
    await store.close();
  });
});

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
/** Those without a number first, as they were written. */
const rankOf = ({ number }: KnownMerge): number => number ?? 0;
