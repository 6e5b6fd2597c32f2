/** A network from a TFLite file (square pictures) as an ONNX model, made in memory. */
import { OnnxGraph } from "./onnx-writer";
import { type Convolution, inputsOf, type Layer, type LayerPlan } from "./tflite-plan";

/** A tensor of the graph, and the side of its planes. */
interface Square {
  name: string;
  side: number;
}

/**
 * @param side of the input, in pixels
 * @param anySides whether the model takes pictures of other sides too: such as leave no rest however often the network
 * halves them, so that all are padded alike
 * @returns a model whose rows hold all outputs one after the other
 */
export function onnxModel({ layers, input, outputs, lengths }: LayerPlan, side: number, anySides = false): Uint8Array {
  const graph = new OnnxGraph();
  const values = new Map<number, Square>([
    [input, { name: graph.add("Transpose", ["pictures"], { perm: [0, 3, 1, 2] }), side }],
  ]);
  for (const layer of layers) {
    const [first, second] = inputsOf(layer).map((tensor) => values.get(tensor) as Square);
    values.set(layer.to, write(graph, layer, first as Square, second));
  }
  const flat = outputs.map((output) =>
    graph.add("Flatten", [graph.add("Transpose", [(values.get(output) as Square).name], { perm: [0, 2, 3, 1] })]),
  );
  return graph.finish(
    "pictures",
    anySides ? ["rows", "height", "width", 3] : ["rows", side, side, 3],
    flat.length === 1 ? (flat[0] as string) : graph.add("Concat", flat, { axis: 1 }),
    ["rows", anySides ? "numbers" : lengths.reduce((all, length) => all + length, 0)],
  );
}

function write(graph: OnnxGraph, layer: Layer, from: Square, other: Square | undefined): Square {
  const { name, side } = from;
  switch (layer.kind) {
    case "sum":
      return { name: graph.add("Add", [name, (other as Square).name]), side };
    case "relu":
      return { name: graph.add("Relu", [name]), side };
    case "pool": {
      const { after, pads } = paddingOf(side, layer.window, layer.stride, layer.same);
      const attributes = { kernel_shape: [layer.window, layer.window], strides: [layer.stride, layer.stride], pads };
      return { name: graph.add("MaxPool", [name], attributes), side: after };
    }
    case "pad": {
      const [batch, rows, columns, channels] = layer.around as [Pair, Pair, Pair, Pair];
      const sides = [batch, channels, rows, columns];
      const pads = [...sides.map(([before]) => before), ...sides.map(([, after]) => after)];
      const constant = graph.constant(BigInt64Array.from(pads, BigInt), [pads.length]);
      return { name: graph.add("Pad", [name, constant]), side: side + rows[0] + rows[1] };
    }
    case "resize": {
      const scales = Float32Array.of(1, 1, layer.times, layer.times);
      const inputs = [name, "", graph.constant(scales, [scales.length])];
      return { name: graph.add("Resize", inputs, { mode: "linear" }), side: side * layer.times };
    }
    case "full":
    case "depthwise":
      return convolution(graph, from, layer);
  }
}

type Pair = readonly [number, number];

function convolution(
  graph: OnnxGraph,
  { name, side }: Square,
  { kind, filters, shape, bias, stride, same, slopes, relu }: Convolution,
): Square {
  const [height, width, , outputs] = shape;
  const { after, pads } = paddingOf(side, height, stride, same);
  const attributes = {
    kernel_shape: [height, width],
    strides: [stride, stride],
    pads,
    group: kind === "full" ? 1 : outputs,
  };
  const convolved = graph.add(
    "Conv",
    [name, graph.filters(filters, shape), graph.constant(bias, [outputs])],
    attributes,
  );
  if (relu) return { name: graph.add("Relu", [convolved]), side: after };
  return { name: slopes === undefined ? convolved : prelu(graph, convolved, slopes), side: after };
}

/** @returns the side of what comes out of a window that moves over a square, and the zeros around */
function paddingOf(side: number, window: number, stride: number, same: boolean): { after: number; pads: number[] } {
  const after = same ? Math.ceil(side / stride) : Math.floor((side - window) / stride) + 1;
  // What is odd of the padding goes below and to the right (tensorflow.org, tf.nn, "Notes on padding").
  const margin = same ? Math.max(0, (after - 1) * stride + window - side) : 0;
  const before = Math.floor(margin / 2);
  return { after, pads: [before, before, margin - before, margin - before] };
}

/**
 * s·x + (1 − s)·relu(x): onnxruntime's own PRelu makes the whole network take half as long again (bench/engines.ts).
 */
function prelu(graph: OnnxGraph, x: string, slopes: Float32Array): string {
  const times = (name: string, factors: Float32Array): string =>
    graph.add("Mul", [name, graph.constant(factors, [factors.length, 1, 1])]);
  return graph.add("Add", [
    times(x, slopes),
    times(
      graph.add("Relu", [x]),
      slopes.map((slope) => 1 - slope),
    ),
  ]);
}
