import { type ChildProcess, type ChildProcessByStdio, execFileSync, fork, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Orders as PuttingOrders } from "../visits/putting-child";
import type { Orders } from "./enrolling-child";
import type { Orders as ImportingOrders } from "./importing-child";

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
const compiled = new Map<string, string>();

/**
 * Start a child that writes for ever. Compiled once: loaded from TypeScript, most of fifty starts would be the
 * loader's.
 * @param file under test/lib, without its ending
 */
function startCompiled(file: string, orders: object): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [compiledOf(file), JSON.stringify(orders)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: CHILD_ENV,
  });
}

/** As startCompiled; what it says comes by messages, Buffers as they are. */
export function forkCompiled(file: string, orders: object): ChildProcess {
  return fork(compiledOf(file), [JSON.stringify(orders)], { serialization: "advanced", env: CHILD_ENV, execArgv: [] });
}

const CHILD_ENV = { ...process.env, NODE_PATH: join(root, "node_modules") };

function compiledOf(file: string): string {
  let folder = compiled.get(file);
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), "children-"));
    execFileSync(
      process.execPath,
      [
        join(root, "node_modules/typescript/bin/tsc"),
        ...OPTIONS,
        "--outDir",
        folder,
        join(root, "test/lib", `${file}.ts`),
        join(root, "lib/people/lmdb/check-child.ts"),
      ],
      { stdio: "inherit" },
    );
    compiled.set(file, folder);
  }
  return join(folder, "test/lib", `${file}.js`);
}

export const enrolling = (orders: Orders): ChildProcessByStdio<null, Readable, null> =>
  startCompiled("people/enrolling-child", orders);

export const importing = (orders: ImportingOrders): ChildProcessByStdio<null, Readable, null> =>
  startCompiled("people/importing-child", orders);

export const putting = (orders: PuttingOrders): ChildProcessByStdio<null, Readable, null> =>
  startCompiled("visits/putting-child", orders);
