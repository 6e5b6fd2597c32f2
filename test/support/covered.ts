/** Masks and dark glasses, drawn over a face where its landmarks are. */
import sharp from "sharp";
import type { Point } from "../../lib/message";

const at = (points: readonly Point[]): string => points.map(({ x, y }) => `${x},${y}`).join(" ");
const eyeMiddle = (landmarks: readonly Point[], from: number): Point => ({
  x: ((landmarks[from] as Point).x + (landmarks[from + 3] as Point).x) / 2,
  y: ((landmarks[from] as Point).y + (landmarks[from + 3] as Point).y) / 2,
});

/** From the bridge of the nose along the jaw. */
export const mask =
  (colour: string) =>
  (landmarks: readonly Point[]): string =>
    `<polygon points="${at([...landmarks.slice(1, 16), landmarks[28] as Point])}" fill="${colour}"/>`;

export const darkGlasses = (landmarks: readonly Point[]): string => {
  const [left, right] = [eyeMiddle(landmarks, 36), eyeMiddle(landmarks, 42)];
  const apart = right.x - left.x;
  return [left, right]
    .map(
      ({ x, y }) =>
        `<ellipse cx="${x}" cy="${y + 0.05 * apart}" rx="${0.42 * apart}" ry="${0.3 * apart}" fill="#0c0c0e"/>`,
    )
    .join("");
};

/** A photo with something drawn over it. @param svg what an <svg> of its size holds */
export async function drawnOn(bytes: Buffer, svg: string): Promise<Buffer> {
  const { width, height } = await sharp(bytes).metadata();
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`;
  return sharp(bytes)
    .composite([{ input: Buffer.from(picture) }])
    .jpeg({ quality: 92 })
    .toBuffer();
}
