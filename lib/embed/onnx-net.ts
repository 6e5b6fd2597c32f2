/** Any ONNX model, through onnxruntime-node or onnxruntime-web, whichever is installed (both optional; the first is faster). */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type ModelDescriptor, verifyFiles } from "./descriptor";
import { type EmbeddingNet, toInput } from "./net";

const RUNTIMES = ["onnxruntime-node", "onnxruntime-web"] as const;

interface OrtTensor {
  data: Float32Array;
}

interface OrtSession {
  inputNames: readonly string[];
  outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface Ort {
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array, options?: object): Promise<OrtSession> };
  env?: { wasm?: { numThreads?: number } };
}

/** The runtime to use, or undefined where none is installed. `only` is for comparing the two. */
export function findOnnxRuntime(only?: (typeof RUNTIMES)[number]): { name: string; ort: Ort } | undefined {
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

export async function loadOnnxNet(descriptor: ModelDescriptor, only?: (typeof RUNTIMES)[number]): Promise<EmbeddingNet> {
  const runtime = findOnnxRuntime(only);
  if (runtime === undefined) throw new Error('an ONNX model needs an ONNX runtime, and none is installed: run "npm install onnxruntime-node" (set onnxruntime-node-install=skip in .npmrc to download nothing) or "npm install onnxruntime-web" in the Node-RED user folder.');
  await verifyFiles(descriptor, [descriptor.file]);
  const { ort, name } = runtime;
  const { inputSize, layout } = descriptor;
  let session: OrtSession;
  try {
    session = await ort.InferenceSession.create(new Uint8Array(await readFile(descriptor.file)), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  } catch (error) {
    throw new Error(`the model file ${descriptor.file} is no ONNX model that ${name} can read (${(error as Error).message.split("\n")[0]}).`, { cause: error });
  }
  const input = session.inputNames[0] as string;
  const output = session.outputNames[0] as string;
  // One by one: many published models have a fixed batch of 1.
  const runOne = async (chip: Float32Array): Promise<Float32Array> => {
    const dims = layout === "nhwc" ? [1, inputSize, inputSize, 3] : [1, 3, inputSize, inputSize];
    const result = await session.run({ [input]: new ort.Tensor("float32", toInput(descriptor, [chip]), dims) });
    return Float32Array.from((result[output] as OrtTensor).data);
  };
  return {
    engine: name,
    dispose: () => void session.release(),
    run: async (chips) => {
      const embeddings: Float32Array[] = [];
      for (const chip of chips) embeddings.push(await runOne(chip));
      return embeddings;
    },
  };
}
