/**
 * Reads TensorFlow Lite models: FlatBuffers, as far as a network of plain convolutions needs them
 * (tensorflow/lite/schema/schema.fbs, version 3; FlatBuffers' layout: flatbuffers.dev/internals). A reader of its own,
 * because the
 * library `flatbuffers` reads no schema by itself: what is here of the layout is less than what it would take to call
 * it.
 */

import { UserError } from "../errors";

/** BuiltinOperator of schema.fbs. */
const OPERATORS = {
  ADD: 0,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  PAD: 34,
  SUB: 41,
  ABS: 101,
} as const;
export type TfliteOperatorName = keyof typeof OPERATORS;
const NAMES: ReadonlyMap<number, TfliteOperatorName> = new Map(
  Object.entries(OPERATORS).map(([name, code]) => [code, name as TfliteOperatorName]),
);

const VERSION = 3;
/** TensorType of schema.fbs. */
const FLOAT32 = 0;
const FLOAT16 = 1;
const INT32 = 2;
/** Padding of schema.fbs. */
const VALID = 1;

export interface TfliteTensor {
  shape: number[];
  /** Undefined for what is computed, and for what are no floats of 32 bits, or of 16 that are made 32. */
  values: Float32Array | undefined;
  /** Of whole numbers of 32 bits that are not computed: sides, paddings. */
  integers: Int32Array | undefined;
}

export interface TfliteOperator {
  name: TfliteOperatorName;
  /** Indices of tensors. */
  inputs: number[];
  output: number;
  /** Of convolutions and pools; else 1. */
  stride: number;
  /** Of convolutions and pools: whether the input is padded with zeros, so that stride 1 keeps its sides. */
  same: boolean;
  /** Of pools: side of the square that one number is taken from; else 1. */
  window: number;
}

export interface TfliteModel {
  tensors: TfliteTensor[];
  /** In the order in which they run. */
  operators: TfliteOperator[];
  input: number;
  outputs: number[];
}

/** @throws UserError when it is no TFLite model, or has an operator that is not read here */
export function readTflite(file: Uint8Array): TfliteModel {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 8 || Buffer.from(file.subarray(4, 8)).toString("latin1") !== "TFL3")
    throw new UserError("tensor.noTflite");
  const root = new Table(view, view.getUint32(0, true));
  if (root.integer(0, 0) !== VERSION)
    throw new UserError("tensor.tfliteVersion", { version: root.integer(0, 0), expected: VERSION });
  // OperatorCode: deprecated_builtin_code 0, builtin_code 3; codes up to 127 stand in the first.
  const codes = root.tables(1).map((code) => Math.max(code.byte(0, 0), code.integer(3, 0)));
  const buffers = root.tables(4);
  const [graph, ...others] = root.tables(2);
  if (graph === undefined || others.length > 0) throw new UserError("tensor.tfliteGraphs");
  // Tensor: shape 0, type 1, buffer 2. Buffer: data 0.
  const halves = new Set<number>();
  const tensors = graph.tables(0).map((tensor, index): TfliteTensor => {
    const bytes = buffers[tensor.integer(2, 0)]?.bytes(0);
    const type = tensor.byte(1, 0);
    if (type === FLOAT16) halves.add(index);
    // A copy: the file's bytes need not lie where 32-bit numbers may.
    const buffer = bytes === undefined ? undefined : Uint8Array.from(bytes).buffer;
    return {
      shape: tensor.integers(0),
      values: buffer === undefined ? undefined : floatsOf(buffer, type),
      integers: buffer === undefined || type !== INT32 ? undefined : new Int32Array(buffer),
    };
  });
  const [input, outputs] = [graph.integers(1), graph.integers(2)];
  if (input.length !== 1 || outputs.length === 0)
    throw new UserError("tensor.tfliteEnds", { inputs: input.length, outputs: outputs.length });
  const operators: TfliteOperator[] = [];
  for (const operator of graph.tables(3).map((table) => operatorOf(table, codes))) {
    if (operator.name !== "DEQUANTIZE") {
      operators.push(operator);
      continue;
    }
    // Weights of 16 bits are made 32 here, once.
    const from = operator.inputs[0] ?? -1;
    if (!halves.has(from)) throw new UserError("tensor.tfliteHalves");
    Object.assign(tensors[operator.output] as TfliteTensor, { values: tensors[from]?.values });
  }
  return { tensors, operators, input: input[0] as number, outputs };
}

function floatsOf(buffer: ArrayBuffer, type: number): Float32Array | undefined {
  if (type === FLOAT32) return new Float32Array(buffer);
  return type === FLOAT16 ? Float32Array.from(new Uint16Array(buffer), fromHalf) : undefined;
}

/** A float of 16 bits (IEEE 754 binary16): a sign, 5 bits of exponent, 10 of fraction. */
function fromHalf(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Operator: opcode_index 0, inputs 1, outputs 2, builtin_options 4. */
function operatorOf(operator: Table, codes: readonly number[]): TfliteOperator {
  const code = codes[operator.integer(0, 0)] ?? -1;
  const name = NAMES.get(code);
  if (name === undefined) throw new UserError("tensor.tfliteOperator", { code, operators: Object.keys(OPERATORS) });
  const [output, ...others] = operator.integers(2);
  if (output === undefined || others.length > 0) throw new UserError("tensor.tfliteOutputs", { name });
  const { stride, same, window } = squareOf(name, operator.table(4));
  return { name, inputs: operator.integers(1), output, stride, same, window };
}

/** What an operator does beyond its name. @throws UserError when it is something that is not read here */
function squareOf(
  name: TfliteOperatorName,
  options: Table | undefined,
): Pick<TfliteOperator, "stride" | "same" | "window"> {
  const none = { stride: 1, same: false, window: 1 };
  // ADD, SUB and MUL have their activation first.
  if ((name === "ADD" || name === "SUB" || name === "MUL") && (options?.byte(0, 0) ?? 0) !== 0)
    throw new UserError("tensor.tfliteActivation", { name });
  // ResizeBilinearOptions: align_corners 2, half_pixel_centers 3.
  if (name === "RESIZE_BILINEAR" && (options?.byte(2, 0) !== 0 || options.byte(3, 0) !== 1))
    throw new UserError("tensor.tfliteCentres", { name });
  const pools = name === "MAX_POOL_2D";
  const depthwise = name === "DEPTHWISE_CONV_2D" ? 1 : 0;
  if (!pools && name !== "CONV_2D" && depthwise === 0) return none;
  // Conv2DOptions, DepthwiseConv2DOptions and Pool2DOptions: padding 0, stride_w 1, stride_h 2; then the fused
  // activation and dilations, of a pool the sides of its window and the activation.
  const [stride, down] = [options?.integer(1, 0) ?? 1, options?.integer(2, 0) ?? 1];
  const window = pools ? (options?.integer(3, 0) ?? 1) : 1;
  const plain =
    options === undefined ||
    (pools
      ? options.integer(4, 0) === window && options.byte(5, 0) === 0
      : options.byte(3 + depthwise, 0) === 0 &&
        options.integer(4 + depthwise, 1) === 1 &&
        options.integer(5 + depthwise, 1) === 1 &&
        (depthwise === 0 || options.integer(3, 0) === 1));
  if (stride !== down || stride < 1 || !plain) throw new UserError("tensor.tfliteConvolution", { name });
  return { stride, same: options?.byte(0, 0) !== VALID, window };
}

/** A table of a FlatBuffer: its fields are found through a table of offsets; one that is missing has its default. */
class Table {
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  byte(field: number, otherwise: number): number {
    const at = this.#find(field);
    return at === undefined ? otherwise : this.#view.getInt8(at);
  }

  integer(field: number, otherwise: number): number {
    const at = this.#find(field);
    return at === undefined ? otherwise : this.#view.getInt32(at, true);
  }

  table(field: number): Table | undefined {
    const at = this.#find(field);
    return at === undefined ? undefined : new Table(this.#view, this.#follow(at));
  }

  integers(field: number): number[] {
    return this.#elements(field).map((at) => this.#view.getInt32(at, true));
  }

  tables(field: number): Table[] {
    return this.#elements(field).map((at) => new Table(this.#view, this.#follow(at)));
  }

  bytes(field: number): Uint8Array | undefined {
    const at = this.#find(field);
    if (at === undefined) return undefined;
    const start = this.#follow(at);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + start + 4, this.#view.getUint32(start, true));
  }

  /** Places of the elements of a vector of four bytes each; none where the field is missing. */
  #elements(field: number): number[] {
    const at = this.#find(field);
    if (at === undefined) return [];
    const start = this.#follow(at);
    return Array.from({ length: this.#view.getUint32(start, true) }, (_, index) => start + 4 + 4 * index);
  }

  #follow(at: number): number {
    return at + this.#view.getUint32(at, true);
  }

  #find(field: number): number | undefined {
    const offsets = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + 2 * field;
    const offset = entry < this.#view.getUint16(offsets, true) ? this.#view.getUint16(offsets + entry, true) : 0;
    return offset === 0 ? undefined : this.#at + offset;
  }
}
