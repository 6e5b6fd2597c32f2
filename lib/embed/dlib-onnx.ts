/** dlib's network (dlib-resnet.ts) as an ONNX model, made in memory from the same weights, for onnxruntime. */
import { faceApiFile, readWeights, weightOf } from "../tensor/weights";
import { CHIP_SIDE, DIMENSIONS, firstLayer, type FoldedWeights, foldWeights, RESIDUALS } from "./dlib-resnet";
import { OnnxGraph } from "../tensor/onnx-writer";

/** Input "chips": n × 150 × 150 × 3 RGB, 0..255. Output: n × 128 at native length. */
export async function dlibOnnxModel(): Promise<Uint8Array> {
  const weights = await readWeights(faceApiFile("face_recognition_model-weights_manifest.json"));
  const graph = new OnnxGraph();
  let x = graph.add("Transpose", ["chips"], { perm: [0, 3, 1, 2] });
  x = graph.add("Relu", [convolve(graph, x, firstLayer(weights), 2, false)]);
  x = graph.add("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2] });
  let side = 35;
  let channels = 32;
  for (const name of RESIDUALS) {
    const down = name.includes("down");
    const conv1 = foldWeights(weights, `${name}/conv1`);
    const conv2 = foldWeights(weights, `${name}/conv2`);
    const inner = convolve(graph, graph.add("Relu", [convolve(graph, x, conv1, down ? 2 : 1, !down)]), conv2, 1, true);
    if (down) {
      // The shortcut is pooled, and whichever is smaller is padded with zeros.
      const [innerSide, pooledSide] = [Math.floor((side - 3) / 2) + 1, Math.floor(side / 2)];
      side = Math.max(innerSide, pooledSide);
      const pooled = graph.add("AveragePool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
      const outputs = conv2.shape[3];
      x = graph.add("Add", [
        pad(graph, inner, 0, side - innerSide),
        pad(graph, pooled, outputs - channels, side - pooledSide),
      ]);
      channels = outputs;
    } else x = graph.add("Add", [inner, x]);
    x = graph.add("Relu", [x]);
  }
  const pooled = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])]);
  const { values, shape } = weightOf(weights, "fc");
  return graph.finish(
    "chips",
    ["faces", CHIP_SIDE, CHIP_SIDE, 3],
    graph.add("MatMul", [pooled, graph.constant(values, shape)]),
    ["faces", DIMENSIONS],
  );
}

function convolve(
  graph: OnnxGraph,
  x: string,
  { filters, shape, bias }: FoldedWeights,
  stride: number,
  same: boolean,
): string {
  const [height, width] = shape;
  const margin = same ? (height - 1) / 2 : 0;
  return graph.add("Conv", [x, graph.filters(filters, shape), graph.constant(bias, [bias.length])], {
    kernel_shape: [height, width],
    strides: [stride, stride],
    pads: [margin, margin, margin, margin],
  });
}

/** Zeros after the last channel, row and column. */
function pad(graph: OnnxGraph, x: string, channels: number, sides: number): string {
  if (channels === 0 && sides === 0) return x;
  return graph.add("Pad", [
    x,
    graph.constant(BigInt64Array.from([0, 0, 0, 0, 0, channels, sides, sides], BigInt), [8]),
  ]);
}
