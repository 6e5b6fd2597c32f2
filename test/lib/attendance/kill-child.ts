/** Keeps two attendance books, one from visits that are kept and one from messages, until it is killed. */
import { appendFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { Attendance } from "../../../lib/attendance/attendance";
import { Ledger } from "../../../lib/attendance/ledger";
import { Rules } from "../../../lib/attendance/rules";
import { Database } from "../../../lib/people/lmdb/database";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { VisitLog } from "../../support/visit-log";
import { BY_BOOK, BY_MESSAGE, messagesOf, PEOPLE, recordsOf, type Scene } from "./kill-script";

async function main(): Promise<void> {
  const [file = "", told = "", messagesFrom = "0"] = process.argv.slice(2);
  const isKnown = (person: string): boolean => PEOPLE.includes(person);
  const database = await Database.open(file, noSecret);
  const ledger = await Ledger.open({ database }, { folder: file, encrypted: false, isKnown });
  const names = { nameOf: (person: string) => (isKnown(person) ? person : undefined) };
  const open = ({ book, rules }: Scene, visits?: VisitLog): Attendance => {
    const attendance = new Attendance({
      book,
      gallery: "gallery",
      ledger,
      rules: new Rules(rules, book),
      people: names,
      visits,
    });
    attendance.on("checkIn", ({ id }) => appendFileSync(told, `${book} ${id}\n`));
    return attendance;
  };

  const log = new VisitLog();
  const byBook = open(BY_BOOK, log);
  const byMessage = open(BY_MESSAGE);
  // What was read before the last kill was in the visits' book before it.
  const records = recordsOf(BY_BOOK);
  let written = 0;
  for (; written < ledger.progress(BY_BOOK.book).revision; written += 1)
    log.put(records[written] as (typeof records)[0]);
  await byBook.start();
  await byMessage.start();

  const messages = messagesOf(BY_MESSAGE);
  let sent = Number(messagesFrom);
  process.send?.({ sent, revision: log.revision });
  while (written < records.length || sent < messages.length) {
    for (
      let most = written + 1 + Math.floor(Math.random() * 40);
      written < Math.min(most, records.length);
      written += 1
    )
      log.put(records[written] as (typeof records)[0]);
    const some = messages.slice(sent, sent + 1 + Math.floor(Math.random() * 6));
    await Promise.all([byBook.look(), ...some.map((message) => byMessage.takeVisit(message))]);
    sent += some.length;
    // Whoever sends a message again has it taken for what it is.
    const again = messages[Math.floor(Math.random() * sent)];
    if (again !== undefined) await byMessage.takeVisit(again);
    process.send?.({ sent, revision: log.revision });
    await turn();
  }
  await byBook.close();
  await byMessage.close();
  await ledger.close();
  process.disconnect();
}

void main();
