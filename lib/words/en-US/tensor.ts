export const tensor = {
  none: `no engine can be used`,
  otherwise: `{mend}, or choose the engine "TF.js WASM".`,
  noOnnx: `the engine "ONNX" needs onnxruntime-node, which is not installed: run "npm install onnxruntime-node" (with \
--onnxruntime-node-install=skip, or it downloads CUDA's part too) in the Node-RED user folder, then deploy again`,
  noTensorFlow: `the engine "TensorFlow" needs it, but @tensorflow/tfjs-node is not installed: run "npm install \
@tensorflow/tfjs-node" in the Node-RED user folder (it downloads libtensorflow), then deploy again`,
  unusable: `{name} is installed but cannot be used ({reason}): {mend}, then deploy again`,
  rebuild: `run "npm rebuild {name}" in the Node-RED user folder with this Node.js ({version})`,
  reinstall: `run "npm uninstall {name}" and then "npm install {name}" in the Node-RED user folder, on this computer \
({platform} {arch}, Node.js {version})`,
  weightsCut: `the weights beside {path} are cut off at {name}: install the package again.`,
} as const;
