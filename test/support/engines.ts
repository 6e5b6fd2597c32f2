/** Optional engines for tests: packages made on the spot, and a process of its own in which they are found. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Result, Step } from "./engine-run";

const TIMEOUT_MS = 240_000;

/** Where a test keeps its packages, and what they wrote down. */
export interface Folder {
  modules: string;
  log: string;
  /** As another Node.js would have it. */
  prelude: string;
}

export function emptyFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), "engines-"));
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "log"), "");
  return { modules: join(folder, "node_modules"), log: join(folder, "log"), prelude: "" };
}

/** A package of one file. Each time it is loaded it writes an "L" down. */
export function makePackage({ modules, log }: Folder, name: string, source: string): void {
  const folder = join(modules, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.js"), packageSource(log, source));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: "0.0.1", main: "index.js" }));
}

export function packageSource(log: string, source: string): string {
  return `const fs = require("node:fs");
const note = (what) => fs.appendFileSync(${JSON.stringify(log)}, what);
const loads = () => fs.readFileSync(${JSON.stringify(log)}, "utf8").split("L").length - 1;
const ours = require("node:module").createRequire(${JSON.stringify(__filename)});
note("L");
${source}`;
}

/**
 * What @tensorflow/tfjs-node does, on TF.js's own backend for any CPU: a second backend of the same tfjs-core. A "K"
 * for each convolution.
 */
export const SECOND_BACKEND = `
const util = require("node:util");
const tf = ours("@tensorflow/tfjs-core");
const { MathBackendCPU } = ours("@tensorflow/tfjs-backend-cpu");
for (const kernel of tf.getKernelsForBackend("cpu")) {
  const kernelFunc = kernel.kernelName !== "FusedConv2D" ? kernel.kernelFunc : (call) => {
    note("K");
    if (util.isNullOrUndefined(call.inputs.x)) throw new Error("no input");
    return kernel.kernelFunc(call);
  };
  tf.registerKernel({ ...kernel, backendName: "tensorflow", kernelFunc });
}
tf.registerBackend("tensorflow", () => new MathBackendCPU(), 3);
if (!tf.setBackend("tensorflow")) throw new Error("Could not initialize TensorFlow backend.");
module.exports = tf;
`;

/** onnxruntime-web under the name of onnxruntime-node. */
export const SECOND_RUNTIME = `
const ort = ours("onnxruntime-web");
ort.env.wasm.numThreads = 1;
module.exports = ort;
`;

/** Carry out steps one after the other in a process that finds these packages. @param more folders of packages */
export function runEngines(folder: Folder, steps: readonly Step[], more: readonly string[] = []): Promise<Result[]> {
  const preload = folder.prelude === "" ? [] : [`--require ${folder.prelude}`];
  const env = {
    ...process.env,
    NODE_PATH: [folder.modules, ...more].join(delimiter),
    NODE_OPTIONS: [process.env["NODE_OPTIONS"] ?? "", ...preload].join(" "),
  };
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      ["--import", "tsx", join(__dirname, "engine-run.ts"), JSON.stringify({ steps, log: folder.log })],
      { env, cwd: dirname(__dirname), timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 },
      (error, output, errors) => {
        if (error === null) done(JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Result[]);
        else fail(new Error(`the process ended with ${error.signal ?? error.code ?? "?"}:\n${errors}`));
      },
    );
  });
}
