import type { Person } from "../../../lib/people/people";
import type { NewPhoto, PeopleStore } from "../../../lib/people/store";

const DIMENSIONS = 128;

export const idOf = (number: number, salt = "a"): string => `${salt}${number.toString(16).padStart(11, "0")}`;

export const personOf = (number: number): Person => ({
  id: idOf(number),
  name: `Person ${number}`,
  notes: `a secret note about ${number}`,
  groups: ["family"],
  consentOn: "2026-11-24",
  validFrom: null,
  validUntil: 9e12,
  createdAt: 1,
  lastSeenAt: null,
});

/** Numbers by which it can be told whose it is. */
export const vectorOf = (number: number): Float32Array =>
  Float32Array.from({ length: DIMENSIONS }, (_, index) => number + index / 1000);

/** A "JPEG" that holds a number, long enough to need several pages. */
export const pictureOf = (number: number, what = "photo"): Buffer =>
  Buffer.concat([Buffer.of(0xff, 0xd8, 0xff), Buffer.from(`the ${what} of ${number} `.repeat(300))]);

/** Person, photo, thumbnail and embedding number so and so. */
export const entryOf = (number: number): NewPhoto => ({
  person: personOf(number),
  photo: {
    id: idOf(number, "b"),
    personId: idOf(number),
    origin: { by: "upload" },
    addedAt: 2,
    size: pictureOf(number).length,
    quality: { size: 50, blur: 90, yaw: 1, pitch: 2, roll: 3, exposure: 120 },
    accepted: [],
  },
  bytes: pictureOf(number),
  thumbnail: pictureOf(number, "thumbnail"),
  embeddings: [
    { photoId: idOf(number, "b"), personId: idOf(number), model: "m", fingerprint: "f", vector: vectorOf(number) },
  ],
});

/**
 * Whether a person is there with all that belongs to them, unharmed.
 * @param embedded embeddings by photo; not looked at without
 */
export async function isWhole(
  store: PeopleStore,
  number: number,
  embedded?: ReadonlyMap<string, Float32Array>,
): Promise<boolean> {
  const id = idOf(number, "b");
  const embedding = embedded?.get(id);
  return (
    store.person(idOf(number))?.notes === personOf(number).notes &&
    store.photo(id)?.personId === idOf(number) &&
    (embedded === undefined ||
      (embedding !== undefined && vectorOf(number).every((value, index) => value === embedding[index]))) &&
    (await store.photoBytes(id))?.equals(pictureOf(number)) === true &&
    (await store.thumbnail(id))?.equals(pictureOf(number, "thumbnail")) === true
  );
}
