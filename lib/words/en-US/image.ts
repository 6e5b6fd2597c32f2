export const image = {
  tooLarge: `the picture has more than {megapixels} megapixels: scale it down before it comes here.`,
  unreadable: `the picture cannot be read ({reason}): it may be cut off or damaged; send it again.`,
  empty: `the picture is empty: send the file's bytes as they are.`,
  otherKind: `it is {kind} ({bytes} bytes), not a {kinds} picture: send such a file's bytes as they are.`,
  noPicture: `not a picture that can be read`,
  readableKinds: `JPEG, PNG, WebP, GIF, AVIF or HEIC`,
  rawSize: `msg.payload has {bytes} bytes, but a raw RGB frame of {width} × {height} has {expected}: leave payload \
and msg.frame as the camera made them.`,
  heicDecoder: `it is a HEIC picture, as phones make them, and {decoder}, which reads them, is not installed: run \
"npm install {decoder}" in the Node-RED user folder, send a JPEG instead, or set the phone's camera to JPEG (iPhone: \
Settings, Camera, Formats, Most Compatible).`,
  heicUnreadable: `the HEIC picture cannot be read ({reason}): save it as JPEG and send that.`,
  heicEmpty: `it holds no picture`,
  svg: `an SVG drawing`,
  webPage: `a web page: the address answers with HTML, perhaps a login`,
  pdf: `a PDF`,
  bmp: `a BMP picture`,
  jpeg2000: `a JPEG 2000 picture`,
  jpegXl: `a JPEG XL picture`,
  zip: `a zip archive`,
  gzip: `compressed (gzip)`,
  matroska: `a video (Matroska or WebM)`,
  avi: `a video (AVI)`,
  mp4: `a video (MP4 or MOV)`,
} as const;
