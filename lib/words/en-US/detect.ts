export const detect = {
  outside: `the region of interest lies outside the picture ({width} × {height}): set it in pixels of the picture, \
or clear it.`,
  noSuchDetector: `there is no detector "{id}": choose one of {ids}.`,
  broke: `{engine} broke on a picture of {width} × {height} pixels and was restarted: send a smaller picture.`,
  modelUnreadable: `the model file {file} cannot be read ({reason}): install this package again.`,
  modelDamaged: `the model file {file} is damaged: install this package again.`,
  cascadeUnreadable: `the cascade file {path} cannot be read ({reason}): choose a built-in cascade or the path of \
an OpenCV cascade (.xml).`,
  noCascade: `the file {path} is not an OpenCV cascade: choose a built-in one or a .xml made by OpenCV's \
traincascade.`,
  nativeMissing: `the native engine {module} is not installed: run "npm install {module}" in the Node-RED user \
folder (it compiles for minutes and needs OpenCV, on Debian libopencv-dev), or choose the engine "OpenCV WASM".`,
  nativeOtherNode: `the native engine {module} was compiled for another Node.js than this ({version}): run "npm \
rebuild {module}" in the Node-RED user folder, or choose the engine "OpenCV WASM".`,
  nativeUnloadable: `the native engine {module} is installed but cannot be loaded ({reason}): install it again in \
the Node-RED user folder, or choose the engine "OpenCV WASM".`,
  nativeBroke: `the native engine {module} broke on a picture of {width} × {height} pixels ({reason}) and is \
restarted: send a smaller picture, or choose the engine "OpenCV WASM".`,
  nativeFailed: `the native engine {module} failed ({reason}): choose the engine "OpenCV WASM".`,
  nativeCascade: `the native engine {module} cannot use the cascade file {path} ({reason}): choose a built-in \
cascade or a .xml made by OpenCV's traincascade.`,
  noAnswerWithin: `no answer within {seconds} s`,
  sizes: `the largest face is smaller than the smallest (minSize): nothing could be found`,
  cascadeForm: `must be a built-in cascade or the path of an .xml file`,
  workingWidth: `must be "auto", a width in pixels, or 0`,
  tooManyCameras: `frames of more than {most} cameras come here, and those beyond are not followed: give each camera \
one msg.frame.source, or divide them among several of these nodes.`,
} as const;
