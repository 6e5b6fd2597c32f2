/** What people do with people: make, rename, merge and delete them; move, use and delete their photos. */
import type { Enrolment } from "../enrol/enrolment";
import { forgetNote } from "../enrol/folder-keeper";
import type { GalleryHost } from "../enrol/host";
import type { PhotoFolder } from "../enrol/photo-folder";
import { UserError } from "../errors";
import { NotFound } from "../people/errors";
import { isLeftOut, withLeftOut, withSure } from "../people/marks";
import { parseName } from "../people/names";
import { idOfPhoto, newPerson, withPatch } from "../people/new-records";
import { type Person, personFieldsSchema, personPatchSchema, type Photo, type Receipt } from "../people/people";
import type { NewPhoto } from "../people/store";
import { parseOptions } from "../validate";
import { phrase } from "../words/sentence";
import type { PhotoEntry } from "../search/entries";
import { photoEntry } from "./entries";
import type { Sharing } from "./sharing";
import type { Visiting } from "./visiting";

export class Editing {
  readonly #host: GalleryHost;
  readonly #enrolment: Enrolment;
  readonly #folder: PhotoFolder;
  readonly #visiting: Visiting;
  readonly #sharing: Pick<Sharing, "merged">;
  readonly #onMerged: (from: string, into: Person) => Promise<void>;

  /** @param onMerged the person of this id is the other one now, and is about to be deleted */
  constructor(
    host: GalleryHost,
    {
      enrolment,
      folder,
      visiting,
      sharing,
    }: { enrolment: Enrolment; folder: PhotoFolder; visiting: Visiting; sharing: Pick<Sharing, "merged"> },
    onMerged: (from: string, into: Person) => Promise<void>,
  ) {
    this.#host = host;
    this.#enrolment = enrolment;
    this.#folder = folder;
    this.#visiting = visiting;
    this.#sharing = sharing;
    this.#onMerged = onMerged;
  }

  /** @throws a sentence when the fields are wrong; NameTaken when somebody is called so already */
  async createPerson(fields: unknown): Promise<Person> {
    const parsed = parseOptions(personFieldsSchema, fields, phrase("gallery.person"));
    return this.#host.exclusively(async () => {
      this.#host.directory.refuseTaken(parsed.name);
      return this.#keepPerson(newPerson(parsed));
    });
  }

  /** @throws a sentence when the fields are wrong; NotFound; NameTaken when somebody else is called so */
  async updatePerson(id: string, patch: unknown): Promise<Person> {
    const parsed = parseOptions(personPatchSchema, patch, phrase("gallery.person"));
    return this.#host.exclusively(async () => {
      const before = this.#host.directory.known(id);
      const person = withPatch(before, parsed);
      this.#host.directory.refuseTaken(person.name, id);
      const filed = this.#host.directory.photosOf(id).find(({ origin }) => origin.by === "folder");
      if (person.name !== before.name && filed?.origin.by === "folder")
        throw new UserError("gallery.renameInFolder", { name: before.name, file: filed.origin.file });
      if (person.validFrom !== null && person.validUntil !== null && person.validFrom > person.validUntil)
        throw new UserError("gallery.personOrder");
      return this.#keepPerson(person);
    });
  }

  /**
   * Delete a person: photos, embeddings, notes, visits, whatever was known. When this resolves it is gone from the
   * disk.
   * @param value a name, or `{ name }`, or `{ id }`
   * @throws a sentence when there is nobody of that name, or a photo cannot be reached: then nothing may be called
   * deleted
   */
  async forget(value: unknown): Promise<Receipt & { name: string }> {
    const { id, name: called } = (typeof value === "object" && value !== null ? value : { name: value }) as {
      id?: unknown;
      name?: unknown;
    };
    const { directory } = this.#host;
    const asked = typeof id === "string" ? { id } : { name: parseName(called) };
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      // Not before: another site may have renamed them meanwhile, and somebody else may be called so.
      const person = "id" in asked ? directory.known(asked.id) : directory.named(asked.name);
      const name = "id" in asked ? directory.known(asked.id).name : asked.name;
      const files = await this.#folder.remove({
        name,
        owns: (file) => {
          const photo = directory.photoIn(file);
          return photo && photo.personId === person?.id;
        },
      });
      if (person === undefined && files.length === 0) throw new NotFound("gallery.nobodyCalled");
      for (const file of files) await forgetNote(this.#host.store, file);
      const elsewhere =
        person === undefined
          ? []
          : this.#host.directory.photosOf(person.id).filter(({ origin }) => origin.by !== "folder");
      const receipt: Receipt =
        person === undefined
          ? {
              what: "person",
              id: "",
              name,
              at: Date.now(),
              photos: 0,
              embeddings: 0,
              thumbnails: 0,
              visits: 0,
              backups: 0,
            }
          : await this.#visiting.deleted(
              (visits) => visits.removeOf(person.id),
              () => this.#host.store.removePerson(person.id),
            );
      this.#host.changed();
      return { ...receipt, name, photos: files.length + elsewhere.length };
    });
  }

  /** Delete one photo with its embeddings. @throws NotFound; a sentence when its file cannot be deleted */
  async removePhoto(personId: string, photoId: string): Promise<Receipt> {
    return this.#host.exclusively(async () => {
      const { origin } = this.#host.directory.photoOf(personId, photoId);
      this.#refuseUnused(personId, [photoId]);
      if (origin.by === "folder") await this.#folder.removePhoto(origin.file);
      const receipt = await this.#host.store.removePhotos([photoId]);
      this.#host.changed();
      return receipt;
    });
  }

  /** Several photos of a person. @throws NotFound; a sentence when a file of the photo folder cannot be deleted */
  async removePhotos(personId: string, ids: readonly string[]): Promise<Receipt> {
    return this.#host.exclusively(async () => {
      const photos = ids.map((id) => this.#host.directory.photoOf(personId, id));
      this.#refuseUnused(personId, ids);
      for (const { origin } of photos) if (origin.by === "folder") await this.#folder.removePhoto(origin.file);
      return this.#host.store.removePhotos(ids).finally(() => this.#host.changed());
    });
  }

  /**
   * Use a photo that is set aside all the same, since it is this person; or set it aside again, if it is as far as
   * that.
   * @throws NotFound
   */
  async usePhoto(personId: string, photoId: string, sure: boolean): Promise<PhotoEntry> {
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const photo = withSure(this.#host.directory.photoOf(personId, photoId), sure);
      await this.#host.store.putMany({ photos: [{ photo, bytes: undefined, thumbnail: undefined, embeddings: [] }] });
      this.#host.changed();
      return photoEntry(this.#host, photo);
    });
  }

  /**
   * Leave a photo out of recognition, or use it again. It is kept either way.
   * @throws NotFound; a sentence when no other photo of the person would be used
   */
  async leaveOut(personId: string, photoId: string, out: boolean): Promise<PhotoEntry> {
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const before = this.#host.directory.photoOf(personId, photoId);
      if (out && !isLeftOut(before) && this.#host.search.roster.photosOf(personId).every((id) => id === photoId))
        throw new UserError("gallery.onlyPhoto", { name: this.#host.directory.known(personId).name });
      const photo = await this.#enrolment.keepOut(before, out);
      this.#host.changed();
      return photoEntry(this.#host, photo);
    });
  }

  /**
   * Photos of one person are another's, whom it makes if they are new.
   * @returns usedAgain: how many that were left out are used now, since the other has none that is
   * @throws NotFound; a sentence when a photo lies in the photo folder, whose file says whose it is
   */
  async movePhotos(
    from: string,
    ids: readonly string[],
    to: { id: string } | { name: string },
  ): Promise<{ person: Person; photos: Photo[]; usedAgain: number }> {
    const target = "id" in to ? to : { name: parseName(to.name) };
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const person = this.#enrolment.personOf(target);
      if (person.id === from) throw new UserError("gallery.photosTheirs", { name: person.name });
      const own = this.#ownPhotos(from, ids);
      this.#refuseUnused(from, ids);
      const moved = await this.#move(own, person);
      this.#host.changed();
      return { person, ...moved };
    });
  }

  /**
   * Two are one: photos, notes, groups, visits and corrections go over to the second, and the first is gone. What is
   * filled in of the second stays.
   * @returns usedAgain: how many photos that were left out are used now, since the second has none that is
   * @throws NotFound; a sentence when they are the same, or a photo of the first lies in the photo folder
   */
  async merge(from: string, into: string): Promise<Person & { usedAgain: number }> {
    return this.#host.exclusively(async () => {
      this.#host.refuseClosed();
      const [first, second] = [this.#host.directory.known(from), this.#host.directory.known(into)];
      if (from === into) throw new UserError("gallery.mergeSame");
      const photos = this.#ownPhotos(
        from,
        this.#host.directory.photosOf(from).map(({ id }) => id),
      );
      const person: Person = {
        ...second,
        notes: [second.notes, first.notes].filter((notes) => notes !== "").join("\n"),
        groups: [...new Set([...second.groups, ...first.groups])].sort(),
        consentOn: second.consentOn ?? first.consentOn,
        createdAt: Math.min(first.createdAt, second.createdAt),
        lastSeenAt: Math.max(first.lastSeenAt ?? 0, second.lastSeenAt ?? 0) || null,
      };
      // Two long notes may be too long together.
      parseOptions(personPatchSchema, { notes: person.notes, groups: person.groups }, phrase("gallery.mergedPerson"));
      await this.#keepPerson(person);
      await this.#moveAnchors(from, into);
      const { usedAgain } = await this.#move(photos, person);
      await this.#visiting.give({ person: from }, person);
      await this.#onMerged(from, person);
      await this.#sharing.merged(from, into);
      await this.#host.store.removePerson(from);
      this.#host.changed();
      return { ...this.#host.directory.known(into), usedAgain };
    });
  }

  /**
   * As merge, which was done at another site: what of the first is here alone is the second's. Who they are, and
   * photos that both sites have, come from there. Called exclusively, before the first is deleted.
   */
  async takeOver({ from, into, photos }: { from: Person; into: Person; photos: readonly Photo[] }): Promise<void> {
    const person = { ...into, lastSeenAt: Math.max(from.lastSeenAt ?? 0, into.lastSeenAt ?? 0) || null };
    if (person.lastSeenAt !== into.lastSeenAt) await this.#host.store.putPerson(person);
    await this.#moveAnchors(from.id, into.id);
    // The name of a file says whose it is.
    const own = photos.filter(({ origin }) => origin.by !== "folder");
    if (own.length > 0) await this.#move(own, person);
    await this.#visiting.give({ person: from.id }, person);
    await this.#onMerged(from.id, person);
  }

  /**
   * Somebody of whom nothing is known but photos was the second all along: their visits and what else is kept of them
   * beside photos is the second's, at other sites too. Called exclusively, before the first is deleted.
   */
  async absorb(from: Person, into: Person): Promise<void> {
    await this.takeOver({ from, into, photos: [] });
    await this.#sharing.merged(from.id, into.id);
  }

  async #moveAnchors(from: string, into: string): Promise<void> {
    const anchors = this.#host.store.anchors().filter(({ against }) => against === from);
    if (anchors.length === 0) return;
    await this.#host.store.putMany({ anchors: anchors.map((anchor) => ({ ...anchor, against: into })) });
  }

  /** Photos that can be moved. @throws NotFound; a sentence when one lies in the photo folder */
  #ownPhotos(personId: string, ids: readonly string[]): Photo[] {
    const photos = ids.map((id) => this.#host.directory.photoOf(personId, id));
    const filed = photos.flatMap(({ origin }) => (origin.by === "folder" ? [origin.file] : []))[0];
    if (filed !== undefined) throw new UserError("gallery.photoInFolder", { file: filed });
    return photos;
  }

  /**
   * What somebody left out comes back only when somebody says so: without these photos the person would never be
   * recognized, though some are left. Deleting or moving all of them is no such case. Called exclusively.
   * @throws a sentence
   */
  #refuseUnused(personId: string, ids: readonly string[]): void {
    const used = this.#host.search.roster.photosOf(personId);
    if (used.length === 0 || used.some((id) => !ids.includes(id))) return;
    if (![...this.#host.search.roster.leftOutOf(personId).keys()].some((id) => !ids.includes(id))) return;
    const { name } = this.#host.directory.known(personId);
    throw new UserError("gallery.neverAgain", { name });
  }

  /** The new before the old, so that a crash loses no photo. Called exclusively. */
  async #move(photos: readonly Photo[], person: Person): Promise<{ photos: Photo[]; usedAgain: number }> {
    const moved: NewPhoto[] = [];
    // Whoever has no other photo is to be known by these.
    const isOnly = this.#host.search.roster.photosOf(person.id).length === 0 && photos.every(isLeftOut);
    for (const photo of photos) {
      // What was said of it was said beside the photos of somebody else.
      const kept = withSure(isOnly ? withLeftOut(photo, false) : photo, false);
      const copy: Photo = { ...kept, id: idOfPhoto(photo.id, person.id), personId: person.id };
      const embeddings = (await this.#host.store.embeddingsOf(photo.id)).map((embedding) => ({
        ...embedding,
        photoId: copy.id,
        personId: person.id,
      }));
      moved.push({
        person,
        photo: copy,
        bytes: await this.#host.store.photoBytes(photo.id),
        thumbnail: await this.#host.store.thumbnail(photo.id),
        embeddings,
      });
    }
    await this.#host.store.putMany({ people: [person], photos: moved });
    await this.#host.store.removePhotos(photos.map(({ id }) => id));
    return { photos: moved.map(({ photo }) => photo), usedAgain: isOnly ? photos.length : 0 };
  }

  async #keepPerson(person: Person): Promise<Person> {
    this.#host.refuseClosed();
    await this.#host.store.putPerson(person);
    this.#host.changed();
    return person;
  }
}
