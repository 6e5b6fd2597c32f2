/** Keeps what the photo folder holds: one face a file, of whom its name says. */
import { z } from "zod";
import { BoundedMap } from "../bounded-map";
import { oneAfterOther } from "../errors";
import type { Face } from "../message";
import { contentHash } from "../people/hash";
import { isLeftOut, withLeftOut } from "../people/marks";
import { nameBefore, nameOf } from "../people/names";
import { idOfPhoto, isBare, newPerson, NO_FIELDS, noteOf, photoOf } from "../people/new-records";
import type { Person, Photo } from "../people/people";
import type { PeopleStore } from "../people/store";
import type { Enrolment } from "./enrolment";
import type { GalleryHost } from "./host";
import { type Finding, forEnrolment } from "./judge";
import type { Keeper, Place } from "./photo-folder";
import { phrase, type Sentence } from "../words/sentence";

/** Of a photo in the folder that does not count, so that a restart embeds nothing twice. */
const noteSchema = z.object({ hash: z.string(), fingerprint: z.string(), faces: z.number().int().min(0) });

/** Which folder it was that held photos last. */
const placeSchema = z.object({ path: z.string(), identity: z.string() });
const PLACE = "folder";

/** A photo that somebody said something of, and whose file is gone. */
type MarkedFile = Pick<Photo, "id" | "accepted"> & { file: string };

/** It may have been renamed, and come back in the next scan. */
const MOST_GONE = 1000;

/** Somebody was another one all along: what is kept of them beside photos is the other's. Called exclusively. */
export type Absorb = (from: Person, into: Person) => Promise<void>;

/** Its methods are called exclusively. */
export class FolderKeeper implements Keeper {
  readonly #host: GalleryHost;
  readonly #enrolment: Enrolment;
  readonly #absorb: Absorb;
  /** By id. Not written down: of who was deleted nothing is kept. */
  readonly #gone = new BoundedMap<string, MarkedFile>(MOST_GONE);
  /** Whose last photo went while others waited to be read: the names in their files, by id. */
  readonly #left = new Map<string, ReadonlySet<string>>();
  /** Whom the files of a name show, by id: another site may have renamed them. Made when it is first needed. */
  #shown: Map<string, string> | undefined;

  constructor(host: GalleryHost, enrolment: Enrolment, absorb: Absorb) {
    this.#host = host;
    this.#enrolment = enrolment;
    this.#absorb = absorb;
  }

  get writable(): boolean {
    return isWritable(this.#host.store);
  }

  /** A photo of the folder is there, or has changed. */
  async keep(file: string, name: string, bytes: Buffer): Promise<{ faces: number; doubt: Sentence | undefined }> {
    const hash = contentHash(bytes);
    const { fingerprint } = this.#host.encoder;
    const before = this.#host.directory.photoIn(file);
    const twin = before && this.#twinOf(before, name, file);
    if (twin === undefined && before?.id === idOfPhoto(hash, file) && this.#host.search.roster.has(before.id))
      return { faces: 1, doubt: undefined };
    const note = noteSchema.safeParse(this.#host.store.note(noteOf(file)));
    if (note.success && note.data.hash === hash && note.data.fingerprint === fingerprint)
      return { faces: note.data.faces, doubt: undefined };
    let usable: Face[];
    try {
      usable = forEnrolment(await this.#enrolment.encode(bytes, before !== undefined)).filter(
        ({ embedding }) => embedding !== undefined,
      );
    } catch (error) {
      // It is not the picture that counted; nothing is known of it when the gallery closes meanwhile.
      if (!this.#host.signal.aborted && before !== undefined && before.id !== idOfPhoto(hash, file))
        await this.drop([file], { moving: true });
      throw error;
    }
    const [face] = usable;
    if (usable.length !== 1 || face?.embedding === undefined) {
      await this.drop([file], { moving: true });
      await this.#host.store.putNote(noteOf(file), { hash, fingerprint, faces: usable.length });
      return { faces: usable.length, doubt: undefined };
    }
    const person = twin ?? this.#personOf(before, name);
    const judgement = await this.#enrolment.judge(person, usable, [], before?.id);
    if (twin !== undefined && before !== undefined) {
      // Two people, one of whom is called as copies are.
      if (judgement.findings.some(({ code }) => code === "unlike")) {
        await this.#host.store.putNote(noteOf(file), { hash, fingerprint, faces: 1 });
        return { faces: 1, doubt: undefined };
      }
      await this.#host.store.removePhotos([before.id]);
    }
    const isCopy = judgement.findings.some(({ code }) => code === "near_left_out");
    const made = photoOf(person, {
      hash,
      origin: { by: "folder", file },
      size: 0,
      quality: face.quality,
      accepted: [],
    });
    // Embedded anew for another model, it is the photo of which it was said, and so it is where its file was only
    // renamed. Nobody can be asked about a copy of what is left out: it is left out too, and told of where it is
    // another file.
    const renamed = this.#renamed(hash);
    if (before?.id === made.id) made.accepted.push(...before.accepted);
    else if (renamed !== undefined && nameOf(renamed.file) === name) made.accepted.push(...renamed.accepted);
    // That somebody was sure was said beside the photos of somebody else.
    const isOut = isLeftOut(made) || isCopy || (renamed !== undefined && isLeftOut(renamed));
    const photo = withLeftOut(made, isOut);
    // The new before the old, so that nobody is a stranger in between.
    await this.#enrolment.keep(person, photo, {
      bytes: undefined,
      thumbnail: await this.#enrolment.thumbnailOf(bytes, face),
      vector: face.embedding,
      picture: undefined,
    });
    if (!isCalledInFull(person, file)) this.#shownIn().set(name, person.id);
    if (before !== undefined && before.id !== photo.id) {
      this.#remember([before]);
      await this.#host.store.removePhotos([before.id]);
    }
    if (twin !== undefined && before !== undefined) await this.#giveAll(before.personId, twin);
    if (renamed !== undefined) this.#gone.delete(renamed.id);
    await forgetNote(this.#host.store, file);
    const isKnown = (before !== undefined && isLeftOut(before)) || renamed !== undefined;
    return { faces: 1, doubt: doubtOf(judgement.findings, isKnown) };
  }

  /**
   * Of a photo that an earlier version took for somebody called as its file is ("Bob (1)"): who it shows, if somebody
   * is called so. Another site may have renamed whom a file shows, who stays; so does of whom more is known.
   */
  #twinOf({ personId }: Photo, name: string, file: string): Person | undefined {
    const before = this.#host.directory.person(personId);
    if (before === undefined || !isCalledInFull(before, file)) return undefined;
    const { roster } = this.#host.search;
    const person = this.#host.directory.named(name);
    // Of whom nothing can be compared it cannot be told that they are one.
    const isComparable = person !== undefined && roster.photosOf(person.id).length > 0;
    return isComparable && isBare(before) ? person : undefined;
  }

  /** Whom a file shows: still the same; or whom others of its name show, whatever they are called by now. */
  #personOf(before: Photo | undefined, name: string): Person {
    const { directory } = this.#host;
    const same = before && directory.person(before.personId);
    if (same !== undefined) return same;
    const id = this.#shownIn().get(name) ?? "";
    // Just dropped, it may be a photo that was renamed.
    const isShown = this.#left.get(id)?.has(name) === true || directory.photosOf(id).some(isCalled(name));
    return (isShown ? directory.person(id) : undefined) ?? directory.named(name) ?? newPerson({ ...NO_FIELDS, name });
  }

  #shownIn(): Map<string, string> {
    const { directory } = this.#host;
    this.#shown ??= new Map(
      [...directory.files].flatMap((file) => {
        const person = directory.person(directory.photoIn(file)?.personId ?? "");
        // Nobody else's are those of somebody who is called as copies are.
        return person === undefined || isCalledInFull(person, file) ? [] : [[nameOf(file), person.id] as const];
      }),
    );
    return this.#shown;
  }

  /** Once nothing else is known of them: visits, check-ins and who is asked about them are the other's. */
  async #giveAll(id: string, into: Person): Promise<void> {
    const from = this.#host.directory.person(id);
    if (from === undefined || !this.#isOnly(id, new Set())) return;
    await this.#absorb(from, into);
    await this.#host.store.removePerson(id);
  }

  get place(): Place | undefined {
    return placeSchema.safeParse(this.#host.store.note(PLACE)).data;
  }

  keepPlace(place: Place): Promise<void> {
    return this.#host.store.putNote(PLACE, place);
  }

  /**
   * Photos of the folder are gone, and somebody of whom nothing is known but these goes with them. But where a file
   * was only renamed, or is being written anew, they stay: their visits and check-ins would go with them.
   */
  async drop(files: readonly string[], { moving }: { moving: boolean }): Promise<void> {
    for (const file of files) await forgetNote(this.#host.store, file);
    const photos = files.flatMap((file) => this.#host.directory.photoIn(file) ?? []);
    this.#remember(photos);
    if (photos.length === 0) return;
    // Before it is forgotten whom they showed.
    this.#shownIn();
    const dropped = new Set(photos.map(({ id }) => id));
    const people = [...new Set(photos.map(({ personId }) => personId))].filter((id) => this.#isOnly(id, dropped));
    if (moving) for (const id of people) this.#left.set(id, this.#namesOf(id, photos));
    const leaving = new Set(moving ? [] : people);
    const others = photos.filter(({ personId }) => !leaving.has(personId)).map(({ id }) => id);
    await this.#host.store.removeMany({ people: [...leaving], photos: others });
  }

  async sweep(unread: ReadonlySet<string>): Promise<void> {
    const none = new Set<string>();
    const people = [...this.#left].flatMap(([id, names]) => {
      if ([...names].some((name) => unread.has(name))) return [];
      this.#left.delete(id);
      return this.#isOnly(id, none) ? [id] : [];
    });
    if (people.length > 0) await this.#host.store.removeMany({ people, photos: [] });
  }

  /** What the files of somebody call them, and what they are called. */
  #namesOf(id: string, photos: readonly Photo[]): ReadonlySet<string> {
    const files = photos.flatMap(({ personId, origin }) =>
      personId === id && origin.by === "folder" ? [origin.file] : [],
    );
    return new Set([...files.map(nameOf), this.#host.directory.person(id)?.name ?? ""]);
  }

  /** Whether nothing is known of somebody but these photos. */
  #isOnly(id: string, photos: ReadonlySet<string>): boolean {
    const person = this.#host.directory.person(id);
    return (
      person !== undefined &&
      isBare(person) &&
      this.#host.directory.photosOf(id).every((photo) => photos.has(photo.id))
    );
  }

  /** What somebody said of photos is not lost where a file of the same content comes by another name. */
  #remember(photos: readonly Photo[]): void {
    for (const { id, origin, accepted } of photos)
      if (origin.by === "folder" && accepted.length > 0) this.#gone.set(id, { id, file: origin.file, accepted });
  }

  /** The photo of this content whose file is gone. Its id says of what content it was. */
  #renamed(hash: string): MarkedFile | undefined {
    return [...this.#gone.values()].find(({ id, file }) => id === idOfPhoto(hash, file));
  }
}

/** Whether somebody is called as their file is, though that is what copies are called ("Bob (1)"). */
const isCalledInFull = ({ name }: Person, file: string): boolean => name === nameBefore(file) && name !== nameOf(file);

/** Whether a photo lies in the folder by a name. */
const isCalled =
  (name: string) =>
  ({ origin }: Photo): boolean =>
    origin.by === "folder" && nameOf(origin.file) === name;

/** Whether the disk takes changes now. */
export function isWritable(store: PeopleStore): boolean {
  return !store.refusals.some(({ code }) => code === "unwritable_store");
}

/** What is known of a file that does not count. */
export async function forgetNote(store: PeopleStore, file: string): Promise<void> {
  if (store.note(noteOf(file)) !== undefined) await store.putNote(noteOf(file), undefined);
}

/** What is doubtful of a photo that lies in the folder. @param known whether the file was left out before */
function doubtOf(findings: readonly Finding[], known: boolean): Sentence | undefined {
  const sentences = findings.flatMap(({ code, sentence }) => {
    if (code === "near_duplicate") return [];
    if (code !== "near_left_out") return [sentence];
    return known ? [] : [phrase("enrol.copyOfLeftOut")];
  });
  return oneAfterOther(sentences);
}
