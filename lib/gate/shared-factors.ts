/**
 * Second factors of a gallery, for all of its gates that share them, and how often each person failed with them at any
 * of these: opened by the first gate, closed after the last. A gate that had a set of its own brings it along once.
 */
import { join } from "node:path";
import { closeToOthers, removeDurable } from "../files";
import { contentHash } from "../people/hash";
import { type HandOver, takeLock } from "../people/lmdb/lock";
import type { Clock } from "./core";
import { Factors, factorsSchema, type KeptFactors } from "./factors";
import { KeptFile, secretOf } from "./kept-file";
import { PeopleFailures, peopleSchema } from "./lockouts";
import { SerialQueue } from "../workers/serial-queue";

export const FACTORS_FILE = "factors";
const FAILURES_FILE = "failures";

export interface FactorSet {
  factors: Factors;
  /** Of the people at all gates that share the set; undefined where one gate has it alone. */
  failures: PeopleFailures | undefined;
  /** What is counted there is on the disk once this resolves. @throws StorageError */
  keep(): Promise<void>;
  /** Once nothing of it is used any more. */
  release(): Promise<void>;
}

export interface SharedParts {
  folder: string;
  /** The gallery's pass phrase. */
  key: string | undefined;
  clock: Clock;
  handOver: HandOver;
}

interface Shared {
  opening: Promise<FactorSet>;
  users: number;
}

/** By folder and pass phrase: after that was changed the next set waits for the one before to be closed. */
const sets = new Map<string, Shared>();

/** @throws a sentence when what is kept cannot be read, or another Node-RED has it; StorageError */
export async function shareFactors(parts: SharedParts): Promise<FactorSet> {
  const id = `${parts.folder}\n${contentHash(Buffer.from(parts.key ?? ""))}`;
  const before = sets.get(id);
  const shared = before ?? { opening: open(parts), users: 0 };
  sets.set(id, shared);
  shared.users += 1;
  let left = false;
  /** @returns whether nobody uses it any more */
  const leave = (): boolean => {
    if (left) return false;
    left = true;
    shared.users -= 1;
    if (shared.users === 0 && sets.get(id) === shared) sets.delete(id);
    return shared.users === 0;
  };
  try {
    const set = await shared.opening;
    return { ...set, release: async () => (leave() ? set.release() : undefined) };
  } catch (error) {
    if (sets.get(id) === shared) sets.delete(id);
    leave();
    // It may have waited for somebody else, and its gate was closed meanwhile.
    if (before !== undefined && !parts.handOver.signal.aborted) return shareFactors(parts);
    throw error;
  }
}

async function open({ folder, key, clock, handOver }: SharedParts): Promise<FactorSet> {
  await closeToOthers(folder);
  const lock = await takeLock(folder, undefined, handOver);
  try {
    const secret = await secretOf(folder, key);
    const factors = await Factors.open(factorsIn(folder, secret), clock);
    const file = new KeptFile(join(folder, FAILURES_FILE), secret, peopleSchema);
    const kept = (await file.read()) ?? {};
    const failures = new PeopleFailures(() => clock.elapsed(), kept);
    const writes = new SerialQueue();
    let written = JSON.stringify(kept);
    return {
      factors,
      failures,
      keep: () =>
        writes.run(async () => {
          const { kept: now } = failures;
          const text = JSON.stringify(now);
          if (text === written) return;
          await file.write(now);
          written = text;
        }),
      release: async () => {
        await factors.idle();
        await writes.idle();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Where they are kept in a folder, a gate's or a gallery's. */
export function factorsIn(folder: string, secret: Awaited<ReturnType<typeof secretOf>>): KeptFile<KeptFactors> {
  return new KeptFile(join(folder, FACTORS_FILE), secret, factorsSchema);
}

/** What a gate kept for itself is the gallery's from now on: there first, then gone here. @throws as takeIn */
export async function bringAlong(own: KeptFile<KeptFactors>, folder: string, factors: Factors): Promise<void> {
  const kept = await own.read();
  if (kept === undefined) return;
  await factors.takeIn(kept);
  await removeDurable([join(folder, FACTORS_FILE)]);
}
