/** As much of WebAssembly as ./sieve needs: its binary format, written out, and what JavaScript knows of it. */

/** Memory that all threads share; it is read at once where it has grown. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** What can be run, once or many times. */
export type WasmModule = object;

interface Api {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, WasmMemory | number | bigint>>,
  ) => { exports: Record<string, unknown> };
  validate(bytes: Uint8Array): boolean;
}

/** Its types are a browser's, and not among those of Node.js. */
export const wasm = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;

export const PAGE = 65_536;
/** All that a 32-bit address reaches; only what is in use takes memory. */
const MOST_PAGES = 65_536;

/** Empty. @throws where the computer has no room for the addresses */
export function newMemory(): WasmMemory {
  return new wasm.Memory({ initial: 0, maximum: MOST_PAGES, shared: true });
}

const TYPES = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b } as const;
type Type = keyof typeof TYPES;

/** Bytes of a part of a function. */
export type Code = readonly number[];

/** Instructions that belong together, on a line of their own. */
export const step = (...codes: Code[]): Code[] => codes;

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest >= 128 ? (rest % 128) + 128 : rest);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** Numbers from 0. */
function signed(value: number): number[] {
  const bytes = unsigned(value);
  // The highest bit of the last seven is the sign.
  if ((bytes.at(-1) as number) < 64) return bytes;
  bytes.push((bytes.pop() as number) + 128, 0);
  return bytes;
}

function f64Bytes(value: number): number[] {
  return [...new Uint8Array(Float64Array.of(value).buffer)];
}

const simd = (number: number): number[] => [0xfd, ...unsigned(number)];

/** Instructions, by WebAssembly's names. */
export const op = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  /** Set, and keep on the stack. */
  tee: (local: number): Code => [0x22, ...unsigned(local)],
  global: (index: number): Code => [0x23, ...unsigned(index)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  f64: (value: number): Code => [0x44, ...f64Bytes(value)],
  /** A 32-bit number, made a 64-bit one. */
  f32Load: (offset: number): Code => [0x2a, 2, ...unsigned(offset), 0xbb],
  /** Eight 8-bit numbers, each made a 16-bit one. */
  load8x8: (offset: number): Code => [...simd(0x01), 0, ...unsigned(offset)],
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  branch: (depth: number): Code => [0x0c, depth],
  branchIf: (depth: number): Code => [0x0d, depth],
  i32Add: [0x6a],
  i32Mul: [0x6c],
  i32And: [0x71],
  i32AtLeast: [0x4e],
  f64Add: [0xa0],
  f64Sub: [0xa1],
  f64Mul: [0xa2],
  f64Max: [0xa5],
  f64AtMost: [0x65],
  f64AtLeast: [0x66],
  f64OfI32: [0xb7],
  i64x2Splat: simd(0x12),
  i64x2ReplaceLast: [...simd(0x1e), 1],
  i32x4Add: simd(0xae),
  i32x4First: [...simd(0x1b), 0],
  /** Products of eight pairs, two of them summed up. */
  i32x4Dot: simd(0xba),
  /** Bytes of one in another order. */
  shuffle: (order: readonly number[]): Code => [...simd(0x0d), ...order],
} as const satisfies Record<string, Code | ((value: never) => Code)>;

const counted = (parts: readonly Code[]): number[] => [...unsigned(parts.length), ...parts.flat()];
const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes];
const named = (text: string): number[] => sized([...Buffer.from(text)]);
const section = (id: number, parts: readonly Code[]): number[] => [id, ...sized(counted(parts))];

export interface FunctionParts {
  /** The memory is imported as "memory", and these constants in this order: global 0 is the first. */
  imports: readonly (readonly [name: string, type: Type])[];
  parameters: readonly Type[];
  result: Type;
  /** Numbered on from the parameters. */
  locals: readonly Type[];
  body: readonly Code[];
}

/** A module that exports one function, "run"; what it imports is of the module "". */
export function moduleOf({ imports, parameters, result, locals, body }: FunctionParts): Uint8Array {
  const [shared, constant, exported] = [3, 0, 0];
  const types = parameters.map((type) => TYPES[type]);
  const code = [...counted(locals.map((type) => [1, TYPES[type]])), ...body.flat(), ...op.end];
  return Uint8Array.from([
    ...Buffer.from("\0asm"),
    ...Buffer.from([1, 0, 0, 0]),
    ...section(1, [[0x60, ...sized(types), 1, TYPES[result]]]),
    ...section(2, [
      [...named(""), ...named("memory"), 2, shared, 0, ...unsigned(MOST_PAGES)],
      ...imports.map(([name, type]) => [...named(""), ...named(name), 3, TYPES[type], constant]),
    ]),
    ...section(3, [[0]]),
    ...section(7, [[...named("run"), exported, 0]]),
    ...section(10, [sized(code)]),
  ]);
}
