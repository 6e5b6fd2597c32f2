/**
 * Which network a gallery decides with, and which it is to change to: what is written down, and how that is read at
 * the start.
 */
import { z } from "zod";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import type { PeopleStore } from "../people/store";

/** A network that can be opened. */
export interface Network {
  /** What findModel takes: a built-in id, a pack's, or the path of a descriptor. */
  key: string;
  /** Id, as it stands in `face.model`. */
  model: string;
  fingerprint: string;
}

export interface OpenNetwork {
  key: string;
  encoder: PhotoEncoder;
}

/** Opens a network by its key. @throws a sentence when there is none */
export type OpenNetworkBy = (key: string) => Promise<PhotoEncoder>;

const networkSchema = z.object({
  key: z.string().max(5000),
  model: z.string().max(200),
  fingerprint: z.string().max(200),
});

/** What the store keeps of it, under one key: one write changes the network. */
const noteSchema = z.object({
  /** The key in the gallery's form, as it was when this was written. */
  form: z.string(),
  /** What is wanted: the form's, or what was chosen since. */
  target: z.string(),
  /** What decides who somebody is. */
  deciding: networkSchema,
  /** What decided before; its embeddings are kept until then, ms since the epoch, or until they were given up (0). */
  previous: networkSchema.extend({ until: z.number() }).optional(),
  /** A change that was offered and is not wanted. */
  dismissed: z.string().optional(),
});

export type NetworkNote = z.infer<typeof noteSchema>;

const NOTE = "network";
/** Somebody has a month to go back, as to what was set aside. */
const PREVIOUS_MS = 30 * 86_400_000;

export function networkOf({ key, encoder: { model, fingerprint } }: OpenNetwork): Network {
  return { key, model, fingerprint };
}

export function until(now: number): number {
  return now + PREVIOUS_MS;
}

export function readNetworkNote(store: PeopleStore): NetworkNote | undefined {
  const note = noteSchema.safeParse(store.note(NOTE));
  return note.success ? note.data : undefined;
}

/** On disk when it resolves; one transaction. @throws StorageError */
export function writeNetworkNote(store: PeopleStore, note: NetworkNote): Promise<void> {
  return store.putNote(NOTE, note);
}

export interface Chosen {
  deciding: OpenNetwork;
  /** What the gallery is changing to. */
  next: OpenNetwork | undefined;
  note: NetworkNote;
}

/**
 * What decides, and what is to. The old network decides until every photo that it knows is known to the new one too;
 * where it cannot be
 * opened any more the new one decides at once.
 * @param form the key in the gallery's form
 * @throws a sentence when the network that is wanted cannot be opened
 */
export async function chooseNetworks(store: PeopleStore, form: string, open: OpenNetworkBy): Promise<Chosen> {
  const note = readNetworkNote(store);
  const target = note === undefined || note.form !== form ? form : note.target;
  const wanted = { key: target, encoder: await open(target) };
  const kept = note?.previous === undefined ? {} : { previous: note.previous };
  const said = note?.dismissed === undefined ? {} : { dismissed: note.dismissed };
  const noted = (deciding: Network, rest: Pick<NetworkNote, "previous"> = kept): NetworkNote => ({
    form,
    target,
    deciding,
    ...rest,
    ...said,
  });
  const before = note?.deciding ?? (await decidedBefore(store, wanted));
  if (before === undefined || before.fingerprint === wanted.encoder.fingerprint)
    return { deciding: wanted, next: undefined, note: noted(networkOf(wanted)) };
  const old = await open(before.key).catch(() => undefined);
  if (old?.fingerprint !== before.fingerprint)
    return { deciding: wanted, next: undefined, note: noted(networkOf(wanted)) };
  if (await covers(store, wanted.encoder.fingerprint, before.fingerprint))
    return {
      deciding: wanted,
      next: undefined,
      note: noted(networkOf(wanted), { previous: { ...before, until: until(Date.now()) } }),
    };
  return { deciding: { key: before.key, encoder: old }, next: wanted, note: noted(before) };
}

/**
 * Of a gallery that did not write it down: the network that knows most of the photos, where the wanted one knows less
 * than half of them.
 */
async function decidedBefore(
  store: PeopleStore,
  { encoder: { fingerprint } }: OpenNetwork,
): Promise<Network | undefined> {
  const counts = new Map<string, { model: string; count: number }>();
  for await (const { model, fingerprint: each } of store.embeddings())
    counts.set(each, { model, count: (counts.get(each)?.count ?? 0) + 1 });
  const [most] = [...counts].filter(([each]) => each !== fingerprint).sort(([, a], [, b]) => b.count - a.count);
  if (most === undefined || 2 * (counts.get(fingerprint)?.count ?? 0) >= most[1].count) return undefined;
  return { key: most[1].model, model: most[1].model, fingerprint: most[0] };
}

/** Whether one network knows every photo that the other one knows. */
async function covers(store: PeopleStore, fingerprint: string, other: string): Promise<boolean> {
  const known = await photosOf(store, fingerprint);
  for await (const { photoId } of store.embeddings(other)) if (!known.has(photoId)) return false;
  return true;
}

/** Ids of the photos that have an embedding. */
export async function photosOf(store: PeopleStore, fingerprint: string): Promise<Set<string>> {
  const photos = new Set<string>();
  for await (const { photoId } of store.embeddings(fingerprint)) photos.add(photoId);
  return photos;
}
