export const nodes = {
  cameraNameTaken: `another camera has the name "{name}", too (node {others}): give each a name of its own, so that \
events and statistics tell which it was.`,
  cameraCommand: `the message is none this node understands: send "start", "stop" or "snapshot" as msg.payload.`,
  variableUnset: `the environment variable {name} is not set.`,
} as const;
