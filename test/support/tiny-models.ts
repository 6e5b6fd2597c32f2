import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxGraph } from "../../lib/tensor/onnx-writer";

/** Two networks of a few numbers, made on the spot: the mean colour of the chip times a fixed 3 × 4 matrix. */
export const MATRIX = [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1];
export const TINY_DIMENSIONS = 4;
const INPUT = 16;

function descriptorFile(folder: string, fields: object): string {
  const path = join(folder, "descriptor.json");
  writeFileSync(
    path,
    JSON.stringify({
      inputSize: INPUT,
      alignment: "box",
      dimensions: TINY_DIMENSIONS,
      threshold: 1,
      licence: "test",
      ...fields,
    }),
  );
  return path;
}

const hashOf = (...parts: Buffer[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

const matrixBytes = (): Buffer => Buffer.from(Float32Array.from(MATRIX).buffer);

/** @returns the path of a descriptor */
export function tinyGraphModel(fields: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "graph-model-"));
  const float = { dtype: { type: "DT_FLOAT" } };
  const shape = (...sizes: number[]): object => ({
    shape: { shape: { dim: sizes.map((size) => ({ size: String(size) })) } },
  });
  const model = Buffer.from(
    JSON.stringify({
      format: "graph-model",
      modelTopology: {
        node: [
          { name: "image", op: "Placeholder", attr: { ...float, ...shape(-1, INPUT, INPUT, 3) } },
          {
            name: "axes",
            op: "Const",
            attr: {
              dtype: { type: "DT_INT32" },
              value: { tensor: { dtype: "DT_INT32", tensorShape: { dim: [{ size: "2" }] } } },
            },
          },
          {
            name: "matrix",
            op: "Const",
            attr: {
              ...float,
              value: { tensor: { dtype: "DT_FLOAT", tensorShape: { dim: [{ size: "3" }, { size: "4" }] } } },
            },
          },
          {
            name: "mean",
            op: "Mean",
            input: ["image", "axes"],
            attr: { T: { type: "DT_FLOAT" }, keep_dims: { b: false } },
          },
          {
            name: "embedding",
            op: "MatMul",
            input: ["mean", "matrix"],
            attr: { T: { type: "DT_FLOAT" }, transpose_a: { b: false }, transpose_b: { b: false } },
          },
        ],
        library: {},
        versions: {},
      },
      weightsManifest: [
        {
          paths: ["weights.bin"],
          weights: [
            { name: "axes", shape: [2], dtype: "int32" },
            { name: "matrix", shape: [3, 4], dtype: "float32" },
          ],
        },
      ],
    }),
  );
  const weights = Buffer.concat([Buffer.from(Int32Array.from([1, 2]).buffer), matrixBytes()]);
  writeFileSync(join(folder, "model.json"), model);
  writeFileSync(join(folder, "weights.bin"), weights);
  return descriptorFile(folder, {
    id: "tiny-graph",
    format: "tfjs-graph",
    file: "model.json",
    sha256: hashOf(model, weights),
    ...fields,
  });
}

/** GlobalAveragePool → Flatten → MatMul. @returns the path of a descriptor */
export function tinyOnnxModel(fields: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "onnx-model-"));
  const graph = new OnnxGraph();
  const mean = graph.add("Flatten", [graph.add("GlobalAveragePool", ["image"])]);
  const model = Buffer.from(
    graph.finish(
      "image",
      [1, 3, INPUT, INPUT],
      graph.add("MatMul", [mean, graph.constant(Float32Array.from(MATRIX), [3, TINY_DIMENSIONS])]),
      [1, TINY_DIMENSIONS],
    ),
  );
  writeFileSync(join(folder, "tiny.onnx"), model);
  return descriptorFile(folder, {
    id: "tiny-onnx",
    format: "onnx",
    file: "tiny.onnx",
    layout: "nchw",
    sha256: hashOf(model),
    ...fields,
  });
}
