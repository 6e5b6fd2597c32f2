/**
 * What a network from a TFLite file is to us: layers one after the other, whatever runs them. TF.js does in
 * tflite-tf.ts, an ONNX runtime in tflite-onnx.ts.
 */
import { UserError } from "../errors";
import type { TfliteModel, TfliteOperator } from "./tflite";

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
  /** Whether negative numbers become 0. */
  relu: boolean;
}

export interface Sum {
  kind: "sum";
  from: number;
  other: number;
  to: number;
}

interface Relu {
  kind: "relu";
  from: number;
  to: number;
}

/** The largest number of each window. */
interface Pool {
  kind: "pool";
  from: number;
  to: number;
  window: number;
  stride: number;
  same: boolean;
}

/** Zeros around: how many before and after, of the batch, the rows, the columns and the channels. */
interface Pad {
  kind: "pad";
  from: number;
  to: number;
  around: readonly (readonly [number, number])[];
}

/** Bilinear, by the centres of pixels: so many times as high and as wide. */
interface Resize {
  kind: "resize";
  from: number;
  to: number;
  times: number;
}

export type Layer = Convolution | Sum | Relu | Pool | Pad | Resize;

export interface LayerPlan {
  layers: Layer[];
  input: number;
  outputs: number[];
  /** How many numbers of one input's each output has. */
  lengths: number[];
}

/** What a layer reads. */
export function inputsOf(layer: Layer): number[] {
  return layer.kind === "sum" ? [layer.from, layer.other] : [layer.from];
}

function readersOf(layers: readonly Layer[], tensor: number): number {
  return layers.filter((layer) => inputsOf(layer).includes(tensor)).length;
}

/** @throws Error when it has a layer that is not known here */
export function planOf({ tensors, operators, input, outputs: given }: TfliteModel): LayerPlan {
  const layers: Layer[] = [];
  const outputs = [...given];
  for (let at = 0; at < operators.length; at += 1) {
    const operator = operators[at] as TfliteOperator;
    const { name, inputs, stride, same, window, output: to } = operator;
    const [from, second, third] = inputs as [number, number, number];
    const integers = tensors[second]?.integers;
    if (name === "ADD") layers.push({ kind: "sum", from, other: second, to });
    else if (name === "RELU") layers.push({ kind: "relu", from, to });
    else if (name === "MAX_POOL_2D") layers.push({ kind: "pool", from, to, window, stride, same });
    else if (name === "RESIZE_BILINEAR" && integers?.length === 2)
      layers.push({ kind: "resize", from, to, times: timesOf(tensors[from]?.shape, integers) });
    else if (name === "PAD" && integers?.length === 8)
      layers.push({
        kind: "pad",
        from,
        to,
        around: [0, 2, 4, 6].map((index) => [integers[index] as number, integers[index + 1] as number]),
      });
    else if (name === "RESHAPE" && outputs.includes(to)) outputs[outputs.indexOf(to)] = from;
    else if (name === "CONV_2D" || name === "DEPTHWISE_CONV_2D") {
      const kind = name === "CONV_2D" ? "full" : "depthwise";
      const [filters, bias] = [tensors[second], tensors[third]?.values];
      if (filters?.values === undefined || bias === undefined) throw new UserError("tensor.tfliteWeights", { name });
      const slopes = slopesOf(operators.slice(at + 1, at + 1 + PRELU.length), to, tensors);
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
        relu: false,
      });
    } else throw new UserError("tensor.tflitePart", { name });
  }
  return {
    layers: joined(rectified(layers)),
    input,
    outputs,
    lengths: given.map((output) => (tensors[output]?.shape ?? []).slice(1).reduce((all, side) => all * side, 1)),
  };
}

/** The file names the sides for one size of picture; what they are to those before holds for any. */
function timesOf([, height = Number.NaN, width = Number.NaN]: readonly number[] = [], sides: Int32Array): number {
  const [down, right] = [(sides[0] as number) / height, (sides[1] as number) / width];
  if (!Number.isInteger(down) || down !== right) throw new UserError("tensor.tfliteResize");
  return down;
}

/** A rectifier that alone reads a convolution rides in that one's kernel: a pass over the activations fewer. */
function rectified(layers: readonly Layer[]): Layer[] {
  const convolutions = new Map<number, Convolution>();
  const kept: Layer[] = [];
  for (const layer of layers) {
    const before = layer.kind === "relu" ? convolutions.get(layer.from) : undefined;
    if (before !== undefined && before.slopes === undefined && readersOf(layers, before.to) === 1) {
      Object.assign(before, { to: layer.to, relu: true });
      continue;
    }
    const own = { ...layer };
    if (own.kind === "full" || own.kind === "depthwise") convolutions.set(own.to, own);
    kept.push(own);
  }
  return kept;
}

/** Two convolutions of 1 × 1 with nothing in between are one: 13 of MobileFaceNet's 234 M multiply-adds fewer. */
function joined(layers: readonly Layer[]): Layer[] {
  const kept: Layer[] = [];
  for (const layer of layers) {
    const before = kept.at(-1);
    if (
      isPointwise(before) &&
      readersOf(layers, before.to) === 1 &&
      before.slopes === undefined &&
      !before.relu &&
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
  if (operators[0]?.name !== "RELU" || operators[1]?.name !== "ABS") return undefined;
  const [relu, abs, sub, mul] = operators as [TfliteOperator, ...(TfliteOperator | undefined)[]];
  const halves = tensors[mul?.inputs[0] ?? -1]?.values;
  const wanted = [[x], [x], [x, abs?.output], [mul?.inputs[0], sub?.output], [relu.output, mul?.output]];
  const fits = PRELU.every(
    (name, index) => operators[index]?.name === name && operators[index].inputs.join() === wanted[index]?.join(),
  );
  if (!fits || halves === undefined) throw new UserError("tensor.tfliteRelu");
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
