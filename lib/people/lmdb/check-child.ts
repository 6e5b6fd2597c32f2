/**
 * A process of its own looks through a database, because a damaged one may crash whoever reads it, and can copy it
 * without some of its
 * records. Reads its task from the standard input and writes to the standard output how many of these records there
 * were.
 */
import { open, type RootDatabase } from "lmdb";
import { storageReasonOf } from "../../storage";
import { allocateLock } from "./lmdb-lock";
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

type Lmdb = RootDatabase<Buffer, string>;

async function run({ path, copy }: Task): Promise<number> {
  await allocateLock(path);
  if (copy !== undefined) await allocateLock(copy.path);
  const from = open<Buffer, string>({ path, noSubdir: true, encoding: "binary", readOnly: true, cache: false });
  // Synced by whoever asked, once it is complete.
  const to: Lmdb | undefined =
    copy === undefined
      ? undefined
      : open<Buffer, string>({ path: copy.path, noSubdir: true, encoding: "binary", noSync: true, cache: false });
  const without = new Set(copy?.without);
  let counted = 0;
  let held = 0;
  let waiting: { key: string; value: Buffer }[] = [];
  const flush = (): void => {
    to?.transactionSync(() => {
      for (const { key, value } of waiting) to.putSync(key, value);
    });
    waiting = [];
  };
  for (const { key, value } of from.getRange()) {
    if (!isEncrypted(value)) noSecret.open(value, key);
    counted += 1;
    if (without.has(key)) held += 1;
    else if (to !== undefined && waiting.push({ key, value: Buffer.from(value) }) === BATCH) flush();
  }
  flush();
  // Each page of the tree was visited; the tree's own count must agree.
  const { entryCount } = from.getStats() as { entryCount?: number };
  if (entryCount !== undefined && entryCount !== counted) throw new Error("the number of records is wrong");
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

if (require.main === module) void main();
