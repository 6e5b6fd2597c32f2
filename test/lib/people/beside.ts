/** A store with what lies beside the people: visits, and attendance books. */
import { Books } from "../../../lib/attendance/books";
import type { ArchivePart } from "../../../lib/people/archive-part";
import { isBeside, openBeside } from "../../../lib/people/lmdb/beside";
import { type LmdbStore, openStore } from "../../../lib/people/lmdb/store";
import { VisitsPart } from "../../../lib/visits/archive";
import { type LmdbVisitBook, openBook } from "../../../lib/visits/lmdb-book";

const CENTURY_MS = 36_500 * 86_400_000;

export interface Beside {
  store: LmdbStore;
  visits: LmdbVisitBook;
  books: Books;
  /** What was wrong. */
  problems: string[];
  parts: () => Promise<ArchivePart[]>;
  close: () => Promise<void>;
}

export async function besideOf(folder: string): Promise<Beside> {
  const problems: string[] = [];
  const onProblem = ({ code }: { code: string }): number => problems.push(code);
  const store = await openStore({ folder, onProblem });
  const { secret } = store;
  const visits = await openBook({ folder, secret, keepMs: CENTURY_MS, onProblem });
  const place = { folder, name: "attendance", secret, onProblem } as const;
  const source = { isThere: () => isBeside(place), open: () => openBeside(place), folder, encrypted: false };
  const books = new Books(source, store, (error) => problems.push(String(error)));
  await books.load();
  return {
    store,
    visits,
    books,
    problems,
    parts: async () => [await books.part(), new VisitsPart(visits)],
    close: async () => {
      await books.close();
      await visits.close();
      await store.close();
    },
  };
}
