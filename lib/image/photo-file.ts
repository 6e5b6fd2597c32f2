/** What a file is, by how it begins; nothing here decodes. */
import { phrase, type Sentence } from "../words/sentence";

/** Pictures that a stage can open. HEIC needs the optional decoder. */
export type PhotoKind = "jpeg" | "png" | "gif" | "tiff" | "webp" | "avif" | "heic";

/** What a photo may be, by the ending of its name. */
export const PHOTO_ENDINGS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jif",
  ".jfif",
  ".pjpeg",
  ".pjp",
  ".mpo",
  ".png",
  ".apng",
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
export const OTHER_PICTURE_ENDINGS: ReadonlySet<string> = new Set(
  [
    ".bmp .ico .psd .xcf .svg .eps .tga .pcx .pbm .pgm .ppm .pnm .hdr .exr .jp2 .j2k .jpf .jpx .jxl .jxr",
    // Cameras' raw pictures.
    ".dng .cr2 .cr3 .crw .nef .nrw .arw .sr2 .srf .raf .orf .rw2 .rwl .raw .pef .srw .x3f .3fr .iiq .erf .kdc .dcr",
    ".mrw .gpr",
  ].flatMap((endings) => endings.split(" ")),
);

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
const HEIC_BRANDS = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"]);
/** Canon's raw pictures are in the container of a video. */
const RAW_BRAND = "crx ";

/** Other files that people send by mistake, told by name; the first that fits. */
const STRANGERS: readonly (readonly [name: Sentence, beginning: RegExp])[] = [
  [phrase("image.mangled"), /^\xef\xbf\xbd(?:\xef\xbf\xbd|PNG)/],
  [phrase("image.base64"), /^\s*["']?(?:data:image\/|\/9j\/|iVBORw0KGgo|R0lGOD|UklGR|AAAA[\w+/]{4}ZnR5c)/i],
  [phrase("image.svg"), /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--|<!DOCTYPE svg|<svg)/i],
  [phrase("image.webPage"), /^\s*<(?:!DOCTYPE|html|head|body)/i],
  [phrase("image.xml"), /^\s*<\?xml/i],
  [phrase("image.json"), /^\s*[[{]\s*["[{\d}\]]/],
  [phrase("image.pdf"), /^%PDF/],
  [phrase("image.raw"), /^(?:FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM)/],
  [phrase("image.bigTiff"), /^(?:II\+\0|MM\0\+)/],
  [phrase("image.psd"), /^8BPS/],
  [phrase("image.ico"), /^\0\0[\x01\x02]\0/],
  [phrase("image.pnm"), /^P[1-7]\s/],
  [phrase("image.bmp"), /^BM[\s\S]{4}\0\0\0\0/],
  [phrase("image.jpeg2000"), /^(?:\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  [phrase("image.jpegXl"), /^(?:\xff\x0a|\0\0\0\x0cJXL )/],
  [phrase("image.zip"), /^PK\x03\x04/],
  [phrase("image.gzip"), /^\x1f\x8b/],
  [phrase("image.matroska"), /^\x1aE\xdf\xa3/],
  [phrase("image.avi"), /^RIFF[\s\S]{4}AVI /],
  [phrase("image.mp4"), /^[\s\S]{4}(?:moov|mdat|wide|free|skip)/],
  [phrase("image.stream"), /^(?:G[\s\S]{187}G|\0\0\0?\x01[\x09\x27\x40\x42\x67\xb3\xba])/],
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

/** Tags of a TIFF (TIFF 6.0; Adobe's DNG specification 1.7). */
const NEW_SUBFILE_TYPE = 254;
const DNG_VERSION = 50706;
const ENTRY_BYTES = 12;
const MOST_TAGS = 200;

/**
 * Raw pictures of cameras (DNG, CR2, NEF, ARW) are TIFFs whose first picture is a thumbnail of what follows: it would
 * be taken for the photo.
 */
function isRaw(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 12) return false;
  const little = bytes[0] === 0x49;
  if (Buffer.from(bytes.buffer, bytes.byteOffset + 8, 2).toString("latin1") === "CR") return true;
  const begin = view.getUint32(4, little) + 2;
  if (begin > view.byteLength) return false;
  const end = Math.min(begin + ENTRY_BYTES * Math.min(MOST_TAGS, view.getUint16(begin - 2, little)), view.byteLength);
  for (let at = begin; at + ENTRY_BYTES <= end; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, little);
    if (tag === DNG_VERSION || (tag === NEW_SUBFILE_TYPE && (view.getUint32(at + 8, little) & 1) === 1)) return true;
  }
  return false;
}

/**
 * What these bytes are, or undefined where they are no photo. libvips would draw an SVG too: a program that a stranger
 * wrote, and nobody's face.
 */
export function kindOf(bytes: Uint8Array): PhotoKind | undefined {
  const head = headOf(bytes);
  const plain = BEGINNINGS.find(([, offset, text]) => head.startsWith(text, offset));
  if (plain !== undefined) return plain[0] === "tiff" && isRaw(bytes) ? undefined : plain[0];
  const brands = brandsOf(head);
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return "avif";
  return brands.some((brand) => HEIC_BRANDS.has(brand)) ? "heic" : undefined;
}

/** What a file that is no photo may be, for a sentence ("it is …"); undefined where that cannot be told. */
export function nameOfOther(bytes: Uint8Array): Sentence | undefined {
  const head = headOf(bytes).replace(BYTE_ORDER_MARK, "");
  const brands = brandsOf(head);
  if (brands.includes(RAW_BRAND) || BEGINNINGS.some(([kind, , text]) => kind === "tiff" && head.startsWith(text)))
    return phrase("image.raw");
  if (brands.length > 0) return phrase("image.mp4");
  return STRANGERS.find(([, beginning]) => beginning.test(head))?.[0];
}

const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;
