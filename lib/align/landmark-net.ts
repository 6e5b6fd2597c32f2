/**
 * The 68-point landmark network of @vladmandic/face-api (face_landmark_68_model, MIT), on TF.js. Runs in workers only.
 */
import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Tf } from "../tensor/engine";
import { faceApiFile, MEAN_RGB, RANGE, readWeights, weightOf } from "../tensor/weights";

/** Side of the network's input, in pixels (face-api, FaceFeatureExtractor). */
export const LANDMARK_INPUT = 112;
export const LANDMARK_COUNT = 68;

const CHANNELS = 3;

export const BLOCKS = 4;
export const CONVOLUTIONS = 4;
export const LANDMARK_FILE = "face_landmark_68_model-weights_manifest.json";

/** The network, whatever it runs on. */
export interface LandmarkFinder {
  /**
   * @param crops each 112 × 112 × 3, 0..255
   * @returns for each crop 136 numbers, x and y in turn, as fractions of its side
   */
  run(crops: readonly Float32Array[]): Float32Array[] | Promise<Float32Array[]>;
}

interface Separable {
  depthwise: Tensor4D;
  pointwise: Tensor4D;
  bias: Tensor1D;
}

export class LandmarkNet implements LandmarkFinder {
  readonly #tf: Tf;
  readonly #first: { filters: Tensor4D; bias: Tensor1D };
  readonly #blocks: (Separable | undefined)[][];
  readonly #fc: { weights: Tensor2D; bias: Tensor1D };

  private constructor(tf: Tf, tensor: <T extends Tensor>(name: string) => T) {
    this.#tf = tf;
    this.#first = { filters: tensor("dense0/conv0/filters"), bias: tensor("dense0/conv0/bias") };
    this.#blocks = Array.from({ length: BLOCKS }, (_, block) =>
      Array.from({ length: CONVOLUTIONS }, (__, conv) => {
        const name = `dense${block}/conv${conv}`;
        return block === 0 && conv === 0
          ? undefined
          : {
              depthwise: tensor(`${name}/depthwise_filter`),
              pointwise: tensor(`${name}/pointwise_filter`),
              bias: tensor(`${name}/bias`),
            };
      }),
    );
    this.#fc = { weights: tensor("fc/weights"), bias: tensor("fc/bias") };
  }

  static async load(tf: Tf): Promise<LandmarkNet> {
    const weights = await readWeights(faceApiFile(LANDMARK_FILE));
    return new LandmarkNet(tf, (name) => {
      const { values, shape } = weightOf(weights, name);
      return tf.tensor(values, shape) as never;
    });
  }

  run(crops: readonly Float32Array[]): Float32Array[] {
    const tf = this.#tf;
    const output = tf.tidy(() => {
      let x: Tensor4D = tf.tensor4d(normalized(crops), [crops.length, LANDMARK_INPUT, LANDMARK_INPUT, CHANNELS]);
      for (const block of this.#blocks) x = this.#denseBlock(x, block);
      const pooled = tf.avgPool(x, 7, 2, "valid");
      return tf.add(tf.matMul(tf.reshape<Rank.R2>(pooled, [crops.length, -1]), this.#fc.weights), this.#fc.bias);
    });
    const flat = output.dataSync<"float32">();
    output.dispose();
    return crops.map((_, index) => flat.slice(index * LANDMARK_COUNT * 2, (index + 1) * LANDMARK_COUNT * 2));
  }

  /** Four convolutions, each fed with the sum of all before (face-api, denseBlock4). */
  #denseBlock(input: Tensor4D, block: readonly (Separable | undefined)[]): Tensor4D {
    const tf = this.#tf;
    // The bias and, where nothing is added first, the rectifier ride in the convolution's kernel: passes over the
    // activations fewer.
    const separable = (
      x: Tensor4D,
      { depthwise, pointwise, bias }: Separable,
      strides: number,
      activation: "relu" | "linear",
    ): Tensor4D =>
      tf.fused.conv2d({
        x: tf.depthwiseConv2d(x, depthwise, strides, "same"),
        filter: pointwise,
        bias,
        strides: 1,
        pad: "valid",
        activation,
      });
    const [conv0, ...rest] = block;
    let sum =
      conv0 === undefined
        ? tf.fused.conv2d({
            x: input,
            filter: this.#first.filters,
            bias: this.#first.bias,
            strides: 2,
            pad: "same",
            activation: "relu",
          })
        : separable(input, conv0, 2, "relu");
    let next = sum;
    for (const conv of rest) {
      sum = tf.add(sum, separable(next, conv as Separable, 1, "linear"));
      next = tf.relu(sum);
    }
    return next;
  }
}

/** One batch of crops. The network's first layer could not do it with its weights: it pads with normalized pixels. */
function normalized(crops: readonly Float32Array[]): Float32Array {
  const size = LANDMARK_INPUT * LANDMARK_INPUT * CHANNELS;
  const batch = new Float32Array(crops.length * size);
  let to = 0;
  for (const crop of crops)
    for (let from = 0; from < size; from += 1, to += 1)
      batch[to] = ((crop[from] as number) - (MEAN_RGB[from % CHANNELS] as number)) / RANGE;
  return batch;
}
