/** What the page of a browser's camera is to show while somebody is challenged by light. */

/** Colours of a screen that the three channels of a camera tell apart. */
export const FLASH_COLOURS = {
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
  cyan: [0, 255, 255],
  magenta: [255, 0, 255],
} as const satisfies Record<string, readonly [number, number, number]>;
export type FlashColour = keyof typeof FLASH_COLOURS;

export interface FlashPlan {
  id: string;
  /** One after the other, no two in a row the same. */
  colours: FlashColour[];
  /** How long each is shown. */
  eachMs: number;
}

/**
 * Two changes a second: WCAG 2.2 (2.3.1) takes more than three flashes in any second, each of two changes, for
 * dangerous.
 */
export const FLASH_EACH_MS = 500;
export const FLASH_COUNT = 9;
