const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;

/** 16-bit mono samples as a WAV file (RIFF, PCM). @param sampleRate in hertz */
export function toWav(samples: Int16Array, sampleRate: number): Buffer {
  const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("RIFF", 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + data.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * SAMPLE_BYTES, 28);
  header.writeUInt16LE(SAMPLE_BYTES, 32);
  header.writeUInt16LE(8 * SAMPLE_BYTES, 34);
  header.write("data", 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** How long a WAV file plays, in milliseconds; 0 when it is none. */
export function wavDuration(wav: Buffer): number {
  if (wav.length < HEADER_BYTES || wav.toString("latin1", 0, 4) !== "RIFF" || wav.toString("latin1", 8, 12) !== "WAVE")
    return 0;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= wav.length;) {
    const id = wav.toString("latin1", at, at + 4);
    const size = wav.readUInt32LE(at + 4);
    if (id === "fmt ") bytesPerSecond = wav.readUInt32LE(at + 16);
    // A piped WAV may claim more than there is.
    if (id === "data") return bytesPerSecond === 0 ? 0 : (Math.min(size, wav.length - at - 8) / bytesPerSecond) * 1000;
    at += 8 + size + (size % 2);
  }
  return 0;
}
