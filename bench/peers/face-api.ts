/**
 * @vladmandic/face-api as its own demo/node-wasm.js has it, with its fastest detector: tiny face detector, 68
 * landmarks, descriptor.
 */
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type * as Core from "@tensorflow/tfjs-core";
import { measure } from "./measure";

interface Net {
  loadFromDisk(folder: string): Promise<void>;
}

interface FaceApi {
  version: string;
  nets: { tinyFaceDetector: Net; faceLandmark68Net: Net; faceRecognitionNet: Net };
  TinyFaceDetectorOptions: new () => object;
  detectAllFaces(
    input: Core.Tensor3D,
    options: object,
  ): { withFaceLandmarks(): { withFaceDescriptors(): Promise<{ descriptor: Float32Array }[]> } };
}

const here = createRequire(__filename);

async function main(): Promise<void> {
  const tf = here("@tensorflow/tfjs") as typeof Core;
  const wasm = here("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(folder: string): void };
  const root = dirname(here.resolve("@vladmandic/face-api/package.json"));
  const faceapi = here(join(root, "dist", "face-api.node-wasm.js")) as FaceApi;
  wasm.setWasmPaths(dirname(here.resolve("@tensorflow/tfjs-backend-wasm")) + sep);
  await tf.setBackend("wasm");
  await tf.ready();
  for (const net of [faceapi.nets.tinyFaceDetector, faceapi.nets.faceLandmark68Net, faceapi.nets.faceRecognitionNet])
    await net.loadFromDisk(join(root, "model"));
  const options = new faceapi.TinyFaceDetectorOptions();
  await measure(`face-api ${faceapi.version}`, async (rgb, width, height) => {
    const tensor = tf.tensor3d(rgb, [height, width, 3], "int32");
    const faces = await faceapi.detectAllFaces(tensor, options).withFaceLandmarks().withFaceDescriptors();
    tf.dispose(tensor);
    return faces.filter(({ descriptor }) => descriptor.length > 0).length;
  });
}

void main();
