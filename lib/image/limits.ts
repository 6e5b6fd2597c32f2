/** Largest picture, in pixels: 64 megapixels decode to 192 MB of RGB; a phone makes 12 to 50. */
export const MAX_PIXELS = 64_000_000;

/** Largest file of a picture, in bytes: a phone's photo has a few megabytes; this is no photo. */
export const MAX_PHOTO_BYTES = 50 * 1024 * 1024;
