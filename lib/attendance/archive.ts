/** Check-ins in an export of their gallery; see docs/gallery-format.md. */
import { z } from "zod";
import { idSchema, timeSchema } from "../people/people";
import type { ArchivePart, PartContext } from "../people/archive-part";
import { type CheckIn, checkInIdSchema, checkInSchema } from "./check-in";
import { ELSEWHERE, type Ledger, type Same } from "./ledger";

/** Id of a node; what is kept goes by it, before a colon. */
const bookSchema = z
  .string()
  .regex(/^[^:]+$/)
  .max(200);
const rowLine = checkInSchema.extend({ book: bookSchema });
const sameLine = z.object({ book: bookSchema, same: checkInIdSchema, person: idSchema, at: timeSchema });
const lineSchema = z.union([rowLine, sameLine]);
type Line = z.infer<typeof lineSchema>;

export class AttendancePart implements ArchivePart<Line> {
  readonly counts = "checkIns";
  readonly file = "attendance.ndjson";
  readonly schema = lineSchema;
  readonly #ledger: Ledger | undefined;
  readonly #open: () => Promise<Ledger>;
  readonly #here: readonly string[];
  readonly #announced = new Set<string>();

  /**
   * @param ledger where there is one
   * @param open makes one where there is none
   * @param here ids of the books' nodes that there are; of the only one a single other book becomes a part
   */
  constructor(ledger: Ledger | undefined, open: () => Promise<Ledger>, here: readonly string[] = []) {
    this.#ledger = ledger;
    this.#open = open;
    this.#here = here;
  }

  get isEmpty(): boolean {
    return this.#ledger?.isEmpty ?? true;
  }

  async *lines(): AsyncGenerator<object> {
    for (const book of this.#ledger?.books() ?? []) {
      // As they are now: one that is changed meanwhile would come twice.
      const rows = [...(this.#ledger?.rows(book) ?? [])];
      const sames = [...(this.#ledger?.sames(book) ?? [])];
      for (const row of rows) yield { book, ...row };
      for (const { id, person, at } of sames) yield { book, same: id, person, at };
    }
  }

  async *pictures(): AsyncGenerator<never> {
    // There are none.
  }

  idOf(line: Line): string {
    return "same" in line ? `same:${line.book}:${line.same}` : `row:${line.book}:${line.id}`;
  }

  personOf({ person }: Line): string {
    return person;
  }

  announce({ book }: Line): void {
    if (book !== ELSEWHERE) this.#announced.add(book);
  }

  async add(lines: readonly Line[], { personOf }: PartContext): Promise<number> {
    const ledger = await this.#open();
    let added = 0;
    for (const book of new Set(lines.map((line) => line.book))) {
      const rows: CheckIn[] = [];
      const sames: Same[] = [];
      for (const line of lines) {
        const person = personOf(line.person);
        if (line.book !== book || person === undefined) continue;
        if ("same" in line) sames.push({ id: line.same, person, at: line.at });
        else rows.push(namedHere(line, person, personOf));
      }
      added += await ledger.bring(this.#bookOf(book), { rows, sames }, Date.now());
    }
    return added;
  }

  /** A flow that was imported may have other ids: the one book that is here is the one book that comes. */
  #bookOf(book: string): string {
    const free = this.#here.filter((id) => !this.#announced.has(id));
    const others = [...this.#announced].filter((id) => !this.#here.includes(id));
    const [only] = free;
    return others.includes(book) && others.length === 1 && free.length === 1 && only !== undefined ? only : book;
  }
}

/** Who it was before, too; of whom nothing is known that is not said. */
function namedHere(
  { book: _book, ...row }: CheckIn & { book: string },
  person: string,
  personOf: PartContext["personOf"],
): CheckIn {
  const before = (id: string | null): string | null => (id === null ? null : (personOf(id) ?? null));
  const history = row.history.map((change) =>
    change.was === null ? change : { ...change, was: { ...change.was, person: before(change.was.person) } },
  );
  return { ...row, person, history };
}
