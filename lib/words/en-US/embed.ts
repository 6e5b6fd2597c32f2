export const embed = {
  cohortUnreadable: `the cohort {file} cannot be read ({code}): {mend}`,
  cohortDamaged: `the cohort {file} is damaged: {mend}`,
  packAgain: `install or download the model pack again.`,
  packageAgain: `install this package again.`,
  otherDimensions: `an embedding of {length} dimensions cannot be compared with one of {other}: both must come \
from the same model.`,
  notANumber: `an embedding holds a NaN: it was not made by a facenet-embed node.`,
  fileUnreadable: `the model file {file} cannot be read ({code}): {mend}`,
  packageAgainSentence: `Install this package again.`,
  whereDescriptorSays: `put it where the descriptor of {model} says.`,
  otherFile: `the model file {file} is not the one of the descriptor {model}: its sha256 is {digest}, expected \
{expected}. {mend}`,
  downloadAgain: `Download it again, or mend the descriptor.`,
  noGraphModel: `{file} is no TF.js graph model`,
  needsConverter: `a TF.js graph model needs @tensorflow/tfjs-converter, which is not installed: run "npm install \
@tensorflow/tfjs-converter" in the Node-RED user folder.`,
  refusesPicture: `the model {model} does not take a {side} × {side} {layout} picture ({reason}): mend inputSize \
or layout in its descriptor.`,
  givesOther: `the model {model} gives embeddings of {length} dimensions, its descriptor says {dimensions}: mend \
the descriptor, or use the file it was written for.`,
  noOnnx: `the model file {file} is no ONNX model that {runtime} can read ({reason}).`,
  onnxInstead: `an ONNX model needs an ONNX runtime: {instead}, or run "npm install onnxruntime-web" there.`,
  needsOnnx: `an ONNX model needs an ONNX runtime, and none is installed: run "npm install onnxruntime-node" (set \
onnxruntime-node-install=skip in .npmrc to download nothing) or "npm install onnxruntime-web" in the Node-RED user \
folder, then deploy again.`,
  noNetwork: `the model file {file} is no model that can be read here: {reason}. Convert it to ONNX.`,
  outside: `a box in msg.faces (x {x}, y {y}, {width} × {height}) lies outside the picture ({pictureWidth} × \
{pictureHeight}): msg.payload and msg.faces must be of the same picture.`,
  broke: `{engine} broke on {faces} faces of a picture of {width} × {height} pixels and was restarted: send a \
smaller picture, or one with fewer faces.`,
  noNumber: `the model {model} gave an embedding that is no number: its file or its descriptor's mean and scale \
are wrong.`,
  wasmFailed: `the engine "TF.js WASM" cannot be used ({reason}): look whether the computer has memory left, and \
install this package again if a file of it is missing.`,
  sha256: `must be 64 hexadecimal digits`,
  id: `must be letters, digits, dots, dashes`,
  plainFile: `must be plain file names beside model.json`,
  outputs: `it has {outputs} outputs, not one`,
} as const;
