export const nodes = {
  cameraNameTaken: `another camera has the name "{name}", too (node {others}): give each a name of its own, so that \
events and statistics tell which it was.`,
  cameraCommand: `the message is none this node understands: send "start", "stop" or "snapshot" as msg.payload.`,
  variableUnset: `the environment variable {name} is not set.`,
  variableUnsetIn: `{field}: the variable {name} is not set: set it in the environment of Node-RED or of the flow, \
or write the value itself.`,
  noNumber: `"{value}" is not a number`,
  noFlag: `"{value}" is neither true nor false`,
  noGallery: `no gallery is chosen: open the node and pick a face-gallery.`,
  photosNeedLook: `photos in the folder need a look ({code}): the sidebar Faces and this gallery's form say which \
and why.`,
  thresholdTooLarge: `threshold: must be at most {most} with the gallery's model, not {threshold}: everybody would \
match.`,
  wantedWrong: `wanted: "{wanted}" is neither a share of strangers (0.01 is one in a hundred) nor "{fixed}".`,
  otherModel: `the faces were embedded by another model than the gallery's ({model}): choose the same one in \
facenet-embed and in the gallery.`,
  nobodyClaimed: `nobody is claimed: set msg.claim to the name of the person to verify.`,
  nobodyToGreet: `there is nobody to greet in this message: wire the first output of face-match or \
face-presence here, or set msg.names = ["Alice"].`,
  nothingToSay: `msg.say must be a text of at most {most} characters.`,
  notMatched: `no face of this message was matched with the gallery: put a face-match node before this one.`,
  matchWithoutName: `msg.faces has a match without a name: set identity.name = "Alice".`,
  configuration: `configuration`,
} as const;
