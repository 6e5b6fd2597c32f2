/** Strangers as people review them: named, ignored or deleted. */
import { type Enrolment, faceOf } from "../enrol/enrolment";
import type { GalleryHost } from "../enrol/host";
import { NotKept } from "../enrol/not-kept";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { UserError } from "../errors";
import type { Face } from "../message";
import { parseName } from "../people/names";
import type { Anchor, Person, Receipt } from "../people/people";
import type { NewPhoto } from "../people/store";
import { usualKind } from "../search/roster";
import { seenBy } from "./seen-by";
import { type Sight, Strangers } from "./strangers";
import { oneStranger } from "./unknowns";
import type { UnknownEntry } from "./entry";

export interface ReviewOptions {
  /** How long strangers are kept after they were last seen, in ms; undefined keeps none. */
  retentionMs: number | undefined;
  /** A stranger came, by the id of their group. */
  onVisit: (id: string) => void;
  /** An embedding that is not somebody. */
  anchorOf: (vector: Float32Array, against: null, note: string) => Anchor;
}

export class Review {
  readonly #host: GalleryHost;
  readonly #enrolment: Enrolment;
  readonly #options: ReviewOptions;
  #strangers: Strangers;
  #isOneStranger: (a: Float32Array, b: Float32Array) => boolean;

  constructor(host: GalleryHost, enrolment: Enrolment, options: ReviewOptions) {
    this.#host = host;
    this.#enrolment = enrolment;
    this.#options = options;
    this.#strangers = this.#strangersOf(host.encoder);
    this.#isOneStranger = oneStranger(host.encoder);
  }

  /** As the network that decides has them. */
  get strangers(): Strangers {
    return this.#strangers;
  }

  /** Another network decides. */
  async adopt(encoder: PhotoEncoder): Promise<void> {
    this.#isOneStranger = oneStranger(encoder);
    await this.#strangers.close();
    this.#strangers = this.#strangersOf(encoder);
  }

  close(): Promise<void> {
    return this.#strangers.close();
  }

  /**
   * A face matched nobody. Never adds a photo to anybody.
   * @throws a sentence when the stranger cannot be written down
   */
  async saw(face: Face, sight: Sight): Promise<void> {
    if (this.#options.retentionMs === undefined || this.#isIgnored(face)) return;
    const visitor = await this.#strangers.saw(face, sight);
    if (visitor !== undefined) this.#options.onVisit(visitor.id);
  }

  /**
   * Whether somebody said of this stranger that they are nobody: as near to that face as sightings of one stranger are
   * to each other.
   */
  #isIgnored({ embedding }: Face): boolean {
    if (embedding === undefined || !this.#host.search.fits(embedding)) return false;
    return this.#host.store
      .anchors()
      .some(
        ({ against, fingerprint, vector }) =>
          against === null &&
          fingerprint === this.#host.encoder.fingerprint &&
          this.#host.search.fits(vector) &&
          this.#isOneStranger(embedding, vector),
      );
  }

  /** Strangers for review, last seen first. */
  async entries(): Promise<UnknownEntry[]> {
    return Promise.all(
      this.#strangers.list.map(async ({ vectors, fingerprint, beside: _beside, ...entry }) => {
        const [vector] = vectors;
        const [near] =
          vector === undefined || fingerprint !== this.#host.encoder.fingerprint || !this.#host.search.fits(vector)
            ? []
            : await this.#host.search.roster.nearest(vector, 1, usualKind(this.#host.search.roster));
        return { ...entry, nearest: near === undefined ? null : { name: near.person.name, distance: near.distance } };
      }),
    );
  }

  /**
   * A stranger is somebody: their embeddings and pictures become the person's photos.
   * @throws NotKept when they resemble somebody else and that is not accepted; NotFound; a sentence when the name is
   * no name
   */
  async name(
    id: string,
    name: unknown,
    { accept = [] }: { accept?: readonly string[] | undefined } = {},
  ): Promise<Person> {
    const called = parseName(name);
    return this.#host.exclusively(async () => {
      const group = this.#strangers.known(id);
      const { model, fingerprint } = this.#host.encoder;
      if (group.fingerprint !== fingerprint) throw new UserError("unknowns.otherModel", { model });
      const person = this.#enrolment.personOf({ name: called });
      const [first] = group.vectors;
      const judgement = await this.#enrolment.judge(person, first === undefined ? [] : [faceOf(first, model)], accept);
      if (judgement.verdict !== "keep") throw new NotKept(judgement);
      const accepted = judgement.accepted.filter((code) => code !== "near_left_out");
      const photos: NewPhoto[] = [];
      const again = first === undefined ? undefined : await this.#enrolment.takeBack(person, first, judgement);
      for (const [index, vector] of group.vectors.entries()) {
        // It is kept already.
        if (index === 0 && again !== undefined) continue;
        const picture = index < group.pictures ? await this.#strangers.picture(id, index) : undefined;
        photos.push(await this.#enrolment.seenPhoto(person, { vector, picture, by: "unknown", accepted }));
      }
      this.#host.refuseClosed();
      await this.#strangers.name(id, photos).finally(() => this.#host.changed());
      return person;
    });
  }

  /** "Not a person we know": from now on they are nobody, whomever they resemble. @throws NotFound; StorageError */
  async ignore(id: string): Promise<{ anchors: string[] }> {
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const { vectors, firstSeenAt } = this.#strangers.known(id);
      const note = new Date(firstSeenAt).toISOString();
      const anchors = vectors.map((vector) => this.#options.anchorOf(vector, null, note));
      await this.#strangers.ignore(id, anchors).finally(() => this.#host.changed());
      return { anchors: anchors.map((anchor) => anchor.id) };
    });
  }

  /** @throws NotFound */
  async remove(id: string): Promise<Receipt> {
    return this.#strangers.remove(id).finally(() => this.#host.changed());
  }

  /** Several strangers at once; who is not here any more is passed over. */
  async removeMany(ids: readonly string[]): Promise<Receipt> {
    return this.#strangers.removeMany(ids).finally(() => this.#host.changed());
  }

  /**
   * Of each stranger who is kept the first embedding of a network: they are other people than those whom the gallery
   * knows.
   */
  beside({ fingerprint }: PhotoEncoder): Float32Array[] {
    if (this.#options.retentionMs === undefined) return [];
    return this.#strangers.list.flatMap((group) => {
      const {
        vectors: [first],
        fingerprint: own,
      } = seenBy(fingerprint, group);
      return first !== undefined && own === fingerprint ? [first] : [];
    });
  }

  #strangersOf({ model, fingerprint, threshold, normalisation }: PhotoEncoder): Strangers {
    const { retentionMs } = this.#options;
    return new Strangers(this.#host.store, {
      model,
      fingerprint,
      threshold,
      normalisation,
      onChange: () => this.#host.search.roster.changeStrangers(),
      ...(retentionMs === undefined ? {} : { retentionMs }),
    });
  }
}
