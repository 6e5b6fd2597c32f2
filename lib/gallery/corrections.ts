/** What people say of a decision: who it was, who it was not; each can be taken back. */
import { type Enrolment, faceOf } from "../enrol/enrolment";
import type { GalleryHost } from "../enrol/host";
import { forEnrolment } from "../enrol/judge";
import { NotKept } from "../enrol/not-kept";
import type { Face, Quality } from "../message";
import { NotFound } from "../people/errors";
import { newId } from "../people/hash";
import { parseName } from "../people/names";
import type { Anchor, CorrectionEntry, Person, Photo, Receipt } from "../people/people";
import type { Editing } from "./editing";

/** A face as an event keeps it. */
export interface SeenFace {
  vector: Float32Array;
  /** Where it was measured. */
  quality?: Quality | undefined;
  picture: Buffer | undefined;
  /** Where and when. */
  note: string;
}

export interface Correction {
  /** Who it is. */
  name: unknown;
  /** Id of the person it was taken for. */
  not: string | null;
  /** Codes of findings that may pass. */
  accept?: readonly string[] | undefined;
}

export interface Corrected {
  person: Person;
  photo: Photo;
  anchor: Omit<Anchor, "vector"> | null;
}

export class Corrections {
  readonly #host: GalleryHost;
  readonly #enrolment: Enrolment;
  readonly #editing: Editing;

  constructor(host: GalleryHost, enrolment: Enrolment, editing: Editing) {
    this.#host = host;
    this.#enrolment = enrolment;
    this.#editing = editing;
  }

  /**
   * Somebody says who was seen: the face becomes a photo of that person, whom it makes if they are new, and speaks
   * against whoever it
   * was taken for.
   * @param not the person it was taken for, or null
   * @throws NotKept when it resembles somebody else, or is unlike the person, and that is not accepted; a sentence
   * when the name is no name
   */
  async correct(
    { vector, quality, picture, note }: SeenFace,
    { name, not, accept = [] }: Correction,
  ): Promise<Corrected> {
    const called = parseName(name);
    const { person, photo } = await this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const who = this.#enrolment.personOf({ name: called });
      // Whoever it was taken for is near to it: that is what is being corrected.
      // A camera's frames are what they are, but somebody far away is nobody's photo.
      const [seen] = forEnrolment([{ ...faceOf(vector, this.#host.encoder.model), quality }]);
      const judgement = await this.#enrolment.judge(
        who,
        [{ ...(seen as Face), quality: undefined }],
        accept,
        undefined,
        not ?? undefined,
      );
      if (judgement.verdict !== "keep") throw new NotKept(judgement);
      const again = await this.#enrolment.takeBack(who, vector, judgement);
      if (again !== undefined) {
        this.#host.changed();
        return { person: who, photo: again };
      }
      const added = await this.#enrolment.seenPhoto(who, {
        vector,
        picture,
        by: "event",
        accepted: judgement.accepted,
      });
      await this.#host.store.putMany({ people: [added.person], photos: [added] });
      this.#host.changed();
      return { person: who, photo: added.photo };
    });
    const wrong = not === null || not === person.id || this.#host.directory.person(not) === undefined ? null : not;
    return { person, photo, anchor: wrong === null ? null : await this.addAnchor(vector, wrong, note) };
  }

  /** What people have said against or beside a decision, newest first; each can be taken back. */
  list(): CorrectionEntry[] {
    const against = this.#host.store.anchors().map(({ id, against: person, note, createdAt }) => ({
      id,
      at: createdAt,
      what: person === null ? ("ignored" as const) : ("not" as const),
      person,
      note,
    }));
    const told = [...this.#host.directory.photos]
      .filter(({ origin }) => origin.by === "event")
      .map(({ id, personId, addedAt }) => ({ id, at: addedAt, what: "is" as const, person: personId, note: "" }));
    return [...against, ...told]
      .map((entry) => ({
        ...entry,
        name: entry.person === null ? null : (this.#host.directory.person(entry.person)?.name ?? null),
      }))
      .sort((a, b) => b.at - a.at);
  }

  /** Take a correction back: the decision is as it would have been. @throws NotFound */
  async undo(id: string): Promise<Receipt> {
    const photo = this.#host.directory.photo(id);
    if (photo?.origin.by === "event") return this.#editing.removePhoto(photo.personId, id);
    return this.removeAnchor(id);
  }

  anchors(): Omit<Anchor, "vector">[] {
    return this.#host.store.anchors().map(withoutVector);
  }

  /**
   * From now on nobody who is farther from a probe than this embedding is its identity.
   * @param against the person it speaks against; null is everybody
   * @throws NotFound when there is no such person
   */
  async addAnchor(vector: Float32Array, against: string | null, note: string): Promise<Omit<Anchor, "vector">> {
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      if (against !== null) this.#host.directory.known(against);
      const anchor = this.anchorOf(vector, against, note);
      await this.#host.store.putMany({ anchors: [anchor] });
      this.#host.changed();
      return withoutVector(anchor);
    });
  }

  /** @throws NotFound */
  async removeAnchor(id: string): Promise<Receipt> {
    return this.#host.exclusively(async () => {
      if (!this.#host.store.anchors().some((anchor) => anchor.id === id))
        throw new NotFound("gallery.noAnchor", { id: JSON.stringify(id) });
      return this.#host.store.removeAnchor(id).finally(() => this.#host.changed());
    });
  }

  anchorOf(vector: Float32Array, against: string | null, note: string): Anchor {
    const { model, fingerprint } = this.#host.encoder;
    return { id: newId(), against, note, createdAt: Date.now(), model, fingerprint, vector };
  }
}

function withoutVector({ vector: _vector, ...anchor }: Anchor): Omit<Anchor, "vector"> {
  return anchor;
}
