/** Faces that a picture must not show: each becomes a few large squares of its mean colours. */
import type sharp from "sharp";
import type { Box, Face, Point } from "../message";

/**
 * Whose faces are hidden: nobody's; those of everybody who is no match (strangers, those who are too alike to tell or
 * may not pass, and whatever else was found, for it may be a face that was not judged); or all but chosen people's.
 */
export const BLURS = ["none", "unknown", "others"] as const;
export type Blur = (typeof BLURS)[number];

/** @param kept names or ids of people whose faces are shown, where all others' are hidden */
export function hidesBy(blur: Blur, kept: readonly string[]): (face: Face) => boolean {
  if (blur === "none") return () => false;
  if (blur === "unknown") return ({ identity }) => identity?.outcome !== "match";
  const shown = new Set(kept.map((each) => each.normalize("NFC")));
  return ({ identity }) =>
    ![identity?.name, identity?.person].some((each) => typeof each === "string" && shown.has(each.normalize("NFC")));
}

/**
 * Squares along each side of what is hidden: so that about four lie across the box and less than two between the eyes,
 * whatever the face's size.
 */
const SQUARES = 6;
/** Added around the box, in its sides: hair, ears and chin tell people apart, too, and a box carried on may lag. */
const MARGIN = 0.3;
/** Longest side of the picture that colours are taken from, in pixels. */
const SAMPLED = 256;

interface Size {
  width: number;
  height: number;
}

/** Means over a small copy of a picture. */
export interface Colours extends Size {
  /** Packed, row by row. */
  data: Uint8Array;
  channels: number;
}

/** @param image upright, as lib/image/open-picture opens it */
export async function coloursOf(image: sharp.Sharp): Promise<Colours> {
  const { data, info } = await image
    .clone()
    .resize(SAMPLED, SAMPLED, { fit: "inside", withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** As shapes of an SVG that is as large as the picture. */
export function squaresOver(face: Face, picture: Size, colours: Colours): string {
  const area = areaOf(face, picture);
  if (area.width <= 0 || area.height <= 0) return "";
  const [columns, rows] = [edges(area.x, area.width), edges(area.y, area.height)];
  const shapes: string[] = [];
  for (const [row, top] of rows.slice(0, -1).entries())
    for (const [column, left] of columns.slice(0, -1).entries()) {
      const square = { x: left, y: top, width: columns[column + 1]! - left, height: rows[row + 1]! - top };
      const place = `x="${left}" y="${top}" width="${square.width}" height="${square.height}"`;
      shapes.push(`<rect ${place} fill="rgb(${mean(square, picture, colours).join()})"/>`);
    }
  return `<g shape-rendering="crispEdges">${shapes.join("")}</g>`;
}

/** What is hidden of a face, in whole pixels inside the picture; without a side where it lies outside. */
export function areaOf({ box, landmarks = [], points }: Face, picture: Size): Box {
  const margin = MARGIN * Math.max(box.width, box.height);
  const corners: Point[] = [
    { x: box.x - margin, y: box.y - margin },
    { x: box.x + box.width + margin, y: box.y + box.height + margin },
    ...landmarks,
    ...Object.values(points ?? {}),
  ];
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  const side = (values: readonly number[], most: number): [from: number, to: number] => [
    within(Math.floor(Math.min(...values)), most),
    within(Math.ceil(Math.max(...values)), most),
  ];
  const [left, right] = side(
    corners.map(({ x }) => x),
    picture.width,
  );
  const [top, bottom] = side(
    corners.map(({ y }) => y),
    picture.height,
  );
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Where squares begin and the last one ends, in whole pixels. */
function edges(from: number, length: number): number[] {
  const count = Math.min(SQUARES, length);
  return Array.from({ length: count + 1 }, (_, index) => from + Math.round((index * length) / count));
}

/** Red, green and blue, 0 to 255. */
function mean(area: Box, picture: Size, { data, width, height, channels }: Colours): number[] {
  const [across, down] = [width / picture.width, height / picture.height];
  const left = Math.min(width - 1, Math.floor(area.x * across));
  const top = Math.min(height - 1, Math.floor(area.y * down));
  const right = Math.max(left + 1, Math.min(width, Math.floor((area.x + area.width) * across)));
  const bottom = Math.max(top + 1, Math.min(height, Math.floor((area.y + area.height) * down)));
  const sums = [0, 0, 0];
  for (let y = top; y < bottom; y += 1)
    for (let x = left; x < right; x += 1)
      for (let channel = 0; channel < sums.length; channel += 1)
        sums[channel]! += data[(y * width + x) * channels + channel]!;
  return sums.map((sum) => Math.round(sum / ((right - left) * (bottom - top))));
}
