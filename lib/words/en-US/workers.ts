export const workers = {
  full: `{most} tasks wait for this stage already: send fewer pictures at once.`,
  tooManyWaiting: `too many pictures are waiting ({most}): send them more slowly, one after the answer to the last.`,
  tooManySources: `too many sources send frames at once ({number}): msg.frame.source must name the camera, not the \
frame.`,
} as const;
