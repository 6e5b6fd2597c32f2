/** Which part of a picture is searched, whatever the detector. */
import { z } from "zod";
import { UserError } from "../errors";
import type { Box, Point } from "../message";
import type { Neighbourhood } from "./detector";
import { own } from "../validate";

/** "x, y, width, height" as the four. */
function fromText(value: unknown): unknown {
  const parts = typeof value === "string" ? value.split(",").map((part) => part.trim()) : [];
  const [x, y, width, height] = parts.map(Number);
  return parts.length === 4 && !parts.includes("") ? { x, y, width, height } : value;
}

/** Region of interest in pixels of the picture; also as text, "x, y, width, height". */
export const regionSchema = z.preprocess(
  fromText,
  z.object(
    { x: z.number().min(0), y: z.number().min(0), width: z.number().positive(), height: z.number().positive() },
    { error: own("common.region") },
  ),
);

/**
 * The part of the picture that is to be searched, in whole pixels.
 * @param region that the search stays in; undefined is the picture
 * @param nearby where to search in it; undefined is everywhere
 * @returns `whole` without regard to the neighbourhood, `part` with it: undefined where it lies outside
 * @throws a sentence when the region lies outside the picture
 */
export function searchedPart(
  picture: { width: number; height: number },
  region: Box | undefined,
  nearby?: Pick<Neighbourhood, "region">,
): { whole: Box; part: Box | undefined } {
  const whole = clip(region ?? { x: 0, y: 0, width: picture.width, height: picture.height }, picture);
  if (whole === undefined) throw new UserError("detect.outside", { width: picture.width, height: picture.height });
  if (nearby === undefined) return { whole, part: whole };
  return { whole, part: clip(nearby.region, { width: whole.x + whole.width, height: whole.y + whole.height }, whole) };
}

/** The whole-pixel part of a box that lies in the picture (from `origin` on), or undefined where none does. */
export function clip(
  box: Box,
  picture: { width: number; height: number },
  origin: Point = { x: 0, y: 0 },
): Box | undefined {
  const x = Math.max(origin.x, Math.floor(box.x));
  const y = Math.max(origin.y, Math.floor(box.y));
  const width = Math.min(picture.width, Math.ceil(box.x + box.width)) - x;
  const height = Math.min(picture.height, Math.ceil(box.y + box.height)) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
