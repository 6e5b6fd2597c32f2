/**
 * A worker that does what its task says: dies, hangs, throws, breaks or answers; or cannot even start, where
 * FAULTY_WORKER says so.
 */
import { setTimeout } from "node:timers/promises";
import { UserError } from "../../lib/errors";
import { serve } from "../../lib/workers/serve";

if (process.env["FAULTY_WORKER"] === "broken") throw new Error("no room");

/** How long "rest" takes. */
export const REST_MS = 700;

export type What =
  | "die"
  | "hang"
  | "throw"
  | "refuse"
  | "throw a number"
  | "throw nothing"
  | "trap"
  | "refuse for a trap"
  | "answer"
  | "rest"
  | "count";

/** A WASM module whose function "run" traps. */
const TRAP = Uint8Array.of(
  0,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  1,
  4,
  1,
  0x60,
  0,
  0,
  3,
  2,
  1,
  0,
  7,
  7,
  1,
  3,
  0x72,
  0x75,
  0x6e,
  0,
  0,
  10,
  5,
  1,
  3,
  0,
  0,
  0x0b,
);

interface WebAssemblyGlobal {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: { run(): void } };
}

function trap(): void {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;
  new Instance(new Module(TRAP)).exports.run();
}

let tasks = 0;

export default serve(async (what: What) => {
  tasks += 1;
  if (what === "die") process.exit(3);
  if (what === "throw") throw new Error("as asked");
  if (what === "refuse") throw new UserError("send another picture.");
  // oxlint-disable-next-line no-throw-literal -- as Emscripten does it with C++ exceptions
  if (what === "throw a number") throw 1865568;
  // oxlint-disable-next-line no-throw-literal
  if (what === "throw nothing") throw undefined;
  if (what === "trap") trap();
  if (what === "refuse for a trap") {
    try {
      trap();
    } catch (error) {
      throw new UserError("send a smaller picture.", { cause: error });
    }
  }
  if (what === "rest") await setTimeout(REST_MS);
  if (what === "hang") await new Promise(() => undefined);
  return what === "count" ? String(tasks) : "done";
});
