/** The landmark network (landmark-net.ts) as an ONNX model, made in memory from the same weights, for onnxruntime. */
import { openNetwork, type RuntimeName } from "../tensor/onnx-runtime";
import { OnnxGraph } from "../tensor/onnx-writer";
import { faceApiFile, MEAN_RGB, RANGE, readWeights, type Weight, weightOf } from "../tensor/weights";
import {
  BLOCKS,
  CONVOLUTIONS,
  LANDMARK_COUNT,
  LANDMARK_FILE,
  LANDMARK_INPUT,
  type LandmarkFinder,
} from "./landmark-net";

/** @throws EngineError when the runtime cannot be used */
export async function loadLandmarkOnnx(name: RuntimeName = "onnxruntime-node"): Promise<LandmarkFinder> {
  return openNetwork(
    landmarkOnnxModel(await readWeights(faceApiFile(LANDMARK_FILE))),
    [LANDMARK_INPUT, LANDMARK_INPUT, 3],
    name,
  );
}

function landmarkOnnxModel(weights: ReadonlyMap<string, Weight>): Uint8Array {
  const graph = new OnnxGraph();
  const constant = (name: string): string => {
    const { values, shape } = weightOf(weights, name);
    return graph.constant(values, shape);
  };
  const mean = graph.constant(Float32Array.from(MEAN_RGB), [1, 3, 1, 1]);
  const range = graph.constant(Float32Array.of(RANGE), [1]);
  let x = graph.add("Div", [
    graph.add("Sub", [graph.add("Transpose", ["crops"], { perm: [0, 3, 1, 2] }), mean]),
    range,
  ]);
  for (let block = 0; block < BLOCKS; block += 1) {
    let sum = "";
    for (let conv = 0; conv < CONVOLUTIONS; conv += 1) {
      const name = `dense${block}/conv${conv}`;
      const stride = conv === 0 ? 2 : 1;
      const convolved =
        block === 0 && conv === 0
          ? convolve(graph, x, [weightOf(weights, `${name}/filters`), weightOf(weights, `${name}/bias`)], stride)
          : separable(graph, x, weights, name, stride);
      sum = conv === 0 ? convolved : graph.add("Add", [sum, convolved]);
      x = graph.add("Relu", [sum]);
      // The sum goes on from the first convolution after its relu (face-api, denseBlock4).
      if (conv === 0) sum = x;
    }
  }
  const pooled = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])]);
  return graph.finish(
    "crops",
    ["looks", LANDMARK_INPUT, LANDMARK_INPUT, 3],
    graph.add("Add", [graph.add("MatMul", [pooled, constant("fc/weights")]), constant("fc/bias")]),
    ["looks", 2 * LANDMARK_COUNT],
  );
}

/** One filter of 3 × 3 a channel, then one of 1 × 1 over all. */
function separable(
  graph: OnnxGraph,
  x: string,
  weights: ReadonlyMap<string, Weight>,
  name: string,
  stride: number,
): string {
  const { values, shape } = weightOf(weights, `${name}/depthwise_filter`);
  const channels = shape[2] as number;
  // As a convolution of one input and `channels` outputs, in as many groups.
  const depthwise = convolve(
    graph,
    x,
    [{ values, shape: [shape[0] as number, shape[1] as number, 1, channels] }],
    stride,
    channels,
  );
  return convolve(
    graph,
    depthwise,
    [weightOf(weights, `${name}/pointwise_filter`), weightOf(weights, `${name}/bias`)],
    1,
  );
}

/** TF.js's "same" padding: with a stride of 2 and even sides it adds one row and column at the end. */
function convolve(graph: OnnxGraph, x: string, [filters, bias]: [Weight, Weight?], stride: number, group = 1): string {
  const [height, width] = filters.shape as [number, number];
  const before = stride === 1 ? (height - 1) / 2 : 0;
  const after = height - 1 - before - (stride - 1);
  const inputs = [
    x,
    graph.filters(filters.values, filters.shape),
    ...(bias === undefined ? [] : [graph.constant(bias.values, bias.shape)]),
  ];
  return graph.add("Conv", inputs, {
    kernel_shape: [height, width],
    strides: [stride, stride],
    pads: [before, before, after, after],
    group,
  });
}
