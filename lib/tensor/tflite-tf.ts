/** A network from a TFLite file on TF.js. Runs in workers only. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Tf } from "./engine";
import { type Convolution, inputsOf, type Layer, type LayerPlan } from "./tflite-plan";

/** A network whose weights lie on the backend. */
export interface TfNet {
  /**
   * @param batch so many inputs one after the other
   * @param shape of the batch: how many, height, width, channels
   * @returns for each output its numbers, of all inputs one after the other
   */
  run(batch: Float32Array, shape: [number, number, number, number]): Promise<Float32Array[]>;
  dispose(): void;
}

interface OnBackend {
  filters: Tensor4D;
  bias: Tensor1D;
  slopes: Tensor1D | undefined;
}

export function onTf(tf: Tf, { layers, input, outputs }: LayerPlan): TfNet {
  const weights = layers.map((layer) =>
    layer.kind === "full" || layer.kind === "depthwise" ? onBackend(tf, layer) : undefined,
  );
  /** For each tensor the last layer that reads it; what comes out is read by others. */
  const lastUse = new Map(layers.flatMap((layer, index) => inputsOf(layer).map((tensor) => [tensor, index] as const)));
  for (const output of outputs) lastUse.delete(output);
  const forward = (x: Tensor4D): Tensor4D[] => {
    const values = new Map([[input, x]]);
    layers.forEach((layer, index) => {
      const [first, second] = inputsOf(layer).map((tensor) => values.get(tensor) as Tensor4D);
      values.set(layer.to, apply(tf, layer, first as Tensor4D, second, weights[index]));
      // A group's activations would be hundreds of megabytes, and WASM never gives back what it once took.
      for (const [tensor, value] of values) {
        if (lastUse.get(tensor) !== index) continue;
        value.dispose();
        values.delete(tensor);
      }
    });
    return outputs.map((output) => values.get(output) as Tensor4D);
  };
  return {
    dispose: () =>
      weights.forEach((each) =>
        tf.dispose(
          each === undefined ? [] : [each.filters, each.bias, ...(each.slopes === undefined ? [] : [each.slopes])],
        ),
      ),
    run: async (batch, shape) => {
      const results = tf.tidy(() => forward(tf.tensor4d(batch, shape)));
      try {
        return await Promise.all(results.map((result) => result.data<"float32">()));
      } finally {
        tf.dispose(results);
      }
    },
  };
}

function apply(
  tf: Tf,
  layer: Layer,
  x: Tensor4D,
  other: Tensor4D | undefined,
  weights: OnBackend | undefined,
): Tensor4D {
  switch (layer.kind) {
    case "sum":
      return kernel(tf, "Add", { a: x, b: other as Tensor4D });
    case "relu":
      return kernel(tf, "Relu", { x });
    case "pool":
      return kernel(
        tf,
        "MaxPool",
        { x },
        {
          filterSize: [layer.window, layer.window],
          strides: [layer.stride, layer.stride],
          pad: layer.same ? "same" : "valid",
        },
      );
    case "pad":
      return kernel(
        tf,
        "PadV2",
        { x },
        { paddings: layer.around.map(([before, after]) => [before, after]), constantValue: 0 },
      );
    case "resize":
      return kernel(
        tf,
        "ResizeBilinear",
        { images: x },
        { alignCorners: false, halfPixelCenters: true, size: [x.shape[1] * layer.times, x.shape[2] * layer.times] },
      );
    case "full":
    case "depthwise":
      return convolve(tf, x, layer, weights as OnBackend);
  }
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
  { kind, stride, same, relu }: Convolution,
  { filters, bias, slopes }: OnBackend,
): Tensor4D {
  const attributes = {
    strides: [stride, stride],
    pad: same ? "same" : "valid",
    dilations: [1, 1],
    dataFormat: "NHWC",
    activation: relu ? "relu" : "linear",
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
