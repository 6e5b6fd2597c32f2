/**
 * Writes ONNX models: protocol buffers, as far as onnx.proto3 needs them (ONNX IR version 8, operators of opset 13).
 */

const IR_VERSION = 8;
const OPSET = 13;
const FLOAT = 1;
const INT64 = 7;

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  // Negative numbers are written as 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 127n;
    bytes.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const integer = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, value: Buffer | string): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);
const message = (field: number, parts: readonly Buffer[]): Buffer => bytes(field, Buffer.concat(parts));

/** AttributeProto: name 1, i 3, s 4, ints 8, type 20 (INT = 2, STRING = 3, INTS = 7). */
function attribute(value: number | string | readonly number[]): Buffer[] {
  if (typeof value === "number") return [integer(3, value), integer(20, 2)];
  if (typeof value === "string") return [bytes(4, value), integer(20, 3)];
  return [...value.map((each) => integer(8, each)), integer(20, 7)];
}

/** A graph under construction; every node has one output, named by number. */
export class OnnxGraph {
  readonly #nodes: Buffer[] = [];
  readonly #constants: Buffer[] = [];
  #names = 0;

  /** Add a tensor. @returns its name */
  constant(values: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const name = `c${this.#names++}`;
    const type = values instanceof Float32Array ? FLOAT : INT64;
    // TensorProto: dims 1, data_type 2, name 8, raw_data 9 (little-endian).
    this.#constants.push(
      message(5, [
        ...shape.map((side) => integer(1, side)),
        integer(2, type),
        bytes(8, name),
        bytes(9, Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
      ]),
    );
    return name;
  }

  /**
   * Add a convolution's filters.
   * @param values height × width × inputs × outputs, as TF.js has them; ONNX wants outputs first
   */
  filters(values: Float32Array, [height, width, inputs, outputs]: readonly number[]): string {
    const turned = new Float32Array(values.length);
    const places = (height as number) * (width as number);
    let at = 0;
    for (let output = 0; output < (outputs as number); output += 1) {
      for (let input = 0; input < (inputs as number); input += 1) {
        for (let place = 0; place < places; place += 1, at += 1)
          turned[at] = values[(place * (inputs as number) + input) * (outputs as number) + output] as number;
      }
    }
    return this.constant(turned, [outputs as number, inputs as number, height as number, width as number]);
  }

  /** Add an operator; attributes are whole numbers, lists of them, or words. @returns the name of its output */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | string | readonly number[]>> = {},
  ): string {
    const output = `t${this.#names++}`;
    const written = Object.entries(attributes).map(([name, value]) =>
      message(5, [bytes(1, name), ...attribute(value)]),
    );
    this.#nodes.push(
      message(1, [...inputs.map((input) => bytes(1, input)), bytes(2, output), bytes(4, operator), ...written]),
    );
    return output;
  }

  /** The model's file. @param inputShape and @param outputShape: a name instead of a number is a side that varies */
  finish(
    input: string,
    inputShape: readonly (number | string)[],
    output: string,
    outputShape: readonly (number | string)[],
  ): Uint8Array {
    const value = (field: number, name: string, shape: readonly (number | string)[]): Buffer =>
      message(field, [
        bytes(1, name),
        message(2, [
          message(1, [
            integer(1, FLOAT),
            message(
              2,
              shape.map((side) => message(1, [typeof side === "number" ? integer(1, side) : bytes(2, side)])),
            ),
          ]),
        ]),
      ]);
    const graph = [
      ...this.#nodes,
      bytes(2, "facenet"),
      ...this.#constants,
      value(11, input, inputShape),
      value(12, output, outputShape),
    ];
    return Buffer.concat([integer(1, IR_VERSION), message(7, graph), message(8, [bytes(1, ""), integer(2, OPSET)])]);
  }
}
