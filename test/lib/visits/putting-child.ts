/**
 * Looks whether every visit is there that was acknowledged, then puts visits for ever, and says of each when the
 * promise has resolved. Killed by the test.
 */
import { readFileSync, writeSync } from "node:fs";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { type LmdbVisitBook, openBook } from "../../../lib/visits/lmdb-book";
import { DAY, MORNING, pictureOf, vectorOf, visitId, visitOf } from "./visits";

export interface Orders {
  folder: string;
  /** A file with what was acknowledged, by number: frames of the last put that was; "gone" of one that was removed. */
  acknowledged: string;
  /** The first to put. */
  first: number;
  /** The largest revision that was told. */
  revision: number;
}

const STDOUT = 1;
/** A visit is put so often: when it begins, while it lasts, when it is over. */
const PUTS = 3;
const REMOVE_EACH = 11;
const SWEEP_EACH = 40;

/** Written before anything else happens, also on Windows. */
const say = (line: string): number => writeSync(STDOUT, `${line}\n`);

async function look(book: LmdbVisitBook, { acknowledged, revision }: Orders): Promise<void> {
  const known = JSON.parse(readFileSync(acknowledged, "utf8")) as [number, number | "gone"][];
  if (book.revision < revision) say(`fell ${book.revision} ${revision}`);
  for (const [number, frames] of known) {
    const record = await book.get(visitId(number));
    if (frames === "gone") {
      if (record !== undefined) say(`risen ${number}`);
      continue;
    }
    if (record === undefined || record.frames < frames) say(`lost ${number} ${record?.frames} ${frames}`);
    const [picture, face] = [await book.snapshot(visitId(number)), await book.embedding(visitId(number))];
    if (picture?.equals(pictureOf(number)) !== true) say(`no picture ${number}`);
    if (JSON.stringify(face?.vector) !== JSON.stringify(vectorOf(number))) say(`no face ${number}`);
  }
  let before = -1;
  for (let more = true; more;) {
    const some = await book.since(before, 100);
    for (const record of some) {
      if (record.revision <= before) say(`out of order ${record.revision}`);
      before = record.revision;
    }
    more = some.length > 0;
  }
  if (before > book.revision) say(`ahead ${before}`);
  const open = book.open.filter(({ until }) => until !== null);
  if (open.length > 0) say(`open but over ${open.length}`);
}

async function main(): Promise<void> {
  const orders = JSON.parse(process.argv[2] ?? "") as Orders;
  const book = await openBook({
    folder: orders.folder,
    secret: noSecret,
    keepMs: 36_500 * DAY,
    onProblem: ({ code }) => say(`problem ${code}`),
  });
  await look(book, orders);
  say(`open ${book.open.length}`);
  for (let number = orders.first; ; number += 1) {
    for (let frames = 1; frames <= PUTS; frames += 1) {
      const until = frames === PUTS ? MORNING + number + 1000 : null;
      const beside =
        frames === 1
          ? { snapshot: pictureOf(number), embedding: { model: "m", vector: vectorOf(number) } }
          : undefined;
      const put = await book.put(visitOf(number, { frames, until, since: MORNING + number }), beside);
      say(`put ${number} ${frames} ${put.revision}`);
    }
    if (number % REMOVE_EACH === 0) {
      say(`removing ${number}`);
      await book.remove([visitId(number)]);
      say(`removed ${number}`);
    }
    if (number % SWEEP_EACH === 0) await book.backup();
  }
}

void main();
