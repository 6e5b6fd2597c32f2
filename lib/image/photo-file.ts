/** What a file is, by how it begins; nothing here decodes. */
import { phrase, type Sentence } from "../words/sentence";

/** Pictures that a stage can open. HEIC needs the optional decoder. */
export type PhotoKind = "jpeg" | "png" | "gif" | "tiff" | "webp" | "avif" | "heic";

/** What a photo may be, by the ending of its name. */
export const PHOTO_ENDINGS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".jfif",
  ".png",
  ".webp",
  ".gif",
  ".avif",
  ".tif",
  ".tiff",
  ".heic",
  ".heif",
  ".hif",
]);

/** Pictures that somebody means as photos but that no decoder here reads; said, not passed over. */
export const OTHER_PICTURE_ENDINGS: ReadonlySet<string> = new Set([
  ".bmp",
  ".jp2",
  ".jxl",
  ".dng",
  ".cr2",
  ".cr3",
  ".nef",
  ".arw",
  ".svg",
  ".psd",
]);

/** Said in sentences: what may be sent. */
export const READABLE_KINDS = phrase("image.readableKinds");

/** Beginnings of files, by offset: JPEG, PNG, GIF, TIFF (both byte orders), WebP. */
const BEGINNINGS: readonly (readonly [kind: PhotoKind, offset: number, text: string])[] = [
  ["jpeg", 0, "\xff\xd8\xff"],
  ["png", 0, "\x89PNG\r\n\x1a\n"],
  ["gif", 0, "GIF8"],
  ["tiff", 0, "II*\0"],
  ["tiff", 0, "MM\0*"],
  ["webp", 8, "WEBP"],
];

/**
 * Brands of an ISO base media file (ISO/IEC 14496-12; 23008-12 for HEIC, its Annex B for the HEVC brands; AV1 Image
 * File Format).
 */
const AVIF_BRANDS = new Set(["avif", "avis"]);
const HEIC_BRANDS = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]);

/** Other files that people send by mistake, told by name. */
const STRANGERS: readonly (readonly [name: Sentence, beginning: RegExp])[] = [
  [phrase("image.svg"), /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--|<!DOCTYPE svg|<svg)/i],
  [phrase("image.webPage"), /^\s*<(?:!DOCTYPE|html|head|body)/i],
  [phrase("image.pdf"), /^%PDF/],
  [phrase("image.bmp"), /^BM[\s\S]{4}\0\0\0\0/],
  [phrase("image.jpeg2000"), /^(?:\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  [phrase("image.jpegXl"), /^(?:\xff\x0a|\0\0\0\x0cJXL )/],
  [phrase("image.zip"), /^PK\x03\x04/],
  [phrase("image.gzip"), /^\x1f\x8b/],
  [phrase("image.matroska"), /^\x1aE\xdf\xa3/],
  [phrase("image.avi"), /^RIFF[\s\S]{4}AVI /],
];

/** How much of a file is looked at: a list of brands is some dozens of bytes. */
const HEAD_BYTES = 256;
const BRAND_LENGTH = 4;

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES)).toString("latin1");
}

/** The major and the compatible brands of an ISO base media file; none where it is none. */
function brandsOf(head: string): string[] {
  if (!head.startsWith("ftyp", BRAND_LENGTH)) return [];
  const size = Math.min(Buffer.from(head.slice(0, BRAND_LENGTH), "latin1").readUInt32BE(), head.length);
  const brands: string[] = [];
  for (let at = 8; at + BRAND_LENGTH <= size; at += BRAND_LENGTH)
    if (at !== 12) brands.push(head.slice(at, at + BRAND_LENGTH));
  return brands;
}

/**
 * What these bytes are, or undefined where they are no photo. libvips would draw an SVG too: a program that a stranger
 * wrote, and nobody's face.
 */
export function kindOf(bytes: Uint8Array): PhotoKind | undefined {
  const head = headOf(bytes);
  const plain = BEGINNINGS.find(([, offset, text]) => head.startsWith(text, offset));
  if (plain !== undefined) return plain[0];
  const brands = brandsOf(head);
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return "avif";
  return brands.some((brand) => HEIC_BRANDS.has(brand)) ? "heic" : undefined;
}

/** What a file that is no photo may be, for a sentence ("it is …"); undefined where that cannot be told. */
export function nameOfOther(bytes: Uint8Array): Sentence | undefined {
  const head = headOf(bytes);
  if (brandsOf(head).length > 0) return phrase("image.mp4");
  return STRANGERS.find(([, beginning]) => beginning.test(head))?.[0];
}
