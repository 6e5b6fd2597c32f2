/**
 * dlib's face recognition network (dlib_face_recognition_resnet_model_v1, a ResNet with 29 convolutions, 128-d, public
 * domain)
 * with the weights that ship in @vladmandic/face-api, 8-bit quantized there. Runs in workers only.
 */
import type { Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Tf } from "../tensor/engine";
import { faceApiFile, MEAN_RGB, RANGE, readWeights, type Weight, weightOf } from "../tensor/weights";

/** Side of dlib's face chip, in pixels (dlib, dnn_face_recognition_ex.cpp). */
export const CHIP_SIDE = 150;
export const DIMENSIONS = 128;
const CHANNELS = 3;

interface Convolution {
  filters: Tensor4D;
  bias: Tensor1D;
}

/** Stage by stage: "down" halves the sides and may double the channels. */
export const RESIDUALS = [
  "conv32_1",
  "conv32_2",
  "conv32_3",
  "conv64_down",
  "conv64_1",
  "conv64_2",
  "conv64_3",
  "conv128_down",
  "conv128_1",
  "conv128_2",
  "conv256_down",
  "conv256_1",
  "conv256_2",
  "conv256_down_out",
] as const;

interface Residual {
  down: boolean;
  conv1: Convolution;
  conv2: Convolution;
}

export class DlibResNet {
  readonly dimensions = DIMENSIONS;
  readonly inputSide = CHIP_SIDE;
  readonly #tf: Tf;
  readonly #first: Convolution;
  readonly #residuals: Residual[];
  readonly #fc: Tensor2D;

  private constructor(tf: Tf, weights: ReadonlyMap<string, Weight>) {
    this.#tf = tf;
    this.#first = onBackend(tf, firstLayer(weights));
    this.#residuals = RESIDUALS.map((name) => ({
      down: name.includes("down"),
      conv1: onBackend(tf, foldWeights(weights, `${name}/conv1`)),
      conv2: onBackend(tf, foldWeights(weights, `${name}/conv2`)),
    }));
    const fc = weightOf(weights, "fc");
    this.#fc = tf.tensor2d(fc.values, fc.shape as [number, number]);
  }

  static async load(tf: Tf): Promise<DlibResNet> {
    return new DlibResNet(tf, await readWeights(faceApiFile("face_recognition_model-weights_manifest.json")));
  }

  /**
   * Embed aligned chips, all in one batch.
   * @param chips each 150 × 150 × 3 RGB, 0..255
   * @returns for each its 128-d embedding at native length: dlib's distances are not for normalized vectors
   */
  run(chips: readonly Float32Array[]): Float32Array[] {
    const tf = this.#tf;
    const size = CHIP_SIDE * CHIP_SIDE * CHANNELS;
    const batch = new Float32Array(chips.length * size);
    chips.forEach((chip, index) => batch.set(chip, index * size));
    const output = tf.tidy(() => {
      const input = tf.tensor4d(batch, [chips.length, CHIP_SIDE, CHIP_SIDE, CHANNELS]);
      let x = tf.maxPool(this.#convolve(input, this.#first, 2, "valid", true), 3, 2, "valid");
      for (const residual of this.#residuals) x = this.#residual(x, residual);
      return tf.matMul(tf.mean<Tensor2D>(x, [1, 2]), this.#fc);
    });
    const flat = output.dataSync<"float32">();
    output.dispose();
    return chips.map((_, index) => flat.slice(index * DIMENSIONS, (index + 1) * DIMENSIONS));
  }

  dispose(): void {
    const convolutions = [this.#first, ...this.#residuals.flatMap(({ conv1, conv2 }) => [conv1, conv2])];
    this.#tf.dispose([this.#fc, ...convolutions.flatMap(({ filters, bias }) => [filters, bias])]);
  }

  #convolve(
    x: Tensor4D,
    { filters, bias }: Convolution,
    strides: number,
    pad: "same" | "valid",
    relu: boolean,
  ): Tensor4D {
    return this.#tf.fused.conv2d({ x, filter: filters, bias, strides, pad, activation: relu ? "relu" : "linear" });
  }

  #residual(x: Tensor4D, { down, conv1, conv2 }: Residual): Tensor4D {
    const tf = this.#tf;
    const inner = this.#convolve(
      this.#convolve(x, conv1, down ? 2 : 1, down ? "valid" : "same", true),
      conv2,
      1,
      "same",
      false,
    );
    if (!down) return tf.relu(tf.add(inner, x));
    // dlib's residual_down: the shortcut is pooled, and whichever is smaller is padded with zeros (dlib, add_prev).
    const pooled = tf.avgPool(x, 2, 2, "valid");
    const channels = inner.shape[3] - pooled.shape[3];
    const shortcut =
      channels > 0
        ? tf.pad(pooled, [
            [0, 0],
            [0, 0],
            [0, 0],
            [0, channels],
          ])
        : pooled;
    const rows = shortcut.shape[1] - inner.shape[1];
    const columns = shortcut.shape[2] - inner.shape[2];
    return tf.relu(
      tf.add(
        rows > 0 || columns > 0
          ? tf.pad(inner, [
              [0, 0],
              [0, rows],
              [0, columns],
              [0, 0],
            ])
          : inner,
        shortcut,
      ),
    );
  }
}

export interface FoldedWeights {
  /** Height × width × inputs × outputs. */
  filters: Float32Array;
  shape: readonly [number, number, number, number];
  bias: Float32Array;
}

/** conv(x)·scale + shift = conv with scaled filters and a bias: two passes over the activations fewer a layer. */
export function foldWeights(weights: ReadonlyMap<string, Weight>, name: string): FoldedWeights {
  const filters = weightOf(weights, `${name}/conv/filters`);
  const bias = weightOf(weights, `${name}/conv/bias`).values;
  const scale = weightOf(weights, `${name}/scale/weights`).values;
  const shift = weightOf(weights, `${name}/scale/biases`).values;
  const outputs = scale.length;
  const at = (values: Float32Array, index: number): number => values[index] as number;
  return {
    filters: filters.values.map((value, index) => value * at(scale, index % outputs)),
    shape: filters.shape as [number, number, number, number],
    bias: bias.map((value, index) => value * at(scale, index) + at(shift, index)),
  };
}

/**
 * The first convolution takes pixels as they are: conv((x − mean) / 255) = conv'(x), exactly, since it has no padding.
 */
export function firstLayer(weights: ReadonlyMap<string, Weight>): FoldedWeights {
  const { filters, shape, bias } = foldWeights(weights, "conv32_down");
  const outputs = bias.length;
  const shifted = Float64Array.from(bias);
  filters.forEach((value, index) => {
    shifted[index % outputs] =
      (shifted[index % outputs] as number) -
      (value * (MEAN_RGB[Math.floor(index / outputs) % CHANNELS] as number)) / RANGE;
  });
  return { filters: filters.map((value) => value / RANGE), shape, bias: Float32Array.from(shifted) };
}

function onBackend(tf: Tf, { filters, shape, bias }: FoldedWeights): Convolution {
  return { filters: tf.tensor4d(filters, [...shape]), bias: tf.tensor1d(bias) };
}
