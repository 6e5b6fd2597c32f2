/**
 * onnxruntime-node (native, fast) and onnxruntime-web (WASM), both optional and found at run time. Loaded in workers
 * only.
 */
import { createRequire } from "node:module";
import { EngineError } from "./engine";
import { OnnxGraph } from "./onnx-writer";
import { errorMessage, UserError } from "../errors";

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

/** @throws EngineError when it cannot be loaded */
export function onnxRuntime(name: RuntimeName): Ort {
  try {
    const ort = createRequire(__filename)(name) as Ort;
    // Its own worker threads would outlive ours; the pool is the parallelism.
    if (name === "onnxruntime-web" && ort.env?.wasm !== undefined) ort.env.wasm.numThreads = 1;
    return ort;
  } catch (error) {
    throw new EngineError(errorMessage(error), { cause: error });
  }
}

/**
 * A network of ours on one runtime, as a function from rows of numbers to rows of numbers.
 * @param shape of one row of the input, unless a run says another
 * @throws EngineError when the runtime cannot be loaded, or does not take the network
 */
export async function openNetwork(
  model: Uint8Array,
  shape: readonly number[],
  name: RuntimeName,
  options: object = ONE_THREAD,
): Promise<{
  run(rows: readonly Float32Array[], shapeNow?: readonly number[]): Promise<Float32Array[]>;
  dispose(): void;
}> {
  const ort = onnxRuntime(name);
  let session: OrtSession;
  try {
    session = await ort.InferenceSession.create(model, options);
  } catch (error) {
    throw new EngineError(errorMessage(error), { cause: error });
  }
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string];
  return {
    dispose: () => {
      session.release().catch(() => undefined);
    },
    async run(rows, shapeNow = shape) {
      const length = shapeNow.reduce((product, side) => product * side, 1);
      const batch = new Float32Array(rows.length * length);
      rows.forEach((row, index) => batch.set(row, index * length));
      const result = await session.run({ [input]: new ort.Tensor("float32", batch, [rows.length, ...shapeNow]) });
      const { data } = result[output] as OrtTensor;
      const width = data.length / rows.length;
      return rows.map((_, index) => data.slice(index * width, (index + 1) * width));
    },
  };
}

/** Load onnxruntime-node and run a layer of our networks' kind. @throws UserError, EngineError, or what it throws */
export async function tryOnnxRuntime(): Promise<void> {
  const graph = new OnnxGraph();
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const x = graph.add("Conv", ["x", graph.filters(ones(9), [3, 3, 1, 1]), graph.constant(ones(1), [1])], {
    kernel_shape: [3, 3],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
  });
  const net = await openNetwork(
    graph.finish("x", ["n", 1, 3, 3], graph.add("Flatten", [graph.add("Relu", [x])]), ["n", 1]),
    [1, 3, 3],
    "onnxruntime-node",
  );
  const [row] = await net.run([ones(9)]);
  net.dispose();
  if (row?.[0] !== 10) throw new UserError("tensor.wrongNumbers", { sum: String(row?.[0]) });
}
