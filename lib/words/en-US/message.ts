export const message = {
  faceField: `msg.face is {what}: it is this package's own field, with the version of its messages; keep what else \
is there in another field.`,
  text: `text`,
  noVersion: `without a version that is a whole number from 1`,
  newerVersion: `msg.face.version is {version}, and this node reads messages up to version {most}: they come from \
a newer version of the package. Update it on this Node-RED, or delete msg.face and see whether it works.`,
  noFrame: `msg.frame is not a frame: {complaints}. Leave it as the camera node made it, or delete it.`,
  noPicture: `msg.payload is {what}, not a picture: send a Buffer with a {kinds} file in it ({binary}), or such a \
file as base64.`,
  binary: `a "read file" node set to "a single buffer object", an "http request" set to "a binary buffer"`,
  pictureInside: `msg.payload is not a picture, but {place} is one: put a "change" node before this one that sets \
msg.payload to it, or for several a "split" node.`,
  emptyBuffer: `msg.payload is an empty Buffer, not a picture: look at the node that made it; the file may have \
zero bytes.`,
  textTooLarge: `msg.payload is text of more than {megabytes} MB of picture: scale the picture down before it \
comes here.`,
  uriWithoutBase64: `msg.payload is a data URI without base64, not a picture: send data:image/jpeg;base64,… or a \
Buffer.`,
  uriDamaged: `msg.payload is a data URI whose base64 is empty or has other characters in it: it was cut or \
changed on the way; send it as it was made, or a Buffer.`,
  nothing: `nothing`,
  null: `null`,
  array: `an array`,
  ofType: `a value of type {type}`,
  emptyText: `empty text`,
  address: `an address (an "http request" node fetches a picture, a camera node watches a stream)`,
  json: `JSON text (a "json" node reads it; then put the picture's field into msg.payload)`,
  fileName: `the name of a file (a "read file" node reads it)`,
  mangled: `a file that was read as text, which destroys a picture`,
  noBase64: `text that is no base64 of a picture`,
  noFaces: `msg.faces is missing: put a haar-detect node before this one.`,
  notFaces: `msg.faces is not a list of detections: {complaints}.`,
  notFinite: `holds a NaN or an infinite number`,
} as const;
