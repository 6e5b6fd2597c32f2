/** Records of people and photos, as they are first made. */
import type { Quality } from "../message";
import { contentHash, newId } from "./hash";
import type { Origin, Person, PersonFields, PersonPatch, Photo } from "./people";

const PHOTO_ID_LENGTH = 16;

export const NO_FIELDS: Omit<PersonFields, "name"> = {
  notes: "",
  groups: [],
  consentOn: null,
  validFrom: null,
  validUntil: null,
};

export function newPerson(fields: PersonFields): Person {
  return { ...fields, id: newId(), createdAt: Date.now(), lastSeenAt: null };
}

export function withPatch(person: Person, patch: PersonPatch): Person {
  return { ...person, ...Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) };
}

/** Nobody wrote anything about them. */
export function isBare({ notes, groups, consentOn, validFrom, validUntil }: Person): boolean {
  return notes === "" && groups.length === 0 && consentOn === null && validFrom === null && validUntil === null;
}

/** The same picture may be kept of two people, or lie in two files: `whose` is a person's id or a file. */
export function idOfPhoto(hash: string, whose: string): string {
  return contentHash(Buffer.from(`${whose} ${hash}`)).slice(0, PHOTO_ID_LENGTH);
}

/** What a photo is made of beside its person. */
export interface PhotoParts {
  hash: string;
  origin: Origin;
  size: number;
  quality: Quality | undefined;
  accepted: string[];
}

export function photoOf({ id: personId }: Person, { hash, origin, size, quality, accepted }: PhotoParts): Photo {
  const measured =
    quality === undefined
      ? null
      : { size: quality.size, blur: quality.blur, exposure: quality.exposure, ...quality.pose };
  return {
    id: idOfPhoto(hash, origin.by === "folder" ? origin.file : personId),
    personId,
    origin,
    addedAt: Date.now(),
    size,
    quality: measured,
    accepted,
  };
}

/** File names tell people's names; the key of a note does not. */
export function noteOf(file: string): string {
  return `faces ${contentHash(Buffer.from(file))}`;
}
