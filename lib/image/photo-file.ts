/** What begins like a photo. */

/** Beginnings of files, by offset: JPEG, PNG, GIF, TIFF (both byte orders), WebP, and AVIF or HEIC. */
const BEGINNINGS: readonly (readonly [offset: number, text: string])[] = [[0, "\xff\xd8\xff"], [0, "\x89PNG\r\n\x1a\n"], [0, "GIF8"], [0, "II*\0"], [0, "MM\0*"], [8, "WEBP"], [4, "ftyp"]];

/** How much of a file the longest of these covers. */
const HEAD_BYTES = 12;

/** Whether these bytes begin like a photo's file. libvips would draw an SVG too: a program that a stranger wrote, and nobody's face. */
export function beginsLikePhoto(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES)).toString("latin1");
  return BEGINNINGS.some(([offset, text]) => head.startsWith(text, offset));
}
