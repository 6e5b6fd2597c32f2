/** Photos in: judged, and kept with what the network makes of them. */
import { z } from "zod";
import { euclideanDistance } from "../embed/distance";
import { UserError } from "../errors";
import { cropFace } from "../image/crop";
import { thumbnail as shrink } from "../image/thumbnail";
import type { Face, Point } from "../message";
import { contentHash } from "../people/hash";
import { withLeftOut } from "../people/marks";
import { parseName } from "../people/names";
import { newPerson, NO_FIELDS, photoOf } from "../people/new-records";
import type { Origin, Person, Photo, PhotoEmbedding } from "../people/people";
import type { NewPhoto } from "../people/store";
import { usualKind } from "../search/roster";
import { parseOptions } from "../validate";
import type { GalleryHost } from "./host";
import { bestOf, forEnrolment, type Judgement, judgePhoto } from "./judge";
import { NotKept } from "./not-kept";

export interface Enrolled {
  name: string;
  /** Ids. */
  person: string;
  photo: string;
  /** How many photos the person has now. */
  photos: number;
}

export interface AddedPhoto {
  photo: Photo;
  person: Person;
  judgement: Judgement;
}

export interface AddPhotoOptions {
  origin: Exclude<Origin["by"], "folder">;
  /** Codes of findings that the sender has seen and accepts. */
  accept?: readonly string[] | undefined;
  /**
   * Which face of a group photo is meant: a point in it, pixels of the picture as shown. Only that face is kept of the
   * picture.
   */
  at?: Point | undefined;
}

/** What of a photo is written beside its record. */
interface Content {
  bytes: Buffer | undefined;
  thumbnail: Buffer | undefined;
  vector: Float32Array;
  /** What it was seen in, also where nothing of it is kept. */
  picture: Buffer | undefined;
}

/** Most pixels across of a face that was chosen from a group photo: enough for every network. */
const CHOSEN_SIDE = 640;
/** A thumbnail's side in pixels: twice as sharp as the 48 px at which lists show it. */
const THUMBNAIL_SIDE = 96;
const THUMBNAIL_QUALITY = 85;

/** What `msg.enrol` may hold beside the name. */
const enrolSchema = z.looseObject({ accept: z.array(z.string().max(40)).max(20).default([]) });

export class Enrolment {
  readonly #host: GalleryHost;

  constructor(host: GalleryHost) {
    this.#host = host;
  }

  /**
   * Faces of a picture, as enrolment sees them.
   * @param kept whether it is somebody's photo already
   * @throws a sentence when it is no picture; at once when the gallery closes meanwhile
   */
  async encode(jpeg: Buffer, kept = false): Promise<Face[]> {
    this.#host.refuseClosed();
    const { signal } = this.#host;
    let stop = (): void => undefined;
    const closed = new Promise<never>((_, reject) => {
      stop = () => reject(new UserError("people.closed"));
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([this.#host.encoder.encode(jpeg, kept), closed]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Keep a photo of a person, whom it makes if they are new. When this resolves it is on disk and they are recognized.
   * @param value a name, or `{ name, accept }` with codes of findings that may pass
   * @throws a sentence when the name is no name, the photo is judged not worth keeping, or it cannot be written
   */
  async enrol(value: unknown, jpeg: Buffer): Promise<Enrolled> {
    const name = parseName((value as { name?: unknown } | null)?.name ?? value);
    const { accept } = typeof value === "string" ? { accept: [] } : parseOptions(enrolSchema, value, "msg.enrol");
    const { person, photo } = await this.addPhoto({ name }, jpeg, { origin: "message", accept }).catch(
      (error: unknown) => {
        if (!(error instanceof NotKept) || error.judgement.verdict !== "ask") throw error;
        const codes = JSON.stringify(error.judgement.findings.map(({ code }) => code));
        throw new UserError("enrol.acceptByMessage", { refusal: error.sentence, codes }, { cause: error });
      },
    );
    return {
      name: person.name,
      person: person.id,
      photo: photo.id,
      photos: this.#host.directory.photosOf(person.id).length,
    };
  }

  /**
   * Judge a photo and keep it. When this resolves it is on disk and the person is recognized.
   * @param who somebody who is there by id, or anybody by name
   * @throws NotKept with the judgement when it is refused or asks; NotFound; a sentence when it is no picture or
   * cannot be written
   */
  async addPhoto(
    who: { id: string } | { name: string },
    picture: Buffer,
    { origin, accept = [], at }: AddPhotoOptions,
  ): Promise<AddedPhoto> {
    this.#host.refuseClosed();
    if ("id" in who) this.#host.directory.known(who.id);
    const all = forEnrolment(await this.encode(picture));
    const chosen = at === undefined ? undefined : faceAt(all, at);
    const faces = chosen === undefined ? all : [chosen];
    // The others in the photo did not ask to be kept.
    const jpeg =
      chosen === undefined ? picture : await cropFace({ bytes: picture, frame: undefined }, chosen.box, CHOSEN_SIDE);
    return this.#host.exclusively(async () => {
      const person = this.personOf(who);
      const judgement = await this.judge(person, faces, accept);
      const { face } = judgement;
      if (judgement.verdict !== "keep" || face?.embedding === undefined) throw new NotKept(judgement);
      const again = await this.takeBack(person, face.embedding, judgement);
      if (again !== undefined) {
        this.#host.changed();
        return { person, photo: again, judgement };
      }
      const photo = photoOf(person, {
        hash: contentHash(jpeg),
        origin: { by: origin },
        size: this.#host.keepsPhotos ? jpeg.length : 0,
        quality: face.quality,
        accepted: judgement.accepted,
      });
      await this.keep(person, photo, {
        bytes: this.#host.keepsPhotos ? jpeg : undefined,
        thumbnail: await this.thumbnailOf(picture, face),
        vector: face.embedding,
        picture: jpeg,
      });
      this.#host.changed();
      return { person, photo, judgement };
    });
  }

  personOf(who: { id: string } | { name: string }): Person {
    return "id" in who
      ? this.#host.directory.known(who.id)
      : (this.#host.directory.named(who.name) ?? newPerson({ ...NO_FIELDS, name: who.name }));
  }

  async judge(
    person: Person,
    faces: readonly Face[],
    accept: readonly string[],
    except?: string,
    mistaken?: string,
  ): Promise<Judgement> {
    const own = this.#host.search.roster
      .photosOf(person.id)
      .filter((id) => id !== except)
      .flatMap((id) => this.#host.search.roster.embeddingOf(id) ?? []);
    const embedding = bestOf(faces)?.embedding;
    const near =
      embedding === undefined
        ? []
        : await this.#host.search.roster.nearest(embedding, 3, usualKind(this.#host.search.roster));
    const other = near.find((each) => each.person.id !== person.id && each.person.id !== mistaken);
    return judgePhoto({
      faces,
      own,
      leftOut: [...this.#host.search.roster.leftOutOf(person.id).values()],
      nearestOther: other === undefined ? null : { name: other.person.name, distance: other.distance },
      threshold: this.#host.encoder.threshold,
      nearDuplicate: this.#host.encoder.nearDuplicate,
      normalisation: this.#host.encoder.normalisation,
      accept,
    });
  }

  /**
   * Somebody who sent a copy of a photo that is left out accepts that this one is used again. Called exclusively.
   * @returns it; undefined where nobody did
   */
  async takeBack(
    person: Person,
    embedding: Float32Array,
    { accepted }: Pick<Judgement, "accepted">,
  ): Promise<Photo | undefined> {
    if (!accepted.includes("near_left_out")) return undefined;
    const [nearest] = [...this.#host.search.roster.leftOutOf(person.id)]
      .map(([id, vector]) => ({ id, distance: euclideanDistance(embedding, vector) }))
      .sort((a, b) => a.distance - b.distance);
    return nearest && this.keepOut(this.#host.directory.photoOf(person.id, nearest.id), false);
  }

  /** Write that a photo is left out, or used again. Called exclusively. */
  async keepOut(before: Photo, out: boolean): Promise<Photo> {
    const photo = withLeftOut(before, out);
    await this.#host.store.putMany({ photos: [{ photo, bytes: undefined, thumbnail: undefined, embeddings: [] }] });
    return photo;
  }

  async keep(person: Person, photo: Photo, content: Content): Promise<void> {
    this.#host.refuseClosed();
    const added = await this.#newPhoto(person, photo, content);
    await this.#host.store.putMany({ people: [added.person], photos: [added] });
  }

  /** A face that was seen, as a photo of a person. */
  async seenPhoto(
    person: Person,
    {
      vector,
      picture,
      by,
      accepted,
    }: { vector: Float32Array; picture: Buffer | undefined; by: "unknown" | "event"; accepted: string[] },
  ): Promise<NewPhoto> {
    const bytes = this.#host.keepsPhotos ? picture : undefined;
    const hash = contentHash(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    const photo = photoOf(person, { hash, origin: { by }, size: bytes?.length ?? 0, quality: undefined, accepted });
    const thumbnail =
      bytes === undefined ? undefined : await shrink(bytes, THUMBNAIL_SIDE, THUMBNAIL_QUALITY).catch(() => undefined);
    return this.#newPhoto(person, photo, { bytes, thumbnail, vector, picture });
  }

  embeddingOf(photoId: string, personId: string, vector: Float32Array): PhotoEmbedding {
    const { model, fingerprint } = this.#host.encoder;
    return { photoId, personId, model, fingerprint, vector };
  }

  /** Undefined where none is to be kept, or none can be made. */
  async thumbnailOf(bytes: Buffer, { box }: Face): Promise<Buffer | undefined> {
    return this.#host.keepsPhotos
      ? cropFace({ bytes, frame: undefined }, box, THUMBNAIL_SIDE).catch(() => undefined)
      : undefined;
  }

  async #newPhoto(person: Person, photo: Photo, { bytes, thumbnail, vector, picture }: Content): Promise<NewPhoto> {
    // A picture that is kept is embedded by the change itself.
    const also = bytes === undefined && picture !== undefined ? await this.#host.alsoOf(picture) : [];
    const { id: photoId } = photo;
    return {
      person,
      photo,
      bytes,
      thumbnail,
      embeddings: [
        this.embeddingOf(photoId, person.id, vector),
        ...also.map((other) => ({ ...other, photoId, personId: person.id })),
      ],
    };
  }
}

/** The smallest face around a point. @throws a sentence when there is none */
function faceAt(faces: readonly Face[], { x, y }: Point): Face {
  const around = faces.filter(
    ({ box, embedding }) =>
      embedding !== undefined && x >= box.x && y >= box.y && x <= box.x + box.width && y <= box.y + box.height,
  );
  const [smallest] = around.toSorted((a, b) => a.box.width * a.box.height - b.box.width * b.box.height);
  if (smallest === undefined) throw new UserError("enrol.noFaceAt", { x: Math.round(x), y: Math.round(y) });
  return smallest;
}

/** A face of which nothing is known but the embedding. */
export function faceOf(embedding: Float32Array, model: string): Face {
  return { box: { x: 0, y: 0, width: 1, height: 1 }, score: 1, embedding, model };
}
