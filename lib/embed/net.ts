/** An embedding network, whatever it runs on, and what goes into it. */
import type { ModelDescriptor } from "./descriptor";

export interface EmbeddingNet {
  /** What it runs on at this moment, for people to read. */
  readonly engine: string;
  /**
   * @param chips each inputSize × inputSize × 3 RGB, 0..255
   * @returns an embedding for each, as the network gives it
   */
  run(chips: readonly Float32Array[]): Promise<Float32Array[]>;
  /** Free its memory; not to be used afterwards. */
  dispose(): void;
}

const CHANNELS = 3;

/** Chips as the network's input: channels, layout and numbers as the descriptor says. */
export function toInput(descriptor: ModelDescriptor, chips: readonly Float32Array[]): Float32Array {
  const { inputSize, channelOrder, layout, normalization } = descriptor;
  const plane = inputSize * inputSize;
  const input = new Float32Array(chips.length * plane * CHANNELS);
  const fixed = { mean: spread(descriptor.mean), scale: spread(descriptor.scale) };
  chips.forEach((chip, index) => {
    const { mean, scale } = normalization === "whiten" ? whiten(chip) : fixed;
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const from = channelOrder === "rgb" ? channel : CHANNELS - 1 - channel;
      const start = index * plane * CHANNELS + (layout === "nhwc" ? channel : channel * plane);
      const step = layout === "nhwc" ? CHANNELS : 1;
      const [subtract, multiply] = [mean[channel] as number, scale[channel] as number];
      for (let pixel = 0; pixel < plane; pixel += 1)
        input[start + pixel * step] = ((chip[pixel * CHANNELS + from] as number) - subtract) * multiply;
    }
  });
  return input;
}

/** Per-image standardization (FaceNet, facenet.py: prewhiten): the deviation is at least 1/√n. */
function whiten(chip: Float32Array): { mean: readonly number[]; scale: readonly number[] } {
  const mean = chip.reduce((sum, value) => sum + value, 0) / chip.length;
  const variance = chip.reduce((sum, value) => sum + (value - mean) ** 2, 0) / chip.length;
  return { mean: spread(mean), scale: spread(1 / Math.max(Math.sqrt(variance), 1 / Math.sqrt(chip.length))) };
}

function spread(value: number | readonly [number, number, number]): readonly number[] {
  return typeof value === "number" ? [value, value, value] : value;
}
