/** What a change of the network would cost, and who could not come along. */
import type { PhotoEncoder } from "../enrol/photo-encoder";
import { isLeftOut } from "../people/marks";
import type { Photo } from "../people/people";
import { packEmbedding } from "../people/records";
import type { PeopleStore } from "../people/store";
import type { NetworkHost } from "./network-host";
import type { LeftBehind, NetworkEstimate } from "./network-state";
import { photosOf } from "./networks";

/** Photos on which it is measured how long one takes, the first of them loads the network and does not count. */
const SAMPLES = 3;

/** Who would come along to a network. */
export interface Coming {
  /** Of the network that decides. */
  deciding: string;
  /** Of the one that is to. */
  fingerprint: string;
  /** Photos that it cannot know. */
  lost: ReadonlySet<string>;
  lostStrangers: ReadonlySet<string>;
}

export function leftBehind(
  store: PeopleStore,
  host: NetworkHost,
  { deciding, fingerprint, lost, lostStrangers }: Coming,
): LeftBehind {
  const known = new Map<string, boolean>();
  let photos = 0;
  for (const { id, personId, accepted } of host.photos()) {
    if (!host.isKnown(id)) continue;
    if (lost.has(id)) photos += 1;
    // Nobody is known by what is left out.
    if (!isLeftOut({ accepted })) known.set(personId, (known.get(personId) ?? false) || !lost.has(id));
  }
  const people = [...known].filter(([, comes]) => !comes).map(([id]) => ({ id, name: host.nameOf(id) ?? id }));
  const strangers = host
    .strangers()
    .filter(
      (group) =>
        group.fingerprint !== fingerprint &&
        group.beside?.fingerprint !== fingerprint &&
        (group.pictures === 0 || lostStrangers.has(group.id)),
    ).length;
  const corrections = store.anchors().filter((anchor) => anchor.fingerprint === deciding).length;
  return { photos, people, strangers, corrections };
}

/**
 * Measured, on a few photos of this gallery.
 * @param key of the network @param deciding fingerprint of the one that decides
 * @throws a sentence when the network cannot be used
 */
export async function estimateNetwork(
  store: PeopleStore,
  host: NetworkHost,
  { key, encoder, deciding }: { key: string; encoder: PhotoEncoder; deciding: string },
): Promise<NetworkEstimate> {
  await encoder.warmUp?.();
  const known = await photosOf(store, encoder.fingerprint);
  const photos = [...host.photos()].filter(({ id }) => !known.has(id));
  const there = photos.filter(hasPicture);
  const times: number[] = [];
  for (const photo of there.slice(0, SAMPLES)) {
    const bytes = await host.bytesOf(photo);
    const start = performance.now();
    if (bytes !== undefined) await encoder.encode(bytes, true).catch(() => []);
    times.push(performance.now() - start);
  }
  const counted = times.length > 1 ? times.slice(1) : times;
  const each = counted.reduce((sum, ms) => sum + ms, 0) / counted.length;
  const record = (photo: Photo): number =>
    packEmbedding({
      photoId: photo.id,
      personId: photo.personId,
      model: encoder.model,
      fingerprint: encoder.fingerprint,
      vector: new Float32Array(encoder.dimensions ?? 1),
    }).length;
  const lost = new Set(photos.filter((photo) => !hasPicture(photo)).map(({ id }) => id));
  return {
    key,
    model: encoder.model,
    photos: there.length,
    seconds: times.length === 0 ? null : (each * there.length) / 1000,
    bytes: there.reduce((sum, photo) => sum + record(photo), 0),
    leftBehind: leftBehind(store, host, {
      deciding,
      fingerprint: encoder.fingerprint,
      lost,
      lostStrangers: new Set(),
    }),
    threshold: encoder.threshold,
    cohortThreshold: encoder.normalisation?.threshold ?? null,
  };
}

/** Whether there is one to embed anew. */
export function hasPicture({ size, origin }: Photo): boolean {
  return size > 0 || origin.by === "folder";
}
