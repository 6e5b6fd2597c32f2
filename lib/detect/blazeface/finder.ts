/** BlazeFace as a loaded detector. Runs in workers only. */
import type { Pixels } from "../../image/pixels";
import type { Box, Point } from "../../message";
import { apart, centreOf, overlap, withoutDoubles } from "../boxes";
import type { Detection, LoadedDetector, Neighbourhood } from "../detector";
import { searchedPart } from "../region";
import { facesOf, INPUT_SIDE } from "./anchors";
import { type BlazefaceNet, loadBlazeface } from "./network";
import type { BlazefaceOptions } from "./options";
import { nearerView } from "./parts";
import { lightened } from "./lighten";
import { AS_IT_IS, inputOf, placeOf, sidesOf, toPicture, type View } from "./view";

/** Room around a photo in which nothing was found: the network does not know faces that fill the picture. */
const MARGIN = 0.35;

interface Try {
  by: NonNullable<Detection["foundBy"]>;
  views: readonly View[];
  /** What is looked at one after the other; all of it where it is not said. */
  parts?: (whole: Box) => Box[];
  lighter?: boolean;
}

/** Of the picture's sides: so large are parts for a larger look. */
const LARGER_PART = 0.4;

/** Nine parts that overlap by a quarter. */
function ninths({ x, y, width, height }: Box): Box[] {
  const starts = [0, (1 - LARGER_PART) / 2, 1 - LARGER_PART];
  return starts.flatMap((down) =>
    starts.map((right) => ({
      x: Math.floor(x + right * width),
      y: Math.floor(y + down * height),
      width: Math.max(1, Math.floor(LARGER_PART * width)),
      height: Math.max(1, Math.floor(LARGER_PART * height)),
    })),
  );
}

/** A photo in which nothing is found is searched again in these ways, one after the other. */
const TRIES: readonly Try[] = [
  { by: "margin", views: [{ ...AS_IT_IS, margin: MARGIN }] },
  { by: "larger", views: [AS_IT_IS], parts: ninths },
  { by: "lighter", views: [AS_IT_IS, { ...AS_IT_IS, margin: MARGIN }], lighter: true },
  {
    by: "turned",
    views: ([1, 3, 2] as const).flatMap((turns) => [
      { ...AS_IT_IS, turns },
      { ...AS_IT_IS, turns, margin: MARGIN },
    ]),
  },
];

/**
 * A face that the network saw smaller than this, in pixels of its input, is looked at again by itself: its points lie
 * off by a pixel there, too much to turn it by. So many faces of a picture at most, the surest ones.
 */
const SMALL = 24;
const MOST_SMALL = 8;
/**
 * Side of what is looked at then, in sides of the face: more where it is only expected, and may have moved. In an
 * input of 64 × 64 the eyes of a face of 36 pixels in a frame of 640 are off by 0.06 of their distance (before by
 * 0.26), as they are in an input of nine times as many pixels.
 */
const AROUND = { found: 1.7, expected: 2 };
const NEAR: View = { ...AS_IT_IS, side: 64, square: true };
/** Boxes of one face overlap more, also where the first look saw little of it. */
const SAME_FACE = 0.25;

/**
 * No further try is begun after so long. On a slow computer one takes a tenth of a second, and all of them two
 * seconds; on one that is busy with other things ten times that.
 */
const MOST_MS = 10_000;

/**
 * A face that lies is found too, but its points are about those of one that is tilted: from so many degrees on photos
 * are looked at turned. What is found there counts if it is surer by so much.
 */
const TILTED = 25;
const SURER = 0.03;

/** @param upright how an upright face's eyes lie, in radians */
function seemsToLie({ points }: Detection, upright = 0): boolean {
  if (points === undefined) return false;
  const { leftEye, rightEye } = points;
  const roll = Math.atan2(rightEye.y - leftEye.y, rightEye.x - leftEye.x) - upright;
  return Math.abs((Math.atan2(Math.sin(roll), Math.cos(roll)) * 180) / Math.PI) > TILTED;
}

const sideOf = ({ width, height }: Box): number => Math.max(width, height);

const around = ({ x, y }: Point, side: number): Box => ({
  x: x - side / 2,
  y: y - side / 2,
  width: side,
  height: side,
});

export class BlazefaceDetector implements LoadedDetector<BlazefaceOptions> {
  readonly #net: BlazefaceNet;

  private constructor(net: BlazefaceNet) {
    this.#net = net;
  }

  static async load(engine: BlazefaceOptions["engine"]): Promise<BlazefaceDetector> {
    return new BlazefaceDetector(await loadBlazeface(engine));
  }

  get name(): string {
    return this.#net.engine;
  }

  async detect(pixels: Pixels, options: BlazefaceOptions): Promise<Detection[]> {
    return this.follow(pixels, options, []);
  }

  async follow(
    pixels: Pixels,
    options: BlazefaceOptions,
    expected: readonly Neighbourhood[],
    nearer?: Box,
  ): Promise<Detection[]> {
    const { whole } = searchedPart(pixels, options.region);
    const found = await this.#look(pixels, whole, options, AS_IT_IS);
    const { part } = nearer === undefined ? { part: undefined } : searchedPart(pixels, whole, { region: nearer });
    if (part !== undefined) found.push(...(await this.#look(pixels, part, options, nearerView(whole, part))));
    return this.#lookNear(pixels, whole, options, withoutDoubles(found), expected);
  }

  /**
   * Small faces as they look in a smaller part of the picture, as they were where they are not seen there; and those
   * that are expected and too small to be seen from afar.
   */
  async #lookNear(
    pixels: Pixels,
    whole: Box,
    options: BlazefaceOptions,
    found: Detection[],
    expected: readonly Neighbourhood[],
  ): Promise<Detection[]> {
    const scale = INPUT_SIDE / Math.max(whole.width, whole.height);
    const isSmall = (side: number): boolean => side * scale < SMALL;
    const looks = [
      ...found
        .filter(({ box }) => isSmall(sideOf(box)))
        .map((face) => ({
          face,
          place: around(centreOf(face.box), AROUND.found * sideOf(face.box)),
          least: 0,
          most: Infinity,
        })),
      ...expected
        .map(({ region, minSize, maxSize }) => {
          const side = Math.sqrt(minSize * maxSize);
          const place = around(centreOf(region), AROUND.expected * side);
          return { face: undefined, side, place, least: minSize, most: maxSize };
        })
        .filter(
          ({ side, place }) => isSmall(side) && found.every(({ box }) => apart(centreOf(box), centreOf(place)) > side),
        ),
    ]
      .map((look) => ({ ...look, part: searchedPart(pixels, whole, { region: look.place }).part }))
      .filter((look): look is typeof look & { part: Box } => look.part !== undefined)
      .slice(0, MOST_SMALL);
    const seen = await this.#lookAt(
      pixels,
      looks.map(({ part }) => part),
      options,
      NEAR,
    );
    const nearer = new Map<Detection, Detection>();
    const more: Detection[] = [];
    for (const [index, { face, least, most }] of looks.entries()) {
      const here = seen[index] as Detection[];
      const same =
        face === undefined
          ? here.find(({ box }) => sideOf(box) >= least && sideOf(box) <= most)
          : here.find(({ box }) => overlap(box, face.box) > SAME_FACE);
      if (same === undefined) continue;
      if (face === undefined) more.push(same);
      else nearer.set(face, same);
    }
    return withoutDoubles([...found.map((face) => nearer.get(face) ?? face), ...more]);
  }

  async detectAgain(pixels: Pixels, options: BlazefaceOptions, first: Detection[]): Promise<Detection[]> {
    const { whole } = searchedPart(pixels, options.region);
    const start = performance.now();
    let best = first;
    for (const { by, views, parts, lighter } of TRIES) {
      if (best.length > 0 && !best.some((each) => seemsToLie(each))) break;
      // All else is for a photo with nothing in it; a tilted face is found without.
      if (by !== "turned" && best.length > 0) continue;
      const shown = lighter === true ? lightened(pixels) : pixels;
      for (const view of views) {
        if (performance.now() - start > MOST_MS) return best;
        const found: Detection[] = [];
        for (const part of parts?.(whole) ?? [whole]) found.push(...(await this.#look(shown, part, options, view)));
        const least = best[0] === undefined ? 0 : best[0].score + SURER;
        const { a, b } = placeOf(whole, view);
        // Of a head that is only tilted the first look knows best.
        if (found[0] === undefined || (first.length > 0 && seemsToLie(found[0], Math.atan2(b, a)))) continue;
        if (found[0].score > least) best = withoutDoubles(found).map((each) => ({ ...each, foundBy: by }));
      }
    }
    return best;
  }

  async #look(pixels: Pixels, part: Box, options: BlazefaceOptions, view: View): Promise<Detection[]> {
    return (await this.#lookAt(pixels, [part], options, view))[0] as Detection[];
  }

  /** @param parts that have inputs of the same sides @returns for each what is found in it, best first */
  async #lookAt(
    pixels: Pixels,
    parts: readonly Box[],
    { minScore, minSize, maxSize }: BlazefaceOptions,
    view: View,
  ): Promise<Detection[][]> {
    const [first] = parts;
    if (first === undefined) return [];
    const sides = sidesOf(first, view);
    const seen = await this.#net.run(
      parts.map((part) => inputOf(pixels, part, view)),
      sides,
    );
    return seen.map(({ regressed, scores }, index) => {
      const part = parts[index] as Box;
      const place = placeOf(part, view);
      return facesOf(regressed, scores, minScore, sides.width)
        .map((face) => toPicture(face, place))
        .filter(({ box }) => {
          const { x, y } = centreOf(box);
          const side = sideOf(box);
          return (
            side >= minSize &&
            (maxSize === 0 || side <= maxSize) &&
            // The room around is no place for a face.
            x >= part.x &&
            y >= part.y &&
            x < part.x + part.width &&
            y < part.y + part.height
          );
        });
    });
  }
}
