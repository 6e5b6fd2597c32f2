/** A store in a process of its own: what the disk refuses may end it, and must not. */
import { closeSync, openSync } from "node:fs";
import { openLmdb } from "../../../lib/people/lmdb/open";
import { openStore, type LmdbStore } from "../../../lib/people/lmdb/store";
import { copyWithout } from "../../../lib/people/lmdb/check";
import { doAsAsked } from "../../support/acting-child";
import { entryOf, idOf, isWhole } from "./entries";

let store: LmdbStore;

/** What the parent may ask for. */
export const acts = {
  open: async (folder: string) => {
    store = await openStore({ folder });
  },
  close: () => store.close(),
  /** A value of that many bytes. */
  put: (key: string, bytes: number) => store.putNote(key, valueOf(key, bytes)),
  drop: (key: string) => store.putNote(key, undefined),
  enrol: (number: number) => store.addPhoto(entryOf(number)),
  remove: (number: number) => store.removePerson(idOf(number)).then(() => undefined),
  /** Whether this person is there with all that is theirs. */
  whole: (number: number) => isWhole(store, number),
  people: () => store.people().length,
  /** How many bytes there are under a key; 0 without, null when they are not what was put. */
  length: (key: string) => {
    const value = store.note(key) ?? "";
    return typeof value === "string" && value === valueOf(key, value.length) ? value.length : null;
  },
  /** How many of the records the copy left out; null when the database is said to be damaged. */
  copy: async (path: string, copy: string) => (await copyWithout(path, copy, ["note:none"])) ?? null,
  /** Open a new database while only so many files may be opened. @returns whether it could be */
  openWith: async (path: string, descriptors: number) => {
    const all: number[] = [];
    try {
      for (;;) all.push(openSync("/dev/null", "r"));
    } catch {
      for (const descriptor of all.splice(0, descriptors)) closeSync(descriptor);
    }
    try {
      const lmdb = await openLmdb(path);
      await lmdb.close();
      return true;
    } finally {
      for (const descriptor of all) closeSync(descriptor);
    }
  },
};

export type Acts = typeof acts;

function valueOf(key: string, bytes: number): string {
  return `${key} `.repeat(Math.ceil(bytes / (key.length + 1))).slice(0, bytes);
}

doAsAsked(acts);
