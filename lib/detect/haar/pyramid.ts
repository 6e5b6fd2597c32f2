/** How much memory OpenCV's search takes: it holds the integral images of all sizes of a picture at once. */
import type { CascadeShape } from "./cascade-file";

interface Size {
  width: number;
  height: number;
}

export interface Search extends Size {
  /** Step between sizes, over 1. */
  scaleFactor: number;
  /** Smallest and largest face in pixels of this picture; 0 is no bound. */
  minSize: number;
  maxSize: number;
}

const BYTES = 4;
const ROW_ALIGN = 32;

/**
 * The buffer in which OpenCV lays the sizes of a picture side by side, row by row (FeatureEvaluator::updateScaleData,
 * modules/objdetect/src/cascadedetect.cpp), in pixels. A cascade's buffer only grows, in width and height each.
 */
export function bufferOf({ width, height, scaleFactor, minSize, maxSize }: Search, shape: CascadeShape): Size {
  const largest = { width: Math.min(width, maxSize || width), height: Math.min(height, maxSize || height) };
  let wide = 0;
  let row = { x: 0, y: 0, height: 0 };
  for (let factor = 1; ; factor *= scaleFactor) {
    const [windowWidth, windowHeight] = [Math.round(shape.width * factor), Math.round(shape.height * factor)];
    if (windowWidth > largest.width || windowHeight > largest.height) break;
    if (windowWidth < minSize || windowHeight < minSize) continue;
    const layer = { width: Math.round(width / factor) + 1, height: Math.round(height / factor) + 1 };
    if (wide === 0) wide = Math.ceil((layer.width + ROW_ALIGN) / ROW_ALIGN) * ROW_ALIGN;
    if (row.height === 0 || row.x + layer.width > wide) row = { x: 0, y: row.y + row.height, height: layer.height };
    row.x += layer.width;
  }
  return { width: wide, height: row.y + row.height };
}

/** Bytes of such a buffer. */
export function bytesOf({ width, height }: Size, { channels }: CascadeShape): number {
  return width * height * channels * BYTES;
}
