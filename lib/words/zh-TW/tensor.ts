export const tensor = {
  none: `沒有可用的引擎`,
  otherwise: `{mend}，或選用引擎「TF.js WASM」。`,
  noOnnx: `引擎「ONNX」需要 onnxruntime-node，但尚未安裝：請在 Node-RED 使用者資料夾執行「npm install \
onnxruntime-node」（加上 --onnxruntime-node-install=skip，否則會一併下載 CUDA 的部分），再重新部署`,
  noTensorFlow: `引擎「TensorFlow」需要 @tensorflow/tfjs-node，但尚未安裝：請在 Node-RED 使用者資料夾執行「npm install \
@tensorflow/tfjs-node」（會下載 libtensorflow），再重新部署`,
  unusable: `已安裝 {name} 但無法使用（{reason}）：{mend}，再重新部署`,
  rebuild: `請以這個 Node.js（{version}）在 Node-RED 使用者資料夾執行「npm rebuild {name}」`,
  reinstall: `請在這台電腦（{platform} {arch}、Node.js {version}）的 Node-RED 使用者資料夾執行「npm uninstall {name}」，\
再執行「npm install {name}」`,
  weightsCut: `{path} 旁的權重檔在 {name} 處不完整：請重新安裝本套件。`,
};
