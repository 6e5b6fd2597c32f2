/** Reading sizes and boundaries of JPEG files without decoding them. */

const MARKER = 0xff;
const START_OF_IMAGE = 0xd8;

/** Width and height from the frame header (ITU-T T.81, B.2.2), or undefined when it is no JPEG. */
export function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  if (bytes.length < 4 || bytes[0] !== MARKER || bytes[1] !== START_OF_IMAGE) return undefined;
  for (let at = 2; at + 9 < bytes.length;) {
    if (bytes[at] !== MARKER) return undefined;
    const marker = bytes[at + 1] as number;
    // Markers may be preceded by fill bytes (B.1.1.2).
    if (marker === MARKER) {
      at += 1;
      continue;
    }
    // SOF0–15, but for the tables that share the range: DHT, JPG, DAC.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
