/** Compares all that the log has with a store, record by record, while both go on. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import type { PeopleStore } from "../people/store";
import type { ChangeLog, Logged } from "./change-log";
import {
  bodyOf,
  digestOf,
  fromContent,
  isPictureKind,
  keyOf,
  logIdOf,
  type RecordKey,
  type SharedRecord,
  StoreReader,
} from "./records";
import type { Sealing } from "./sealing";
import type { SharedBook } from "./shared-book";
import type { Verified } from "./verified";

export interface VerifyingOptions {
  log: ChangeLog;
  store: PeopleStore;
  /** Whose entries are shared, where somebody keeps it here. */
  book: SharedBook | undefined;
  sealing: Sealing;
  /** All that is shared and here. */
  keys: () => AsyncIterable<RecordKey>;
  /** Whether a record of others need not be here. */
  isLeft: (record: SharedRecord) => boolean;
  /** Whether the log need not have what is here. */
  isHereAlone: (key: RecordKey) => Promise<boolean>;
  /** Whether strangers are shared. */
  strangers: boolean;
  /** Once all that is known now is told and followed. */
  settled: () => Promise<void>;
  isClosed: () => boolean;
  onProgress: (progress: { done: number; of: number }) => void;
  /** All in all, in ms. */
  mostMs: number;
}

const DIGEST_BYTES = 32;
/** Records that are compared before others of this thread have their turn. */
const TURN = 50;
/** What seemed to differ, as it was changed meanwhile: these are looked at again, one by one. */
const MOST_DOUBTFUL = 1000;
/** … and so often, as long as it differs. */
const MOST_TRIES = 3;

/** @throws a sentence where the database does not answer, or it takes too long */
export async function verifyLog({
  log,
  store,
  book,
  sealing,
  keys,
  isLeft,
  isHereAlone,
  strangers,
  settled,
  isClosed,
  onProgress,
  mostMs,
}: VerifyingOptions): Promise<Verified> {
  const begun = performance.now();
  let compared = 0;
  const turn = async (): Promise<void> => {
    compared += 1;
    if (compared % TURN > 0) return;
    await sleep(0);
    if (isClosed()) throw new UserError("people.closed");
    if (performance.now() - begun > mostMs) throw new UserError("sites.verifyLate", { minutes: mostMs / 60_000 });
  };
  const digestHere = async (key: RecordKey, reader = new StoreReader(store, book)): Promise<string | undefined> => {
    const mine = await reader.read(key);
    return mine && digestOf(bodyOf(mine));
  };
  let [records, people, photos, differing] = [0, 0, 0, 0];
  /** Undefined of what is not compared; null of what nobody can read. */
  const readIn = ({
    kind,
    id,
    content,
  }: Logged): { key: RecordKey; record: SharedRecord; digest: string } | null | undefined => {
    if (content === null || kind === "merge" || (kind === "unknown" && !strangers)) return undefined;
    if (kind === "checkIn" && book === undefined) return undefined;
    try {
      const read = fromContent(kind, sealing.open(kind, id, content), book);
      return { key: keyOf(read.record), record: read.record, digest: digestOf(read.body) };
    } catch (error) {
      if (error instanceof UserError) throw error;
      return null;
    }
  };

  const there = new Set<string>();
  const doubtful: RecordKey[] = [];
  const doubt = (key: RecordKey): void => {
    if (doubtful.length < MOST_DOUBTFUL) doubtful.push(key);
    else differing += 1;
  };
  // Of all records, in whatever order they are read.
  const digest = Buffer.alloc(DIGEST_BYTES);
  // What is changed from now on has a higher number, and need not be read: it ends, whatever others write.
  let head = 0;
  for (let number = 0; number === 0 || number < head;) {
    const page = await log.after(number);
    if (number === 0) head = page.head;
    const reader = new StoreReader(store, book);
    for (const change of page.changes) {
      await turn();
      const read = readIn(change);
      if (read === undefined) continue;
      if (read === null) {
        differing += 1;
        there.add(`${change.kind} ${change.id}`);
        continue;
      }
      const { key } = read;
      records += 1;
      if (key.kind === "person") people += 1;
      if (key.kind === "photo") photos += 1;
      if (!isPictureKind(key.kind)) there.add(`${change.kind} ${change.id}`);
      const own = createHash("sha256").update(`${change.kind} ${change.id} ${read.digest}`).digest();
      for (const [at, byte] of own.entries()) digest[at] = (digest[at] ?? 0) ^ byte;
      const here = await digestHere(key, reader);
      if (here !== read.digest && (here !== undefined || !isLeft(read.record))) doubt(key);
    }
    number = page.changes.at(-1)?.number ?? Math.max(head, 1);
    onProgress({ done: Math.min(number, head), of: head });
  }
  // Whoever only reads may have people of their own.
  if (!log.readOnly)
    for await (const key of keys()) {
      await turn();
      if (isPictureKind(key.kind) || there.has(`${key.kind} ${logIdOf(sealing, key)}`)) continue;
      if (!(await isHereAlone(key))) doubt(key);
    }
  const isSame = async (key: RecordKey): Promise<boolean> => {
    const logged = await log.record(key.kind, logIdOf(sealing, key));
    const read = logged && readIn(logged);
    return read !== null && read?.digest === (await digestHere(key));
  };
  for (const key of doubtful) {
    let same = false;
    for (let tries = 0; !same && tries < MOST_TRIES; tries += 1) {
      await turn();
      await settled();
      same = await isSame(key);
    }
    if (!same) differing += 1;
  }
  return { records, people, photos, digest: digest.toString("hex").slice(0, DIGEST_BYTES), differing };
}
