/** A process of its own looks through a database: a damaged one may crash whoever reads it. Ends with 0 when all is well. */
import { open } from "lmdb";
import { isEncrypted, noSecret } from "./secret";

const [, , path = ""] = process.argv;

function check(): void {
  const lmdb = open<Buffer, string>({ path, noSubdir: true, encoding: "binary", readOnly: true, cache: false });
  let counted = 0;
  for (const { key, value } of lmdb.getRange()) {
    if (!isEncrypted(value)) noSecret.open(value, key);
    counted += 1;
  }
  // Each page of the tree was visited; the tree's own count must agree.
  const { entryCount } = lmdb.getStats() as { entryCount?: number };
  if (entryCount !== undefined && entryCount !== counted) throw new Error("the number of records is wrong");
}

try {
  check();
  process.exit(0);
} catch {
  process.exit(1);
}
