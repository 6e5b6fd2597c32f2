export const detect = {
  outside: `偵測區域在圖片（{width} × {height}）之外：請以圖片的像素設定，或清除它。`,
  noSuchDetector: `沒有偵測器「{id}」：請選擇 {ids} 其中之一。`,
  broke: `{engine} 在處理 {width} × {height} 像素的圖片時中斷，已重新啟動：請傳送較小的圖片。`,
  modelUnreadable: `無法讀取模型檔 {file}（{reason}）：請重新安裝本套件。`,
  modelDamaged: `模型檔 {file} 已損毀：請重新安裝本套件。`,
  cascadeUnreadable: `無法讀取分類器檔 {path}（{reason}）：請選擇內建的分類器，或 OpenCV 分類器（.xml）的路徑。`,
  noCascade: `檔案 {path} 不是 OpenCV 分類器：請選擇內建的，或由 OpenCV 的 traincascade 產生的 .xml。`,
  nativeMissing: `原生引擎 {module} 尚未安裝：請在 Node-RED 的使用者資料夾執行「npm install {module}」（需編譯數分鐘，且需要 OpenCV，在 Debian 上為 \
libopencv-dev），或選擇引擎「OpenCV WASM」。`,
  nativeOtherNode: `原生引擎 {module} 是為其他版本的 Node.js 編譯的，不是現在的 {version}：請在 Node-RED 的使用者資料夾執行「npm rebuild {module}」，或選\
擇引擎「OpenCV WASM」。`,
  nativeUnloadable: `原生引擎 {module} 已安裝但無法載入（{reason}）：請在 Node-RED 的使用者資料夾重新安裝，或選擇引擎「OpenCV WASM」。`,
  nativeBroke: `原生引擎 {module} 在處理 {width} × {height} 像素的圖片時中斷（{reason}），正在重新啟動：請傳送較小的圖片，或選擇引擎「OpenCV WASM」。`,
  nativeFailed: `原生引擎 {module} 執行失敗（{reason}）：請選擇引擎「OpenCV WASM」。`,
  nativeCascade: `原生引擎 {module} 無法使用分類器檔 {path}（{reason}）：請選擇內建的分類器，或由 OpenCV 的 traincascade 產生的 .xml。`,
  noAnswerWithin: `{seconds} 秒內沒有回應`,
  sizes: `最大的臉小於最小的臉（minSize）：什麼也找不到`,
  cascadeForm: `必須是內建的分類器，或 .xml 檔的路徑`,
  workingWidth: `必須是「auto」、以像素為單位的寬度，或 0`,
  tooManyCameras: `送到這裡的影格來自超過 {most} 台攝影機，其餘的無法追蹤：請讓每台攝影機使用固定的 msg.frame.source，或分給數個節點。`,
};
