export const common = {
  wrong: `{what}: {complaints}`,
  and: `{sentence}. {next}`,
  invalid: `{complaints}.`,
  region: `must be four numbers: x, y, width, height`,
  language: `must be a language such as en or zh-TW`,
  voice: `must be the name of a voice`,
  fingerprint: `must be a SHA-256 fingerprint: 64 hexadecimal digits`,
  device: `must be a camera of this computer: /dev/video0 on Linux, 0 on macOS, the camera's name on Windows`,
  missing: `is missing`,
  path: `must be a path`,
  noFingerprint: `is missing: give the SHA-256 fingerprint of the camera's certificate`,
} as const;
