export const speech = {
  notSpoken: `nothing is spoken`,
  stopped: `{program} was stopped.`,
  late: `{program} did not end within {seconds} seconds and was stopped.`,
  failed: `{program} failed: {reason}.`,
  noSound: `it wrote no sound`,
  saidNothing: `eSpeak NG said nothing for the language {language}: choose another.`,
  closed: `it was closed`,
  silent: `it did not answer within {seconds} seconds`,
  processEnded: `its process ended`,
  tooMany: `too many greetings wait to be spoken.`,
} as const;
