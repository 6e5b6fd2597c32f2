/**
 * A plain stroke font of our own, for labels drawn into pictures. SVG text needs a font of the system,
 * and a bare machine or container has none: names and numbers would come out as boxes.
 * Printable ASCII and the few signs a label needs; other scripts are left to the system's fonts.
 */

/**
 * Each glyph: strokes as digit pairs "xy" on a grid 5 wide (0–4) and 9 high (capital top 0, baseline 6, descender 8).
 */
const GLYPHS: Readonly<Record<string, string>> = {
  " ": "",
  "!": "20 24,26 26",
  '"': "10 12,30 32",
  "#": "10 16,30 36,02 42,04 44",
  $: "41 30 10 01 02 13 33 44 45 36 16 05,20 26",
  "%": "40 06,00 01,45 46",
  "&": "46 13 01 10 21 04 05 16 26 44",
  "'": "20 22",
  "(": "30 21 25 36",
  ")": "10 21 25 16",
  "*": "21 25,02 44,04 42",
  "+": "21 25,03 43",
  ",": "26 17",
  "-": "03 43",
  ".": "26 26",
  "/": "40 06",
  0: "10 30 41 45 36 16 05 01 10,14 32",
  1: "11 20 26,16 36",
  2: "01 10 30 41 42 06 46",
  3: "01 10 30 41 42 33 13,33 44 45 36 16 05",
  4: "36 30 04 44",
  5: "40 00 03 33 44 45 36 16 05",
  6: "30 10 01 05 16 36 45 44 33 03",
  7: "00 40 41 16",
  8: "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
  9: "16 36 45 41 30 10 01 02 13 43",
  ":": "22 22,26 26",
  ";": "22 22,26 17",
  "<": "31 03 35",
  "=": "02 42,04 44",
  ">": "11 43 15",
  "?": "01 10 30 41 42 24,26 26",
  "@": "34 32 12 14 34 43 41 30 10 01 05 16 46",
  A: "06 02 20 42 46,04 44",
  B: "00 30 41 42 33 03,33 44 45 36 06 00",
  C: "41 30 10 01 05 16 36 45",
  D: "00 30 41 45 36 06 00",
  E: "40 00 06 46,03 33",
  F: "40 00 06,03 33",
  G: "41 30 10 01 05 16 36 45 43 23",
  H: "00 06,40 46,03 43",
  I: "10 30,20 26,16 36",
  J: "30 35 26 16 05",
  K: "00 06,40 03 46",
  L: "00 06 46",
  M: "06 00 23 40 46",
  N: "06 00 46 40",
  O: "10 30 41 45 36 16 05 01 10",
  P: "06 00 30 41 42 33 03",
  Q: "10 30 41 45 36 16 05 01 10,24 46",
  R: "06 00 30 41 42 33 03,23 46",
  S: "41 30 10 01 02 13 33 44 45 36 16 05",
  T: "00 40,20 26",
  U: "00 05 16 36 45 40",
  V: "00 26 40",
  W: "00 16 23 36 40",
  X: "00 46,40 06",
  Y: "00 23 40,23 26",
  Z: "00 40 06 46",
  "[": "30 10 16 36",
  "\\": "00 46",
  "]": "10 30 36 16",
  "^": "02 20 42",
  _: "07 47",
  "`": "10 21",
  a: "12 32 43 46 16 05 14 44",
  b: "00 06 36 45 43 32 02",
  c: "42 12 03 05 16 46",
  d: "40 46 16 05 03 12 42",
  e: "04 44 43 32 12 03 05 16 36",
  f: "40 30 21 26,02 42",
  g: "45 36 16 05 03 12 42 47 38 08",
  h: "00 06,02 32 43 46",
  i: "20 20,12 22 26,16 36",
  j: "30 30,32 37 28 08",
  k: "00 06,42 04 46",
  l: "10 20 25 36",
  m: "06 02 12 23 26,23 32 43 46",
  n: "06 02 32 43 46",
  o: "12 32 43 45 36 16 05 03 12",
  p: "08 02 32 43 45 36 06",
  q: "48 42 12 03 05 16 46",
  r: "06 02,03 12 42",
  s: "42 12 03 14 34 45 36 06",
  t: "20 25 36 46,02 42",
  u: "02 05 16 46 42",
  v: "02 26 42",
  w: "02 16 23 36 42",
  x: "02 46,42 06",
  y: "02 05 16 46,42 47 38 08",
  z: "02 42 06 46",
  "{": "30 21 22 13 24 25 36",
  "|": "20 26",
  "}": "10 21 22 33 24 25 16",
  "~": "03 12 34 43",
  τ: "02 42,22 25 36",
  "≤": "40 02 44,06 46",
  "·": "23 23",
};

const CAP_HEIGHT = 6;
const ADVANCE = 6;
/** Stroke width in grid units. */
export const STROKE = 0.9;

/** Combining marks: "Zoë" is drawn "Zoe" rather than left to fonts that may be missing. */
const MARKS = /\p{M}/gu;

/** The text in letters this font has, or undefined where one is missing (小明). */
export function drawable(text: string): string | undefined {
  const plain = text.normalize("NFD").replace(MARKS, "");
  return Array.from(plain).every((letter) => letter in GLYPHS) ? plain : undefined;
}

/** Width of a drawable text in pixels. @param size height of a capital in pixels */
export function strokeWidth(text: string, size: number): number {
  return Math.max(0, Array.from(text).length * ADVANCE - 2) * (size / CAP_HEIGHT);
}

/**
 * The `d` of an SVG path that writes a drawable text.
 * @param x left edge
 * @param y top of the capitals
 * @param size height of a capital; all in pixels
 */
export function strokePath(text: string, x: number, y: number, size: number): string {
  const unit = size / CAP_HEIGHT;
  const place = (value: number): string => String(Math.round(value * 100) / 100);
  return Array.from(text)
    .flatMap((letter, index) =>
      (GLYPHS[letter] ?? "")
        .split(",")
        .filter((stroke) => stroke !== "")
        .map(
          (stroke) =>
            `M${stroke
              .split(" ")
              .map(
                ([column, row]) =>
                  `${place(x + (index * ADVANCE + Number(column)) * unit)} ${place(y + Number(row) * unit)}`,
              )
              .join("L")}`,
        ),
    )
    .join("");
}
