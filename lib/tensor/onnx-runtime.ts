/** onnxruntime-node (native, fast) and onnxruntime-web (WASM), both optional and found at run time. Loaded in workers only. */
import { createRequire } from "node:module";
import { UserError } from "../errors";

const RUNTIMES = ["onnxruntime-node", "onnxruntime-web"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

export interface OrtTensor {
  data: Float32Array;
}

export interface OrtSession {
  inputNames: readonly string[];
  outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

export interface Ort {
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array, options?: object): Promise<OrtSession> };
  env?: { wasm?: { numThreads?: number } };
}

/** For sessions: the pool's workers are the parallelism. */
export const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1 };

/** The runtime to use, or undefined where none is installed. `only` is for comparing the two. */
export function findOnnxRuntime(only?: RuntimeName): { name: RuntimeName; ort: Ort } | undefined {
  const here = createRequire(__filename);
  for (const name of only === undefined ? RUNTIMES : [only]) {
    try {
      const ort = here(name) as Ort;
      // Its own worker threads would outlive ours; the pool is the parallelism.
      if (name === "onnxruntime-web" && ort.env?.wasm !== undefined) ort.env.wasm.numThreads = 1;
      return { name, ort };
    } catch {
      // Not installed, or its native part is missing: try the next.
    }
  }
  return undefined;
}

/**
 * A network of ours on one runtime, as a function from rows of numbers to rows of numbers.
 * @param shape of one row of the input
 * @throws a sentence when the runtime is not installed
 */
export async function openNetwork(model: Uint8Array, shape: readonly number[], name: RuntimeName, options: object = ONE_THREAD): Promise<{ run(rows: readonly Float32Array[]): Promise<Float32Array[]>; dispose(): void }> {
  const runtime = findOnnxRuntime(name);
  if (runtime === undefined) throw new UserError(`the engine "ONNX" needs ${name}, which is not installed: run "npm install ${name}" (set onnxruntime-node-install=skip in .npmrc to download nothing) in the Node-RED user folder, or choose the engine "TF.js WASM".`);
  const { ort } = runtime;
  const session = await ort.InferenceSession.create(model, options);
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string];
  const length = shape.reduce((product, side) => product * side, 1);
  return {
    dispose: () => void session.release(),
    async run(rows) {
      const batch = new Float32Array(rows.length * length);
      rows.forEach((row, index) => batch.set(row, index * length));
      const result = await session.run({ [input]: new ort.Tensor("float32", batch, [rows.length, ...shape]) });
      const { data } = result[output] as OrtTensor;
      const width = data.length / rows.length;
      return rows.map((_, index) => data.slice(index * width, (index + 1) * width));
    },
  };
}
