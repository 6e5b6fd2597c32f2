/** Visits in an export of their gallery; see docs/gallery-format.md. */
import { z } from "zod";
import type { ArchivePart, PartContext } from "../people/archive-part";
import { vectorSchema } from "../people/contents";
import { toBase64 } from "../people/records";
import type { KeptVisits, VisitContent } from "./book";
import { faceIdOf, newVisitSchema } from "./record";

const MOST_STAYS = 10_000;

const lineSchema = newVisitSchema.extend({
  visit: newVisitSchema.shape.visit.min(1).max(1000),
  stays: newVisitSchema.shape.stays.max(MOST_STAYS),
  embedding: z.object({ model: z.string().max(200), vector: vectorSchema }).nullable(),
});
type Line = z.infer<typeof lineSchema>;

export class VisitsPart implements ArchivePart<Line> {
  readonly counts = "visits";
  readonly file = "visits.ndjson";
  readonly folder = "visits";
  readonly schema = lineSchema;
  readonly #visits: KeptVisits | undefined;

  /** @param visits undefined where none are kept: then none are taken */
  constructor(visits: KeptVisits | undefined) {
    this.#visits = visits;
  }

  get isEmpty(): boolean {
    return (this.#visits?.size ?? 0) === 0;
  }

  async *lines(): AsyncGenerator<object> {
    for await (const some of this.#visits?.contents() ?? [])
      for (const { record, embedding } of some) {
        const { revision: _revision, pictured: _pictured, ...visit } = record;
        yield {
          ...visit,
          // Nobody is here where the export is read.
          until: visit.until ?? visit.lastSeen,
          embedding: embedding === undefined ? null : { ...embedding, vector: toBase64(embedding.vector) },
        };
      }
  }

  async *pictures(): AsyncGenerator<readonly [name: string, picture: Buffer]> {
    for await (const some of this.#visits?.contents() ?? [])
      for (const { record } of some) {
        const picture = record.pictured ? await this.#visits?.snapshot(record.visit) : undefined;
        if (picture !== undefined) yield [faceIdOf(record.visit), picture];
      }
  }

  idOf({ visit }: Line): string {
    return visit;
  }

  personOf({ person }: Line): string | null {
    return person;
  }

  ofNobody(line: object): object {
    return { ...line, person: null, name: null, groups: [] };
  }

  async add(lines: readonly Line[], { personOf, pictureOf }: PartContext): Promise<number> {
    if (this.#visits === undefined) return 0;
    const contents: VisitContent[] = [];
    for (const { embedding, ...record } of lines) {
      const until = record.until ?? record.lastSeen;
      contents.push({
        record: { ...record, until, person: record.person === null ? null : (personOf(record.person) ?? null) },
        embedding: embedding ?? undefined,
        snapshot: await pictureOf(faceIdOf(record.visit)),
      });
    }
    return this.#visits.bring(contents);
  }
}
