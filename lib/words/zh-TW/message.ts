export const message = {
  faceField: `msg.face 是{what}：這是本套件專用的欄位，記錄訊息的版本；\
其他內容請放在別的欄位。`,
  text: `文字`,
  noVersion: `沒有版本的物件（版本須為 1 以上的整數）`,
  newerVersion: `msg.face.version 是 {version}，而本節點最多讀取第 {most} 版的訊息：\
它來自較新版本的套件。請更新這個 Node-RED 上的套件，或刪除 msg.face \
再試試看。`,
  noFrame: `msg.frame 不是影格：{complaints}。請維持攝影機節點所產生的內容，或將它刪除。`,
  noPicture: `msg.payload 是{what}，不是圖片：請傳送含有 {kinds} 檔案的 Buffer（{binary}），\
或以 base64 表示的這類檔案。`,
  binary: `「read file」節點設為「一個 Buffer 物件」，「http request」節點設為「二進位 Buffer\
」`,
  pictureInside: `msg.payload 不是圖片，但 {place} 是：請在本節點之前用「change」\
節點將 msg.payload 設為它；若有多張，可用「split」節點逐一送出。`,
  emptyBuffer: `msg.payload 是空的 Buffer，不是圖片：請檢查產生它的節點；\
檔案可能是 0 位元組。`,
  textTooLarge: `msg.payload 的文字代表超過 {megabytes} MB 的圖片：請先縮小圖片再送來。`,
  uriWithoutBase64: `msg.payload 是沒有 base64 的 data URI，不是圖片：請傳送 data:image/jpeg;base64,… \
或 Buffer。`,
  uriDamaged: `msg.payload 是 data URI，但其 base64 是空的或含有其他字元：\
它在途中被截斷或變更；請原樣傳送，或改傳 Buffer。`,
  nothing: `空的`,
  null: ` null`,
  array: `陣列`,
  ofType: `{type} 型別的值`,
  emptyText: `空白文字`,
  address: `位址（「http request」節點可抓取圖片，攝影機節點可觀看串流）`,
  json: `JSON 文字（「json」節點可讀取；再將圖片欄位放入 msg.payload）`,
  fileName: `檔名（「read file」節點可讀取）`,
  mangled: `被當成文字讀取的檔案，圖片因此毀損`,
  noBase64: `不是圖片 base64 的文字`,
  noFaces: `缺少 msg.faces：請在此節點之前放一個 haar-detect 節點。`,
  notFaces: `msg.faces 不是偵測結果的清單：{complaints}。`,
  notFinite: `含有 NaN 或無限大`,
};
