/** Largest picture, in pixels: 64 megapixels decode to 192 MB of RGB; a phone makes 12 to 50. */
export const MAX_PIXELS = 64_000_000;
