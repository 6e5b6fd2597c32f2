/**
 * Networks of plain convolutions from a TFLite file, such as MobileFaceNet (Chen et al. 2018), on TF.js and as an ONNX
 * model.
 * Runs in workers only.
 */
import { readFile } from "node:fs/promises";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { UserError } from "../errors";
import { runsOn, type Tf } from "../tensor/engine";
import { ONE_THREAD, openNetwork, type RuntimeName } from "../tensor/onnx-runtime";
import { OnnxGraph } from "../tensor/onnx-writer";
import { readTflite, type TfliteModel, type TfliteOperator } from "../tensor/tflite";
import { type ModelDescriptor, verifyFiles } from "./descriptor";
import { type EmbeddingNet, toInput } from "./net";

/** Tensors are numbered as in the file. */
export interface Convolution {
  kind: "full" | "depthwise";
  from: number;
  to: number;
  /** Height × width × inputs × outputs, the inputs of a depthwise one being 1. */
  filters: Float32Array;
  shape: readonly [number, number, number, number];
  bias: Float32Array;
  stride: number;
  same: boolean;
  /** Of a PReLU, for each output: what negative numbers are multiplied by. */
  slopes: Float32Array | undefined;
}

export interface Sum {
  kind: "sum";
  from: number;
  other: number;
  to: number;
}

export type Layer = Convolution | Sum;

export interface LayerPlan {
  layers: Layer[];
  input: number;
  output: number;
  dimensions: number;
}

/** @throws UserError when the file is missing, not the descriptor's, or holds another kind of network */
async function readPlan(descriptor: ModelDescriptor): Promise<LayerPlan> {
  await verifyFiles(descriptor, [descriptor.file]);
  try {
    return planOf(readTflite(await readFile(descriptor.file)));
  } catch (error) {
    throw new UserError(
      `the model file ${descriptor.file} is no network that can be read here: ${(error as Error).message}. ` +
        "Convert it to ONNX.",
      { cause: error },
    );
  }
}

/** @throws Error when it is no chain of convolutions, PReLUs and sums */
export function planOf({ tensors, operators, input, output }: TfliteModel): LayerPlan {
  const layers: Layer[] = [];
  let last = output;
  for (let at = 0; at < operators.length; at += 1) {
    const operator = operators[at] as TfliteOperator;
    const { name, inputs, stride, same } = operator;
    const [from, second, third] = inputs as [number, number, number];
    if (name === "ADD") layers.push({ kind: "sum", from, other: second, to: operator.output });
    else if (name === "RESHAPE" && operator.output === output) last = from;
    else if (name === "CONV_2D" || name === "DEPTHWISE_CONV_2D") {
      const kind = name === "CONV_2D" ? "full" : "depthwise";
      const [filters, bias] = [tensors[second], tensors[third]?.values];
      if (filters?.values === undefined || bias === undefined) throw new Error(`its ${name} has no 32-bit weights`);
      const slopes = slopesOf(operators.slice(at + 1, at + 1 + PRELU.length), operator.output, tensors);
      if (slopes !== undefined) at += PRELU.length;
      layers.push({
        kind,
        from,
        to: (operators[at] as TfliteOperator).output,
        ...turned(kind, filters.values, filters.shape),
        bias,
        stride,
        same,
        slopes,
      });
    } else throw new Error(`its ${name} is no part of a PReLU after a convolution`);
  }
  return { layers: joined(layers), input, output: last, dimensions: tensors[output]?.shape.at(-1) ?? 0 };
}

/** Two convolutions of 1 × 1 with nothing in between are one: 13 of MobileFaceNet's 234 M multiply-adds fewer. */
function joined(layers: readonly Layer[]): Layer[] {
  const kept: Layer[] = [];
  for (const layer of layers) {
    const before = kept.at(-1);
    const readers =
      before === undefined
        ? 0
        : layers.filter(({ from, ...rest }) => from === before.to || ("other" in rest && rest.other === before.to))
            .length;
    if (
      readers === 1 &&
      isPointwise(before) &&
      before.slopes === undefined &&
      isPointwise(layer) &&
      layer.from === before.to
    )
      kept.splice(-1, 1, join(before, layer));
    else kept.push(layer);
  }
  return kept;
}

function isPointwise(layer: Layer | undefined): layer is Convolution {
  return layer?.kind === "full" && layer.shape[0] === 1 && layer.shape[1] === 1 && layer.stride === 1;
}

/** W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂). */
function join(first: Convolution, second: Convolution): Convolution {
  const [, , inputs, between] = first.shape;
  const outputs = second.shape[3];
  const row = (values: Float32Array, from: number, start: Float32Array | undefined): Float64Array => {
    const sums = start === undefined ? new Float64Array(outputs) : Float64Array.from(start);
    for (let at = 0; at < between; at += 1)
      for (let to = 0; to < outputs; to += 1)
        (sums[to] as number) += (values[from + at] as number) * (second.filters[at * outputs + to] as number);
    return sums;
  };
  const filters = new Float32Array(inputs * outputs);
  for (let input = 0; input < inputs; input += 1)
    filters.set(row(first.filters, input * between, undefined), input * outputs);
  return {
    ...second,
    from: first.from,
    filters,
    shape: [1, 1, inputs, outputs],
    bias: Float32Array.from(row(first.bias, 0, second.bias)),
  };
}

/** A PReLU spelled out, with half the slope as `h`: relu(x) + h (x − |x|). */
const PRELU = ["RELU", "ABS", "SUB", "MUL", "ADD"] as const;

function slopesOf(
  operators: readonly TfliteOperator[],
  x: number,
  tensors: TfliteModel["tensors"],
): Float32Array | undefined {
  if (operators[0]?.name !== "RELU") return undefined;
  const [relu, abs, sub, mul] = operators as [TfliteOperator, ...(TfliteOperator | undefined)[]];
  const halves = tensors[mul?.inputs[0] ?? -1]?.values;
  const wanted = [[x], [x], [x, abs?.output], [mul?.inputs[0], sub?.output], [relu.output, mul?.output]];
  const fits = PRELU.every(
    (name, index) => operators[index]?.name === name && operators[index].inputs.join() === wanted[index]?.join(),
  );
  if (!fits || halves === undefined) throw new Error("its RELU is no part of a PReLU");
  return halves.map((half) => 2 * half);
}

/** TFLite has outputs × height × width × inputs, and 1 × height × width × channels of a depthwise convolution. */
function turned(
  kind: Convolution["kind"],
  values: Float32Array,
  sides: readonly number[],
): Pick<Convolution, "filters" | "shape"> {
  const [first, height, width, last] = sides as [number, number, number, number];
  if (kind === "depthwise") return { filters: values, shape: [height, width, 1, last] };
  const each = height * width * last;
  const filters = new Float32Array(values.length);
  for (let output = 0; output < first; output += 1)
    for (let at = 0; at < each; at += 1) filters[at * first + output] = values[output * each + at] as number;
  return { filters, shape: [height, width, last, first] };
}

interface OnBackend {
  filters: Tensor4D;
  bias: Tensor1D;
  slopes: Tensor1D | undefined;
}

export async function loadTfliteNet(descriptor: ModelDescriptor, tf: Tf): Promise<EmbeddingNet> {
  const { layers, input, output, dimensions } = await readPlan(descriptor);
  const weights = layers.map((layer) => (layer.kind === "sum" ? undefined : onBackend(tf, layer)));
  /** For each tensor the last layer that reads it. */
  const lastUse = new Map(
    layers.flatMap(
      (layer, index) =>
        [[layer.from, index], ...(layer.kind === "sum" ? [[layer.other, index]] : [])] as [number, number][],
    ),
  );
  const forward = (x: Tensor4D): Tensor => {
    const values = new Map([[input, x]]);
    const valueOf = (tensor: number): Tensor4D => values.get(tensor) as Tensor4D;
    layers.forEach((layer, index) => {
      values.set(
        layer.to,
        layer.kind === "sum"
          ? kernel(tf, "Add", { a: valueOf(layer.from), b: valueOf(layer.other) })
          : convolve(tf, valueOf(layer.from), layer, weights[index] as OnBackend),
      );
      // A group's activations would be hundreds of megabytes, and WASM never gives back what it once took.
      for (const [tensor, value] of values) {
        if (lastUse.get(tensor) !== index) continue;
        value.dispose();
        values.delete(tensor);
      }
    });
    return valueOf(output);
  };
  return {
    get engine() {
      return runsOn(tf);
    },
    dispose: () =>
      weights.forEach((each) =>
        tf.dispose(
          each === undefined ? [] : [each.filters, each.bias, ...(each.slopes === undefined ? [] : [each.slopes])],
        ),
      ),
    run: async (chips) => {
      const side = descriptor.inputSize;
      const result = tf.tidy(() => forward(tf.tensor4d(toInput(descriptor, chips), [chips.length, side, side, 3])));
      const flat = await result.data<"float32">();
      result.dispose();
      return chips.map((_, index) => flat.slice(index * dimensions, (index + 1) * dimensions));
    },
  };
}

function onBackend(
  tf: Tf,
  { kind, filters, shape: [height, width, inputs, outputs], bias, slopes }: Convolution,
): OnBackend {
  const shape: [number, number, number, number] =
    kind === "full" ? [height, width, inputs, outputs] : [height, width, outputs, 1];
  return {
    filters: tf.tensor4d(filters, shape),
    bias: tf.tensor1d(bias),
    slopes: slopes === undefined ? undefined : tf.tensor1d(slopes),
  };
}

/**
 * The backend's own: tf.fused gets ready for gradients first, which takes ten times what the call does, or as long as
 * a small layer.
 */
function kernel(
  tf: Tf,
  name: string,
  inputs: Record<string, Tensor>,
  attributes: Parameters<ReturnType<Tf["engine"]>["runKernel"]>[2] = {},
): Tensor4D {
  return tf.engine().runKernel<Tensor4D>(name, inputs, attributes);
}

/**
 * WASM's convolution with PReLU inside it computes into memory that it takes and clears each time: a PReLU after it is
 * faster.
 */
function convolve(
  tf: Tf,
  x: Tensor4D,
  { kind, stride, same }: Convolution,
  { filters, bias, slopes }: OnBackend,
): Tensor4D {
  const attributes = {
    strides: [stride, stride],
    pad: same ? "same" : "valid",
    dilations: [1, 1],
    dataFormat: "NHWC",
    activation: "linear",
  };
  const convolved = kernel(
    tf,
    kind === "full" ? "FusedConv2D" : "FusedDepthwiseConv2D",
    { x, filter: filters, bias },
    attributes,
  );
  if (slopes === undefined) return convolved;
  const result = kernel(tf, "Prelu", { x: convolved, alpha: slopes });
  convolved.dispose();
  return result;
}

/** @throws EngineError when the runtime cannot be used */
export async function loadTfliteOnnx(
  descriptor: ModelDescriptor,
  name: RuntimeName = "onnxruntime-node",
  options: object = ONE_THREAD,
): Promise<EmbeddingNet> {
  const side = descriptor.inputSize;
  const net = await openNetwork(onnxModel(await readPlan(descriptor), side), [side, side, 3], name, options);
  return {
    engine: name,
    dispose: () => net.dispose(),
    run: (chips) => net.run(chips.map((chip) => toInput(descriptor, [chip]))),
  };
}

function onnxModel({ layers, input, output, dimensions }: LayerPlan, side: number): Uint8Array {
  const graph = new OnnxGraph();
  const values = new Map([[input, { name: graph.add("Transpose", ["chips"], { perm: [0, 3, 1, 2] }), side }]]);
  for (const layer of layers) {
    const from = values.get(layer.from) as { name: string; side: number };
    values.set(
      layer.to,
      layer.kind === "sum"
        ? { name: graph.add("Add", [from.name, (values.get(layer.other) as { name: string }).name]), side: from.side }
        : convolution(graph, from, layer),
    );
  }
  return graph.finish(
    "chips",
    ["faces", side, side, 3],
    graph.add("Flatten", [(values.get(output) as { name: string }).name]),
    ["faces", dimensions],
  );
}

function convolution(
  graph: OnnxGraph,
  { name, side }: { name: string; side: number },
  { kind, filters, shape, bias, stride, same, slopes }: Convolution,
): { name: string; side: number } {
  const [height, width, , outputs] = shape;
  const after = same ? Math.ceil(side / stride) : Math.floor((side - height) / stride) + 1;
  // What is odd of the padding goes below and to the right (tensorflow.org, tf.nn, "Notes on padding").
  const margin = same ? Math.max(0, (after - 1) * stride + height - side) : 0;
  const before = Math.floor(margin / 2);
  const attributes = {
    kernel_shape: [height, width],
    strides: [stride, stride],
    pads: [before, before, margin - before, margin - before],
    group: kind === "full" ? 1 : outputs,
  };
  const convolved = graph.add(
    "Conv",
    [name, graph.filters(filters, shape), graph.constant(bias, [outputs])],
    attributes,
  );
  return { name: slopes === undefined ? convolved : prelu(graph, convolved, slopes), side: after };
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
