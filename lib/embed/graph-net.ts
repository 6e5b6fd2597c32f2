/** Any TF.js graph model, through @tensorflow/tfjs-converter (optional). */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Tensor } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { UserError } from "../errors";
import { runsOn, type Tf } from "../tensor/engine";
import { own, parseOptions } from "../validate";
import { phrase } from "../words/sentence";
import { type ModelDescriptor, verifyFiles } from "./descriptor";
import { type EmbeddingNet, toInput } from "./net";

const modelSchema = z.looseObject({
  format: z.literal("graph-model"),
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string().regex(/^[\w.-]+$/, own("embed.plainFile"))),
      weights: z.array(z.looseObject({})),
    }),
  ),
});

interface GraphModel {
  inputs: { name: string }[];
  predict(input: Tensor): Tensor | Tensor[];
  dispose(): void;
}

interface Converter {
  loadGraphModel(handler: { load(): Promise<object> }): Promise<GraphModel>;
}

export async function loadGraphNet(descriptor: ModelDescriptor, tf: Tf): Promise<EmbeddingNet> {
  const { file, inputSize, layout } = descriptor;
  const json: unknown = JSON.parse(
    await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      const mend = phrase("embed.whereDescriptorSays", { model: descriptor.id });
      throw new UserError("embed.fileUnreadable", { file, code: error.code ?? "error", mend });
    }),
  );
  const model = parseOptions(modelSchema, json, phrase("embed.noGraphModel", { file }));
  const shards = model.weightsManifest.flatMap(({ paths }) => paths.map((path) => join(dirname(file), path)));
  await verifyFiles(descriptor, [file, ...shards]);
  const weightData = Uint8Array.from(Buffer.concat(await Promise.all(shards.map((shard) => readFile(shard))))).buffer;
  const graph = await converter().loadGraphModel({
    load: () =>
      Promise.resolve({ ...model, weightSpecs: model.weightsManifest.flatMap(({ weights }) => weights), weightData }),
  });
  return {
    get engine() {
      return runsOn(tf);
    },
    dispose: () => graph.dispose(),
    run: async (chips) => {
      const shape: [number, number, number, number] =
        layout === "nhwc" ? [chips.length, inputSize, inputSize, 3] : [chips.length, 3, inputSize, inputSize];
      const output = tf.tidy(() => {
        const result = graph.predict(tf.tensor4d(toInput(descriptor, chips), shape));
        const first = Array.isArray(result) ? (result[0] as Tensor) : result;
        return tf.reshape(first, [chips.length, -1]);
      });
      const flat = await output.data<"float32">();
      const length = flat.length / chips.length;
      output.dispose();
      return chips.map((_, index) => flat.slice(index * length, (index + 1) * length));
    },
  };
}

function converter(): Converter {
  try {
    return createRequire(__filename)("@tensorflow/tfjs-converter") as Converter;
  } catch (error) {
    throw new UserError("embed.needsConverter", {}, { cause: error });
  }
}
