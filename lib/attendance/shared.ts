/** The check-ins of all books of a gallery, as what its sites share: see lib/sites/shared-book.ts. */
import { EventEmitter } from "node:events";
import type { SharedBook, SharedBookEvents, SharedEntry } from "../sites/shared-book";
import { type CheckIn, toSend } from "./check-in";
import { ELSEWHERE, type Ledger, renamedIn } from "./ledger";
import { mergeCheckIns, type SharedCheckIn, sharedCheckInSchema } from "./merge";

export class SharedCheckIns extends EventEmitter<SharedBookEvents> implements SharedBook {
  readonly #ledger: Ledger;
  readonly #site: { id: string; name: string };
  readonly #now: () => number;

  /** @param site this one */
  constructor(ledger: Ledger, site: { id: string; name: string }, now = Date.now) {
    super();
    this.#ledger = ledger;
    this.#site = site;
    this.#now = now;
    // As long as the ledger is open.
    ledger
      .on("put", (_book, rows) => this.emit("change", idsOf(rows)))
      .on("gone", (ids, why) => this.emit("gone", ids, why))
      .on("keep", () => this.emit("change", []));
  }

  /** A site where nobody keeps a book takes no check-ins of others. */
  get takes(): boolean {
    return this.#ledger.keep(ELSEWHERE) !== undefined;
  }

  ids(): Iterable<string> {
    return new Set(this.#ledger.books().flatMap((book) => idsOf([...this.#ledger.rows(book)])));
  }

  get(id: string): SharedEntry | undefined {
    const found = this.#ledger.find(id);
    if (found === undefined) return undefined;
    const { serial: _serial, order: _order, sending: _sending, site, ...row } = found.row;
    return entryFrom({ ...row, site: site ?? { ...this.#site, book: found.book } });
  }

  read({ body }: SharedEntry): SharedEntry {
    return entryFrom(contentOf(body));
  }

  isOver(at: number, own: string | undefined): boolean {
    return at < this.#ledger.keptFrom(own ?? ELSEWHERE, this.#now());
  }

  merge(mine: SharedEntry, theirs: SharedEntry): { value: SharedEntry; both: string[] } {
    const { value, both } = mergeCheckIns(contentOf(mine.body), contentOf(theirs.body));
    return { value: entryFrom(value), both };
  }

  given({ person, body }: SharedEntry, into: string): SharedEntry {
    return entryFrom(renamedIn(contentOf(body), new Set([person]), into));
  }

  async put(entries: readonly SharedEntry[]): Promise<void> {
    const ledger = this.#ledger;
    const byBook = new Map<string, CheckIn[]>();
    let { order } = ledger.progress(ELSEWHERE);
    for (const { body } of entries) {
      const { site, ...content } = contentOf(body);
      const isOwn = site.id === this.#site.id;
      const found = ledger.find(content.id);
      const book = found?.book ?? (isOwn ? site.book : ELSEWHERE);
      if (book === ELSEWHERE) order += 1;
      const before = found?.row ?? { serial: 0, order: 0 };
      const { site: _site, ...row } = { ...before, ...content, site: undefined };
      const after: CheckIn = {
        ...row,
        ...(book === ELSEWHERE ? { order } : {}),
        ...(isOwn ? {} : { site }),
      };
      const rows = byBook.get(book) ?? [];
      byBook.set(book, rows);
      rows.push(found === undefined || !isOtherwise(after, found.row) ? after : toSend(after, found.row, this.#now()));
    }
    for (const [book, rows] of byBook)
      await ledger.write(book, {
        rows,
        arrived: true,
        ...(book === ELSEWHERE ? { progress: { ...ledger.progress(book), order } } : {}),
      });
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#ledger.exclusively(work);
  }
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

/** Whether another system that has the one is to have the other. */
const isOtherwise = (one: CheckIn, other: CheckIn): boolean =>
  one.person !== other.person || one.type !== other.type || one.at !== other.at || one.removed !== other.removed;

/** @throws what is none */
const contentOf = (body: Buffer): SharedCheckIn => sharedCheckInSchema.parse(JSON.parse(body.toString()));

/** In the order of the schema: equal check-ins are equal bytes. */
function entryFrom(content: SharedCheckIn): SharedEntry {
  const parsed = sharedCheckInSchema.parse(content);
  const { id, person, at, site } = parsed;
  return { id, person, at, site: site.id, book: site.book, body: Buffer.from(JSON.stringify(parsed)) };
}
