import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Two networks of a few numbers, made on the spot: the mean colour of the chip times a fixed 3 × 4 matrix. */
export const MATRIX = [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1];
export const TINY_DIMENSIONS = 4;
const INPUT = 16;

function descriptorFile(folder: string, fields: object): string {
  const path = join(folder, "descriptor.json");
  writeFileSync(path, JSON.stringify({ inputSize: INPUT, alignment: "box", dimensions: TINY_DIMENSIONS, threshold: 1, licence: "test", ...fields }));
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
  const shape = (...sizes: number[]): object => ({ shape: { shape: { dim: sizes.map((size) => ({ size: String(size) })) } } });
  const model = Buffer.from(
    JSON.stringify({
      format: "graph-model",
      modelTopology: {
        node: [
          { name: "image", op: "Placeholder", attr: { ...float, ...shape(-1, INPUT, INPUT, 3) } },
          { name: "axes", op: "Const", attr: { dtype: { type: "DT_INT32" }, value: { tensor: { dtype: "DT_INT32", tensorShape: { dim: [{ size: "2" }] } } } } },
          { name: "matrix", op: "Const", attr: { ...float, value: { tensor: { dtype: "DT_FLOAT", tensorShape: { dim: [{ size: "3" }, { size: "4" }] } } } } },
          { name: "mean", op: "Mean", input: ["image", "axes"], attr: { T: { type: "DT_FLOAT" }, keep_dims: { b: false } } },
          { name: "embedding", op: "MatMul", input: ["mean", "matrix"], attr: { T: { type: "DT_FLOAT" }, transpose_a: { b: false }, transpose_b: { b: false } } },
        ],
        library: {},
        versions: {},
      },
      weightsManifest: [{ paths: ["weights.bin"], weights: [{ name: "axes", shape: [2], dtype: "int32" }, { name: "matrix", shape: [3, 4], dtype: "float32" }] }],
    }),
  );
  const weights = Buffer.concat([Buffer.from(Int32Array.from([1, 2]).buffer), matrixBytes()]);
  writeFileSync(join(folder, "model.json"), model);
  writeFileSync(join(folder, "weights.bin"), weights);
  return descriptorFile(folder, { id: "tiny-graph", format: "tfjs-graph", file: "model.json", sha256: hashOf(model, weights), ...fields });
}

/** Protocol buffers, as far as ONNX needs them: numbers and nested messages. */
const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) return Buffer.from(bytes);
  }
};
const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, value: Buffer | string): Buffer => Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);
const message = (field: number, ...parts: Buffer[]): Buffer => bytes(field, Buffer.concat(parts));

/** GlobalAveragePool → Flatten → MatMul, opset 13 (onnx.proto3). @returns the path of a descriptor */
export function tinyOnnxModel(fields: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "onnx-model-"));
  const FLOAT = 1;
  const value = (field: number, name: string, ...sizes: number[]): Buffer =>
    message(field, bytes(1, name), message(2, message(1, number(1, FLOAT), message(2, ...sizes.map((size) => message(1, number(1, size)))))));
  const node = (op: string, inputs: string[], output: string): Buffer => message(1, ...inputs.map((input) => bytes(1, input)), bytes(2, output), bytes(4, op));
  const model = Buffer.concat([
    number(1, 8),
    message(
      7,
      node("GlobalAveragePool", ["image"], "pooled"),
      node("Flatten", ["pooled"], "flat"),
      node("MatMul", ["flat", "matrix"], "embedding"),
      bytes(2, "tiny"),
      message(5, number(1, 3), number(1, 4), number(2, FLOAT), bytes(8, "matrix"), bytes(9, matrixBytes())),
      value(11, "image", 1, 3, INPUT, INPUT),
      value(12, "embedding", 1, TINY_DIMENSIONS),
    ),
    message(8, bytes(1, ""), number(2, 13)),
  ]);
  writeFileSync(join(folder, "tiny.onnx"), model);
  return descriptorFile(folder, { id: "tiny-onnx", format: "onnx", file: "tiny.onnx", layout: "nchw", sha256: hashOf(model), ...fields });
}
