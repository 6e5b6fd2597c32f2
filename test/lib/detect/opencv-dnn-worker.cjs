// What OpenCV's dnn computes of a TFLite model, beside which ours is held.
const { readFileSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");
const { loadOpenCV } = require("@opencvjs/node");

const SIDE = 192;

async function main() {
  const cv = await loadOpenCV();
  cv.FS_createDataFile("/", "model.tflite", readFileSync(workerData.file), true, false, false);
  const net = cv.readNetFromTFLite("/model.tflite");
  const outputs = workerData.inputs.map((input) => {
    const picture = new cv.Mat(SIDE, SIDE, cv.CV_32FC3);
    picture.data32F.set(input);
    const blob = cv.blobFromImage(
      picture,
      1,
      new cv.Size(SIDE, SIDE),
      new cv.Scalar(0, 0, 0, 0),
      false,
      false,
      cv.CV_32F,
    );
    const values = ["reshaped_regressor_face_4", "reshaped_classifier_face_4"].flatMap((name) => {
      net.setInput(blob);
      const result = net.forward(name);
      const numbers = [...result.data32F];
      result.delete();
      return numbers;
    });
    picture.delete();
    blob.delete();
    return Float32Array.from(values);
  });
  net.delete();
  parentPort.postMessage(
    outputs,
    outputs.map(({ buffer }) => buffer),
  );
}

void main();
