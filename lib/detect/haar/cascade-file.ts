/** Cascade files: where they are, and what must be known of one before OpenCV sees it. */
import { readFileSync } from "node:fs";
import { assetFile } from "../../assets";
import { UserError } from "../../errors";

/** OpenCV's frontal cascades and its profile one, shipped in assets/cascades; a path ends in .xml. */
export const CASCADES = ["frontalface_default", "frontalface_alt", "frontalface_alt2", "profileface"] as const;

export interface CascadeShape {
  /** Of the window that is moved over the picture, in pixels. */
  width: number;
  height: number;
  /** Integral images that its features need: upright sums and squares, and tilted sums where a feature is tilted. */
  channels: 2 | 3;
}

export interface CascadeFile {
  path: string;
  xml: Buffer;
  shape: CascadeShape;
}

/** What traincascade writes, and what haartraining wrote. */
const SHAPES = [
  /<height>\s*(?<height>\d+)\s*<\/height>\s*<width>\s*(?<width>\d+)\s*<\/width>/,
  /<size>\s*(?<width>\d+)\s+(?<height>\d+)\s*<\/size>/,
];
const TILTED = /<tilted>\s*1\s*<\/tilted>/;
/** A file that is cut off does not end so. */
const END = /<\/opencv_storage>\s*$/;
/** More is no window of a face. */
const MOST_SIDE = 1000;

/** @param name a built-in cascade or a path @throws a sentence when the file cannot be read or is no cascade */
export function readCascade(name: string): CascadeFile {
  const path = (CASCADES as readonly string[]).includes(name)
    ? assetFile("cascades", `haarcascade_${name}.xml`)
    : name;
  let xml: Buffer;
  try {
    xml = readFileSync(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "error";
    throw new UserError("detect.cascadeUnreadable", { path, reason }, { cause: error });
  }
  const text = xml.toString("latin1");
  const groups = SHAPES.map((shape) => shape.exec(text)?.groups).find((found) => found !== undefined);
  const [width, height] = [Number(groups?.["width"]), Number(groups?.["height"])];
  if (!END.test(text) || !(width > 0 && height > 0 && width <= MOST_SIDE && height <= MOST_SIDE))
    throw noCascade(path);
  return { path, xml, shape: { width, height, channels: TILTED.test(text) ? 3 : 2 } };
}

/** @param cause what OpenCV said of it */
export function noCascade(path: string, cause?: unknown): UserError {
  return new UserError("detect.noCascade", { path }, { cause });
}
