import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Orders } from "./enrolling-child";

const root = join(__dirname, "../../..");
const OPTIONS = [
  "--ignoreConfig",
  "--module",
  "node20",
  "--target",
  "es2023",
  "--types",
  "node",
  "--skipLibCheck",
  "--rootDir",
  root,
  "--typeRoots",
  join(root, "node_modules/@types"),
];
let compiled: string | undefined;

/**
 * Start a child that enrols for ever. Compiled once: loaded from TypeScript, most of fifty starts would be the
 * loader's.
 */
export function enrolling(orders: Orders): ChildProcessByStdio<null, Readable, null> {
  if (compiled === undefined) {
    compiled = mkdtempSync(join(tmpdir(), "enrolling-"));
    execFileSync(
      process.execPath,
      [
        join(root, "node_modules/typescript/bin/tsc"),
        ...OPTIONS,
        "--outDir",
        compiled,
        join(__dirname, "enrolling-child.ts"),
        join(root, "lib/people/lmdb/check-child.ts"),
      ],
      { stdio: "inherit" },
    );
  }
  return spawn(process.execPath, [join(compiled, "test/lib/people/enrolling-child.js"), JSON.stringify(orders)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_PATH: join(root, "node_modules") },
  });
}
