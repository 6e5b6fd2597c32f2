/**
 * A process of its own looks through a database, because a damaged one may crash whoever reads it, and can copy it
 * without some of its
 * records. Reads its task from the standard input and writes to the standard output how many of these records there
 * were.
 */
import { Fault } from "../../errors";
import { storageReasonOf } from "../../storage";
import { openLmdb } from "./open";
import { Room } from "./room";
import { isEncrypted, noSecret } from "./secret";

/** Ends with it when the database cannot be read from end to end. */
export const UNSOUND = 3;
/** Ends with it when the disk refuses, which says nothing of the database; the reason goes to the standard output. */
export const REFUSED = 4;

/** Records of a transaction. */
const BATCH = 1000;

export interface Task {
  path: string;
  /** Where the copy goes, and what it leaves out. */
  copy?: { path: string; without: readonly string[] };
}

async function run({ path, copy }: Task): Promise<number> {
  const from = await openLmdb(path, { readOnly: true });
  // Synced by whoever asked, once it is complete.
  const to = copy === undefined ? undefined : await openLmdb(copy.path, { noSync: true });
  const room = to === undefined || copy === undefined ? undefined : await Room.open(copy.path, to);
  const without = new Set(copy?.without);
  let counted = 0;
  let held = 0;
  let waiting: (readonly [key: string, value: Buffer])[] = [];
  const flush = async (): Promise<void> => {
    await room?.take({ put: waiting, makesRoom: true });
    to?.transactionSync(() => {
      for (const [key, value] of waiting) to.putSync(key, value);
    });
    waiting = [];
  };
  for (const { key, value } of from.getRange()) {
    if (!isEncrypted(value)) noSecret.open(value, key);
    counted += 1;
    if (without.has(key)) held += 1;
    else if (to !== undefined && waiting.push([key, Buffer.from(value)]) === BATCH) await flush();
  }
  await flush();
  // Each page of the tree was visited; the tree's own count must agree.
  const { entryCount } = from.getStats() as { entryCount?: number };
  if (entryCount !== undefined && entryCount !== counted) throw new Fault("the number of records is wrong");
  await room?.giveBack();
  await room?.close();
  await to?.close();
  return held;
}

async function main(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const task = JSON.parse(Buffer.concat(chunks).toString()) as Task;
  const [said, code] = await run(task).then(
    (held) => [String(held), 0] as const,
    (error: unknown) => {
      const reason = storageReasonOf(error);
      return reason === undefined ? (["", UNSOUND] as const) : ([reason, REFUSED] as const);
    },
  );
  process.stdout.write(said, () => process.exit(code));
}

if (require.main === module) main().catch(() => process.exit(UNSOUND));
