export const liveness = {
  noTracks: `a face can be challenged only where it is followed from frame to frame: put a camera and a detector with \
*Follow faces* before this node; a single photo cannot turn its head.`,
  noFlash: `only the page of a browser's camera can show colours: set the camera node to *browser*, open its page, or \
ask for "turn".`,
} as const;
