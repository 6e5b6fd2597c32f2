/** What becomes of visits when people and strangers are deleted, merged or named. */
import { reasonOf } from "../errors";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import type { Face } from "../message";
import { NotFound } from "../people/errors";
import type { Receipt } from "../people/people";
import { StorageError } from "../storage";
import { Alike, type AlikeVisit } from "../visits/alike";
import type { KeptVisits } from "../visits/book";
import { phrase, type Sentence } from "../words/sentence";

/** A face of a picture, with the visits whose faces are most like it. */
export interface AlikeFace {
  face: Face;
  /** The nearest first; none where the face could not be embedded. */
  visits: AlikeVisit[];
}

/** Beside the largest, so many faces of a picture are looked for. */
const MOST_FACES = 8;

/** What is asked of the gallery. */
export interface VisitingHost {
  readonly encoder: PhotoEncoder;
  readonly signal: AbortSignal;
  /** Faces of a picture, as enrolment sees them. */
  encode(jpeg: Buffer): Promise<Face[]>;
}

type Gift = Parameters<KeptVisits["give"]>;

export class Visiting {
  readonly visits: KeptVisits | undefined;
  readonly #host: VisitingHost;
  readonly #alike: Alike | undefined;
  readonly #report: (sentence: Sentence) => void;
  /** What the disk refused; done once it takes it. */
  readonly #waiting = new Set<Gift>();
  /** … nor to forget people, … */
  readonly #unforgotten = new Set<string>();
  /** … nor the end of visits that nobody watches. */
  #unwatched: ReadonlySet<string> = new Set();

  /** @param report hears that visits stay as they were for now */
  constructor(visits: KeptVisits | undefined, host: VisitingHost, report: (sentence: Sentence) => void) {
    this.visits = visits;
    this.#host = host;
    this.#alike = visits === undefined ? undefined : new Alike(visits, host.signal);
    this.#report = report;
  }

  /** @throws NotFound where no visits are kept; a sentence when it is no picture */
  async alike(jpeg: Buffer, limit: number): Promise<AlikeFace[]> {
    if (this.#alike === undefined) throw new NotFound("visits.noneKept");
    const faces = (await this.#host.encode(jpeg))
      .toSorted((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
      .slice(0, MOST_FACES);
    const { model, normalisation } = this.#host.encoder;
    // It may have been changed while the picture was looked at.
    const probes = faces.filter((face) => face.embedding !== undefined && (face.model ?? model) === model);
    const found = await this.#alike.find(
      probes.flatMap(({ embedding }) => embedding ?? []),
      { model, normalisation },
      limit,
    );
    return faces.map((face) => ({ face, visits: found[probes.indexOf(face)] ?? [] }));
  }

  /**
   * Somebody is deleted, and their visits with them: these first, so that no crash leaves them behind.
   * @param work deletes the rest, whatever becomes of the visits
   * @throws what `work` throws; a StorageError when visits are not deleted, or not wiped yet
   */
  async deleted(removal: (visits: KeptVisits) => Promise<Receipt>, work: () => Promise<Receipt>): Promise<Receipt> {
    if (this.visits === undefined) return work();
    const [theirs] = await Promise.allSettled([removal(this.visits)]);
    const receipt = await work();
    if (theirs.status === "rejected") throw theirs.reason;
    const { visits, embeddings, thumbnails, backups } = theirs.value;
    return {
      ...receipt,
      visits,
      embeddings: receipt.embeddings + embeddings,
      thumbnails: receipt.thumbnails + thumbnails,
      backups: receipt.backups + backups,
    };
  }

  /** Somebody is not in the gallery any more, by whatever way. Never rejects. */
  async forgot(person: string): Promise<void> {
    try {
      await this.visits?.removeOf(person);
      this.#unforgotten.delete(person);
    } catch (error) {
      if (error instanceof StorageError) this.#unforgotten.add(person);
      this.#tell(error);
    }
  }

  /** Visits are somebody else's. @throws StorageError */
  async give(...gift: Gift): Promise<void> {
    await this.visits?.give(...gift);
  }

  /** As give, soon, where nothing can be taken back any more. Never rejects. */
  async giveAtLast(...gift: Gift): Promise<void> {
    this.#waiting.add(gift);
    await this.catchUp();
  }

  /** Nobody watches these visits any more: they ended when somebody was last seen. Never rejects. */
  async end(visits: readonly string[]): Promise<void> {
    this.#unwatched = new Set(visits);
    await this.#endUnwatched();
  }

  /** The disk takes something again. Never rejects. */
  async catchUp(): Promise<void> {
    await this.#endUnwatched();
    for (const person of Array.from(this.#unforgotten)) await this.forgot(person);
    for (const gift of this.#waiting)
      try {
        await this.give(...gift);
        this.#waiting.delete(gift);
      } catch (error) {
        if (!(error instanceof StorageError)) this.#waiting.delete(gift);
        this.#tell(error);
      }
  }

  /** What a crash left of somebody who was deleted. Never rejects. */
  async removeOrphans(isKnown: (person: string) => boolean): Promise<void> {
    await this.visits?.removeOrphans(isKnown).catch((error: unknown) => this.#tell(error));
  }

  async #endUnwatched(): Promise<void> {
    if (this.visits === undefined) return;
    for (const { revision: _revision, pictured: _pictured, ...open } of this.visits.open)
      try {
        if (this.#unwatched.has(open.visit)) await this.visits.put({ ...open, until: open.lastSeen });
      } catch (error) {
        this.#tell(error);
        return;
      }
    this.#unwatched = new Set();
  }

  /** What the disk refuses the book tells itself, as long as it does. */
  #tell(error: unknown): void {
    if (error instanceof StorageError) return;
    this.#report(phrase("visits.stay", { reason: reasonOf(error) }));
  }
}
