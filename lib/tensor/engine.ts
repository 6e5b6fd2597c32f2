/**
 * TF.js and the backend it runs on. Loaded in workers only, and in each on one backend only: tfjs-core has one for all
 * that it runs.
 */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import util from "node:util";
import type * as Core from "@tensorflow/tfjs-core";
import { NATIVE_MODULES } from "./engines";
import { errorMessage, UserError } from "../errors";

export type Tf = typeof Core;
export type TensorBackend = "wasm" | "tfjs-node";

/** An engine that cannot be loaded or run: its message says why. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

let loaded: { backend: TensorBackend; tf: Promise<Tf> } | undefined;

/**
 * TF.js on the asked backend, once a thread.
 * @throws EngineError when it cannot be loaded, or the thread has another backend
 */
export async function tensorEngine(backend: TensorBackend): Promise<Tf> {
  loaded ??= { backend, tf: backend === "wasm" ? loadWasm() : loadNative() };
  // A second backend would move the networks of the first, which are loaded already, onto it.
  if (loaded.backend !== backend) throw new EngineError(`this thread runs TF.js on ${loaded.backend} already`);
  try {
    return await loaded.tf;
  } catch (error) {
    loaded = undefined;
    throw error;
  }
}

/** What TF.js runs on at this moment, for people to read. */
export function runsOn(tf: Tf): string {
  return `TF.js ${tf.getBackend()}`;
}

async function loadWasm(): Promise<Tf> {
  const tf = await import("@tensorflow/tfjs-core");
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(dirname(createRequire(__filename).resolve("@tensorflow/tfjs-backend-wasm")) + sep);
  await tf.setBackend("wasm");
  await tf.ready();
  return tf;
}

async function loadNative(): Promise<Tf> {
  restoreUtil();
  try {
    const tf = createRequire(__filename)(NATIVE_MODULES["tfjs-node"]) as Tf;
    await tf.ready();
    return tf;
  } catch (error) {
    throw new EngineError(errorMessage(error), { cause: error });
  }
}

/**
 * tfjs-node 4.22 calls two functions of node:util that Node.js 23 took away (tensorflow/tfjs,
 * nodejs_kernel_backend.ts).
 */
function restoreUtil(): void {
  const gone = util as { isArray?: (value: unknown) => boolean; isNullOrUndefined?: (value: unknown) => boolean };
  gone.isArray ??= Array.isArray;
  gone.isNullOrUndefined ??= (value) => value === undefined || value === null;
}

/** Load native TensorFlow and run a layer of our networks' kind. @throws UserError, EngineError, or what it throws */
export async function tryTensorFlow(): Promise<void> {
  const tf = await tensorEngine("tfjs-node");
  const [sum] = tf.tidy(() => {
    const x = tf.fused.conv2d({
      x: tf.ones<Core.Rank.R4>([1, 4, 4, 1]),
      filter: tf.ones<Core.Rank.R4>([3, 3, 1, 1]),
      bias: tf.ones<Core.Rank.R1>([1]),
      strides: 1,
      pad: "valid",
      activation: "relu",
    });
    return tf.maxPool(x, 2, 1, "valid").dataSync();
  });
  if (sum !== 10) throw new UserError("tensor.wrongNumbers", { sum: String(sum) });
}
