/**
 * Which rows may be near enough to be looked at in full, told by their 8-bit numbers (./codes): WebAssembly takes
 * eight products at a time of a quarter of the bytes.
 *
 * It never leaves out a row that a search of the full embeddings would take. Let p be the probe and x a row,
 * p = t·r + f and x = s·q + e with whole numbers r and q. By the triangle inequality
 *
 *     d(p, x) = |(t·r − s·q) + (f − e)| ≥ |t·r − s·q| − |f| − |e|
 *
 * so whoever is within a distance of the probe has |t·r − s·q| ≤ that distance + |f| + |e|. Of the left side
 *
 *     |t·r − s·q|² = t²·(r·r) + s·(s·(q·q) − 2·t·(r·q))
 *
 * all of r·r, q·q and r·q are exact: whole numbers, bounded. |e| is rounded up where it is kept, |f| here. The few
 * operations in 64-bit numbers are off by less than 1e-14 of t²·(r·r) + s²·(q·q), and a full distance by less
 * than 1e-11 of itself, what ./scan allows for rounding included: SLACK and TOLERANCE are a hundred times as much.
 */
import { CHUNK_ROWS, type Sieve } from "./scan";
import { type Code, moduleOf, op, step, wasm, type WasmMemory, type WasmModule } from "./wasm";

/** Beyond it a sum of squares of codes may have no exact 32-bit number. */
const MOST_DIMENSIONS = 1024;
/** Codes that are read at once. */
const LANES = 8;
export const LARGEST_CODE = 127;
/** Of a probe's numbers, which are read 16 bits wide. */
const LARGEST_OF_PROBE = 32_767;
const LARGEST_SUM = 2 ** 31 - 1;
const SLACK = 1 + 1e-9;
const TOLERANCE = 1e-12;

/** Where things of a chunk are, in bytes from where it begins: codes row by row, then a 32-bit number a row each. */
export interface Layout {
  dimensions: number;
  biased: boolean;
  /** Codes of a row, those that fill it up included. */
  stride: number;
  /** s */
  scales: number;
  /** q·q */
  norms: number;
  /** |e| */
  errors: number;
  biases: number;
  /** Of a whole chunk. */
  bytes: number;
}

/** Undefined where this computer cannot, or there are too many dimensions. */
export function layoutOf(dimensions: number, biased: boolean): Layout | undefined {
  if (dimensions > MOST_DIMENSIONS) return undefined;
  const stride = Math.ceil(dimensions / LANES) * LANES;
  const plane = CHUNK_ROWS * Float32Array.BYTES_PER_ELEMENT;
  const scales = CHUNK_ROWS * stride;
  const [norms, errors, biases] = [scales + plane, scales + 2 * plane, scales + 3 * plane];
  const layout = { dimensions, biased, stride, scales, norms, errors, biases, bytes: biases + (biased ? plane : 0) };
  return moduleFor(layout) === undefined ? undefined : layout;
}

/** For one probe. */
export function sieveOf(memory: WasmMemory, layout: Layout, probe: Float32Array): Sieve {
  const { stride, bytes, biased } = layout;
  const most = Math.min(LARGEST_OF_PROBE, Math.floor(LARGEST_SUM / (LARGEST_CODE * stride)));
  const scale = probe.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / most;
  const codes = new Int16Array(stride);
  let [norm, lost] = [0, 0];
  for (const [axis, value] of probe.entries()) {
    const code = scale === 0 ? 0 : Math.max(-most, Math.min(most, Math.round(value / scale)));
    const difference = value - scale * code;
    codes[axis] = code;
    norm += code * code;
    lost += difference * difference;
  }
  const constants = {
    size: scale * scale * norm,
    twice: 2 * scale,
    error: Math.sqrt(lost) * SLACK,
    ...Object.fromEntries(Array.from(new BigInt64Array(codes.buffer), (four, index) => [`probe${index}`, four])),
  };
  const instance = new wasm.Instance(moduleFor(layout) as WasmModule, { "": { memory, ...constants } });
  const run = instance.exports["run"] as (
    base: number,
    row: number,
    rows: number,
    biased: number,
    plain: number,
  ) => number;
  return {
    next: (first, end, worst, worstPlain) => {
      const chunk = Math.floor(first / CHUNK_ROWS);
      const start = chunk * CHUNK_ROWS;
      const plain = biased ? worstPlain : Math.max(worst, worstPlain);
      return start + run(chunk * bytes, first - start, end - start, worst, plain);
    },
  };
}

/** By what tells them apart; undefined where WebAssembly has no vectors, as on old computers of 32 bits. */
const modules = new Map<string, WasmModule | undefined>();

function moduleFor(layout: Layout): WasmModule | undefined {
  const key = `${layout.stride} ${layout.biased}`;
  if (!modules.has(key)) {
    const bytes = bytesOf(layout);
    modules.set(key, wasm.validate(bytes) ? new wasm.Module(bytes) : undefined);
  }
  return modules.get(key);
}

/** Parameters and locals of the function, by number; from `probe` on the probe's codes. */
const LOCAL = {
  base: 0,
  row: 1,
  rows: 2,
  biased: 3,
  plain: 4,
  /** Address of the row's codes. */
  codes: 5,
  /** Address of its number in a plane that begins where the chunk does. */
  number: 6,
  within: 7,
  reach: 8,
  s: 9,
  /** s·(q·q) */
  sqq: 10,
  sum: 11,
  probe: 12,
} as const;

/** For each row, whether |t·r − s·q|² ≤ (within + |f| + |e|)²; the first of which it is so is the answer. */
function bytesOf({ stride, biased, scales, norms, errors, biases }: Layout): Uint8Array {
  const { get, set, tee } = op;
  const vectors = Array.from({ length: stride / LANES }, (_, index) => index);
  const halves = Array.from({ length: 2 * vectors.length }, (_, index) => [`probe${index}`, "i64"] as const);
  const size = op.global(halves.length);
  const twice = op.global(halves.length + 1);
  const error = op.global(halves.length + 2);
  const ofRow = (plane: number): Code[] => [get(LOCAL.number), op.f32Load(plane)];
  const addressOf = (width: number, local: number): Code[] => [
    ...step(get(LOCAL.base), get(LOCAL.row), op.i32(width), op.i32Mul, op.i32Add, set(local)),
  ];
  const increase = (local: number, by: number): Code[] => [get(local), op.i32(by), op.i32Add, set(local)];
  /** Upon itself, turned by so many bytes. */
  const fold = (bytes: number): Code[] => [
    ...step(tee(LOCAL.sum), get(LOCAL.sum), get(LOCAL.sum)),
    ...step(op.shuffle(Array.from({ length: 16 }, (_, place) => (place + bytes) % 16)), op.i32x4Add),
  ];
  const product = vectors.flatMap((index) => [
    ...step(get(LOCAL.codes), op.load8x8(LANES * index), get(LOCAL.probe + index), op.i32x4Dot),
    ...(index === 0 ? [] : [op.i32x4Add]),
  ]);
  return moduleOf({
    imports: [...halves, ["size", "f64"], ["twice", "f64"], ["error", "f64"]],
    parameters: ["i32", "i32", "i32", "f64", "f64"],
    result: "i32",
    locals: ["i32", "i32", "f64", "f64", "f64", "f64", "v128", ...vectors.map(() => "v128" as const)],
    body: [
      ...vectors.flatMap((index) => [
        ...step(op.global(2 * index), op.i64x2Splat, op.global(2 * index + 1), op.i64x2ReplaceLast),
        set(LOCAL.probe + index),
      ]),
      ...addressOf(stride, LOCAL.codes),
      ...addressOf(Float32Array.BYTES_PER_ELEMENT, LOCAL.number),
      ...step(op.block, op.loop),
      ...step(get(LOCAL.row), get(LOCAL.rows), op.i32AtLeast, op.branchIf(1)),
      // |t·r − s·q|²
      ...step(size, ...ofRow(scales), tee(LOCAL.s)),
      ...step(get(LOCAL.s), ...ofRow(norms), op.f64Mul, tee(LOCAL.sqq)),
      ...step(...product, ...fold(8), ...fold(4), op.i32x4First, op.f64OfI32, twice, op.f64Mul),
      ...step(op.f64Sub, op.f64Mul, op.f64Add),
      // (within + |f| + |e|)², and what is rounded
      ...(biased ? [get(LOCAL.biased), ...ofRow(biases), op.f64Add, get(LOCAL.plain), op.f64Max] : [get(LOCAL.plain)]),
      tee(LOCAL.within),
      ...step(error, ...ofRow(errors), op.f64Add, op.f64Add, op.f64(SLACK), op.f64Mul),
      ...step(tee(LOCAL.reach), get(LOCAL.reach), op.f64Mul),
      ...step(size, get(LOCAL.s), get(LOCAL.sqq), op.f64Mul, op.f64Add, op.f64(TOLERANCE), op.f64Mul, op.f64Add),
      op.f64AtMost,
      // Nobody is nearer than 0.
      ...step(get(LOCAL.within), op.f64(0), op.f64AtLeast, op.i32And, op.branchIf(1)),
      ...increase(LOCAL.row, 1),
      ...increase(LOCAL.codes, stride),
      ...increase(LOCAL.number, Float32Array.BYTES_PER_ELEMENT),
      ...step(op.branch(0), op.end, op.end),
      get(LOCAL.row),
    ],
  });
}
