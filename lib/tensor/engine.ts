/** TF.js and the backend it runs on. Loaded in workers only. */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type * as Core from "@tensorflow/tfjs-core";
import { UserError } from "../errors";

export type Tf = typeof Core;
/** "onnx": our own networks run on an ONNX runtime, a user's TF.js model on WASM. */
export type EngineName = "wasm" | "tfjs-node" | "onnx";

const NATIVE_MODULE = "@tensorflow/tfjs-node";

let loaded: { native: boolean; tf: Promise<Tf> } | undefined;

/** Whether the native accelerator is installed here. */
export function tfjsNodeInstalled(): boolean {
  try {
    createRequire(__filename).resolve(NATIVE_MODULE);
    return true;
  } catch {
    return false;
  }
}

/**
 * TF.js on the asked backend, once a thread.
 * @throws a sentence when the accelerator is asked for and not installed, or cannot be loaded
 */
export function tensorEngine(name: EngineName): Promise<Tf> {
  const native = name === "tfjs-node";
  if (loaded?.native !== native) loaded = { native, tf: native ? loadNative() : loadWasm() };
  return loaded.tf;
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
  if (!tfjsNodeInstalled()) throw new UserError(`${NATIVE_MODULE} is not installed: run "npm install ${NATIVE_MODULE}" in the Node-RED user folder (it downloads libtensorflow), or choose the engine "TF.js WASM".`);
  try {
    const tf = createRequire(__filename)(NATIVE_MODULE) as Tf;
    await tf.ready();
    return tf;
  } catch (error) {
    throw new UserError(`${NATIVE_MODULE} is installed but cannot be loaded (${error instanceof Error ? error.message.split("\n")[0] : String(error)}): reinstall it, or choose the engine "TF.js WASM".`, { cause: error });
  }
}
