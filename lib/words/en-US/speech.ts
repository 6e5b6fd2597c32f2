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
  noEngine: `there is no speech engine: run "npm install @echogarden/espeak-ng-emscripten" in the Node-RED user \
folder, or install espeak-ng.`,
  noPlayer: `there is no player: install alsa-utils (aplay) or pulseaudio-utils (paplay), or send the WAV in \
msg.payload to a dashboard.`,
  template: `must have {names} in it`,
  noVoice: `it has no voice "{voice}": choose another, or leave the voice empty`,
} as const;
