export const image = {
  tooLarge: `圖片超過 {megapixels} 百萬像素：請先縮小再送來。`,
  unreadable: `無法讀取圖片（{reason}）：檔案可能不完整或已損毀，請重新傳送。`,
  empty: `圖片是空的：請原封不動地傳送檔案的位元組。`,
  otherKind: `這是{kind}（{bytes} 位元組），不是 {kinds} 圖片：請原封不動地傳送這類檔案的位\
元組。`,
  noPicture: `無法辨識的內容`,
  readableKinds: `JPEG、PNG、WebP、GIF、AVIF 或 HEIC`,
  rawSize: `msg.payload 有 {bytes} 位元組，但 {width} × {height} 的原始 RGB 影格應有 {expected} 位元\
組：請讓 payload \
與 msg.frame 保持攝影機節點產生的樣子。`,
  heicDecoder: `這是手機常用的 HEIC 圖片，但讀取它所需的 {decoder} 尚未安裝：\
請在 Node-RED 的使用者資料夾執行 \
「npm install {decoder}」，或改傳 JPEG，或將手機相機設為 JPEG（iPhone：設定、相機、格式、\
最相容）。`,
  heicUnreadable: `無法讀取 HEIC 圖片（{reason}）：請另存為 JPEG 再傳送。`,
  heicEmpty: `裡面沒有圖片`,
  svg: ` SVG 圖形`,
  webPage: `網頁（該位址回應的是 HTML，可能是登入頁面）`,
  pdf: ` PDF`,
  bmp: ` BMP 圖片`,
  jpeg2000: ` JPEG 2000 圖片`,
  jpegXl: ` JPEG XL 圖片`,
  zip: ` zip 壓縮檔`,
  gzip: `壓縮檔（gzip）`,
  matroska: `影片（Matroska 或 WebM）`,
  avi: `影片（AVI）`,
  mp4: `影片（MP4 或 MOV）`,
  tooLong: `圖片的寬或高超過 {most} 像素：請先裁切或縮小再送來。`,
  tooSlow: `圖片解碼所需的時間過長：請另存為 JPEG，或先縮小。`,
  mangled: `在途中被當成文字讀取的檔案（圖片因此毀損）`,
  base64: ` base64 文字，而不是它所代表的內容`,
  xml: ` XML 文件（該位址回應的可能是錯誤）`,
  json: ` JSON 文字（該位址回應的可能是錯誤）`,
  raw: `相機的 RAW 圖片（DNG、CR2、NEF 等）`,
  bigTiff: ` BigTIFF 圖片`,
  psd: ` Photoshop 檔案`,
  ico: `圖示（ICO）`,
  pnm: ` PNM 圖片`,
  stream: `影片串流`,
};
