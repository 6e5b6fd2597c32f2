/** Draw what was recognized into the picture: a box a face, the name, the distance and τ; hide faces on wish. */
import { distanceText } from "../format";
import type { Face, Identity, Picture } from "../message";
import { type Colours, coloursOf, squaresOver } from "./hide";
import { closedPicture, withPicture } from "./open-picture";
import { drawable, STROKE, strokePath, strokeWidth } from "./stroke-font";

/** The words of the reader's language for those without a name. */
export interface Words {
  unknown: string;
  ambiguous: string;
  /** Of faces that are found and cannot be judged. */
  occluded: string;
  too_dark: string;
}

export interface AnnotateOptions {
  words: Words;
  /** JPEG quality, 1 to 100. */
  quality: number;
  /** Whose faces the picture must not show; all are shown where this is absent. */
  hides?: ((face: Face) => boolean) | undefined;
}

export interface Annotated {
  jpeg: Buffer;
  /** Pixels of the picture as shown. */
  width: number;
  height: number;
}

/**
 * Colours of Okabe & Ito, told apart by the colour-blind too; the label says it in words. Whoever may not pass has a
 * red of its own.
 */
const COLOURS = {
  match: "#009E73",
  denied: "#CC0033",
  ambiguous: "#E69F00",
  unknown: "#D55E00",
  noface: "#999999",
} as const;

/** A label is this part of the picture's height, within bounds that stay readable. */
const LABEL_PART = 0.02;
const LABEL_LEAST = 8;
const LABEL_MOST = 40;

/** Longer names are cut: the label must not cover the next face. */
const NAME_LENGTH = 24;

/**
 * @throws a sentence when it is no picture
 * Costs the main thread next to nothing: libvips works in the thread pool.
 */
export async function annotate(
  picture: Picture,
  faces: readonly Face[],
  { words, quality, hides = () => false }: AnnotateOptions,
): Promise<Annotated> {
  return withPicture(closedPicture(picture), async ({ image, width, height }) => {
    const hidden = faces.filter(hides);
    const colours = hidden.length === 0 ? undefined : await coloursOf(image);
    const overlay = Buffer.from(drawing(faces, { width, height }, words, { hidden, colours }));
    const jpeg = await image
      .composite([{ input: overlay, top: 0, left: 0 }])
      .jpeg({ quality })
      .toBuffer();
    return { jpeg, width, height };
  });
}

/** The overlay as SVG, as large as the picture. @param hidden those of the faces that lie under squares */
export function drawing(
  faces: readonly Face[],
  picture: { width: number; height: number },
  words: Words,
  { hidden = [], colours }: { hidden?: readonly Face[]; colours?: Colours | undefined } = {},
): string {
  const size = Math.round(Math.min(LABEL_MOST, Math.max(LABEL_LEAST, picture.height * LABEL_PART)));
  // All squares lie below all labels.
  const squares = colours === undefined ? [] : hidden.map((face) => squaresOver(face, picture, colours));
  const shapes = [...squares, ...faces.map((face) => drawFace(face, picture, size, words))].join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${picture.width}" height="${picture.height}">${shapes}</svg>`;
}

/** What stands over and under a face's box: who, and how far from τ. */
export function labelOf(face: Face, words: Words): { title: string; detail: string } | undefined {
  const { identity } = face;
  if (identity === undefined || identity.outcome === "noface") return undefined;
  return {
    title: shorten(identity.name ?? wordFor(identity, words)),
    detail: measured(identity),
  };
}

function wordFor({ outcome, reason }: Identity, words: Words): string {
  if (reason === "occluded" || reason === "too_dark") return words[reason];
  return outcome === "ambiguous" ? words.ambiguous : words.unknown;
}

/** What a node says for those without a name. @param say the node's words, by their key */
export function wordsBy(say: (key: keyof Words) => string): Words {
  return {
    unknown: say("unknown"),
    ambiguous: say("ambiguous"),
    occluded: say("occluded"),
    too_dark: say("too_dark"),
  };
}

function measured({ distance, threshold }: Identity): string {
  if (distance === null) return "";
  return `${distanceText(distance)} ${distance <= threshold ? "≤" : ">"} τ ${distanceText(threshold)}`;
}

function shorten(name: string): string {
  const letters = Array.from(name);
  return letters.length <= NAME_LENGTH ? name : `${letters.slice(0, NAME_LENGTH - 2).join("")}..`;
}

function drawFace(face: Face, picture: { width: number; height: number }, size: number, words: Words): string {
  const { x, y, width, height } = face.box;
  const colour = COLOURS[face.identity?.outcome ?? "noface"];
  const line = Math.max(1, size / 5);
  const label = labelOf(face, words);
  // What the gate took for no face is drawn thin and dashed, so that one sees what the cascade found there.
  const dashes =
    face.rejected === undefined && face.identity?.outcome !== "noface"
      ? ""
      : ` stroke-dasharray="${2 * line} ${2 * line}"`;
  const box =
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="${colour}" ` +
    `stroke-width="${line}"${dashes}/>`;
  if (label === undefined) return box;
  const bar = size * 2;
  const title = Math.max(0, y >= bar ? y - bar : y);
  const detail = Math.min(picture.height - bar, y + height);
  const place = { x, size, colour, picture: picture.width };
  return (
    box +
    drawLabel(label.title, { ...place, y: title }) +
    (label.detail === "" ? "" : drawLabel(label.detail, { ...place, y: detail }))
  );
}

interface Place {
  /** Where the bar should begin, in pixels; it moves left rather than out of the picture. */
  x: number;
  y: number;
  /** Height of a capital in pixels. */
  size: number;
  colour: string;
  /** Width of the picture in pixels. */
  picture: number;
}

/** White on a bar of the outcome's colour, which is twice as high as a capital. */
function drawLabel(text: string, { x, y, size, colour, picture }: Place): string {
  const padding = size / 2;
  const plain = drawable(text);
  // An ideograph is as wide as it is high; a capital is about 0.7 of the font's size.
  const font = size / 0.7;
  const width = (plain === undefined ? Array.from(text).length * font : strokeWidth(plain, size)) + 2 * padding;
  const left = Math.max(0, Math.min(x, picture - width));
  const bar = `<rect x="${left}" y="${y}" width="${width}" height="${2 * size}" fill="${colour}"/>`;
  if (plain === undefined)
    return (
      `${bar}<text x="${left + padding}" y="${y + 1.5 * size}" font-family="sans-serif" font-size="${font}" ` +
      `fill="#fff">${escapeXml(text)}</text>`
    );
  return (
    `${bar}<path d="${strokePath(plain, left + padding, y + padding, size)}" fill="none" stroke="#fff" ` +
    `stroke-width="${(size / 6) * STROKE}" stroke-linecap="round" stroke-linejoin="round"/>`
  );
}

/** Letters that XML 1.0 cannot hold even escaped, lone halves of surrogate pairs among them. */
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

function escapeXml(text: string): string {
  return text
    .replace(NOT_XML, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
