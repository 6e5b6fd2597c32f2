/**
 * Looks whether everything is there that was promised, then enrols and removes people for ever, and says of each when
 * the promise has
 * resolved. Killed by the test.
 */
import { writeSync } from "node:fs";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { entryOf, idOf, isWhole } from "./entries";

export interface Orders {
  folder: string;
  /** Numbers of whom must be there, and who must not be. */
  here: number[];
  gone: number[];
  /** The first to enrol. */
  first: number;
  /** End when all was looked at. */
  lookOnly?: boolean;
}

const REMOVE_EACH = 4;
const BACK_UP_EACH = 9;
const STDOUT = 1;
/** Written before anything else happens, also on Windows. */
const say = (line: string): number => writeSync(STDOUT, `${line}\n`);

async function look(store: LmdbStore, { here, gone }: Orders): Promise<void> {
  const embedded = new Map<string, Float32Array>();
  for await (const { photoId, vector } of store.embeddings("f")) embedded.set(photoId, vector);
  for (const number of here) if (!(await isWhole(store, number, embedded))) say(`harmed ${number}`);
  for (const number of gone)
    if (
      store.person(idOf(number)) !== undefined ||
      store.photo(idOf(number, "b")) !== undefined ||
      embedded.has(idOf(number, "b"))
    )
      say(`risen ${number}`);
  // Whom it was killed with is there wholly or not at all.
  for (const { id } of store.people())
    if (!(await isWhole(store, Number.parseInt(id.slice(1), 16), embedded))) say(`half ${id}`);
  if (embedded.size !== store.people().length || store.photos().length !== store.people().length)
    say(`left over ${embedded.size} ${store.photos().length} ${store.people().length}`);
}

async function main(): Promise<void> {
  const orders = JSON.parse(process.argv[2] ?? "") as Orders;
  const store = await openStore({ folder: orders.folder, onProblem: ({ code }) => say(`problem ${code}`) });
  await look(store, orders);
  say("open");
  if (orders.lookOnly === true) return store.close();
  for (let number = orders.first; ; number += 1) {
    await store.addPhoto(entryOf(number));
    say(`enrolled ${number}`);
    if (number % REMOVE_EACH === 0) {
      say(`removing ${number}`);
      await store.removePerson(idOf(number));
      say(`removed ${number}`);
    }
    if (number % BACK_UP_EACH === 0) await store.backup();
  }
}

void main();
