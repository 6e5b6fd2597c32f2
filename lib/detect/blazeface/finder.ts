/** BlazeFace as a loaded detector. Runs in workers only. */
import type { Pixels } from "../../image/pixels";
import type { Box } from "../../message";
import { centreOf, overlap } from "../boxes";
import type { Detection, LoadedDetector, Neighbourhood } from "../detector";
import { searchedPart } from "../region";
import { facesOf, INPUT_SIDE } from "./anchors";
import { type BlazefaceNet, loadBlazeface } from "./network";
import type { BlazefaceOptions } from "./options";
import { AS_IT_IS, inputOf, placeOf, toPicture, type View } from "./view";

/** Room around a photo in which nothing was found: the network does not know faces that fill the picture. */
const MARGIN = 0.35;

/** A photo in which nothing is found is searched again in these ways, one after the other. */
const TRIES: readonly { by: NonNullable<Detection["foundBy"]>; views: readonly View[] }[] = [
  { by: "margin", views: [{ turns: 0, margin: MARGIN }] },
  {
    by: "turned",
    views: ([1, 3, 2] as const).flatMap((turns) => [
      { turns, margin: 0 },
      { turns, margin: MARGIN },
    ]),
  },
];

/**
 * A face that the network saw smaller than this, in pixels of its input, is looked at again by itself: its points lie
 * off by a pixel there, too much to turn it by. So many faces of a picture at most, the surest ones.
 */
const SMALL = 24;
const MOST_SMALL = 4;
/** Side of what is looked at then, in sides of the face. */
const AROUND = 4;
/** Boxes of one face overlap more, also where the first look saw little of it. */
const SAME_FACE = 0.25;

/** No further try is begun after so long; on a slow computer one takes a tenth of a second. */
const MOST_MS = 2000;

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

export class BlazefaceDetector implements LoadedDetector<BlazefaceOptions> {
  /** The network sees 192 × 192 pixels of whatever it is shown: a part costs as much as the whole. */
  readonly searchesWhole = true;
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

  async detect(pixels: Pixels, options: BlazefaceOptions, nearby?: Neighbourhood): Promise<Detection[]> {
    const { part } = searchedPart(pixels, options.region, nearby);
    if (part === undefined) return [];
    const found = await this.#look(pixels, part, options, AS_IT_IS);
    const input = INPUT_SIDE / Math.max(part.width, part.height);
    const isSmall = ({ box }: Detection): boolean => Math.max(box.width, box.height) * input < SMALL;
    const small = found.filter(isSmall).slice(0, MOST_SMALL);
    const nearer = new Map<Detection, Detection>();
    for (const face of small) nearer.set(face, await this.#lookNearer(pixels, part, options, face));
    return found.map((face) => nearer.get(face) ?? face);
  }

  /** The face as it looks in a smaller part of the picture; as it was where it is not seen there. */
  async #lookNearer(pixels: Pixels, part: Box, options: BlazefaceOptions, face: Detection): Promise<Detection> {
    const { x, y } = centreOf(face.box);
    const side = AROUND * Math.max(face.box.width, face.box.height);
    const around = { x: x - side / 2, y: y - side / 2, width: side, height: side };
    const { part: place } = searchedPart(pixels, part, { region: around });
    if (place === undefined) return face;
    const found = await this.#look(pixels, place, options, AS_IT_IS);
    return found.find(({ box }) => overlap(box, face.box) > SAME_FACE) ?? face;
  }

  async detectAgain(pixels: Pixels, options: BlazefaceOptions, first: Detection[]): Promise<Detection[]> {
    const { whole } = searchedPart(pixels, options.region);
    const start = performance.now();
    let best = first;
    for (const { by, views } of TRIES) {
      if (best.length > 0 && !best.some((each) => seemsToLie(each))) break;
      // A margin is for a photo with nothing in it; a tilted face is found without.
      if (by === "margin" && first.length > 0) continue;
      for (const view of views) {
        if (performance.now() - start > MOST_MS) return best;
        const found = await this.#look(pixels, whole, options, view);
        const least = best[0] === undefined ? 0 : best[0].score + SURER;
        const { a, b } = placeOf(whole, view);
        // Of a head that is only tilted the first look knows best.
        if (found[0] === undefined || (first.length > 0 && seemsToLie(found[0], Math.atan2(b, a)))) continue;
        if (found[0].score > least) best = found.map((each) => ({ ...each, foundBy: by }));
      }
    }
    return best;
  }

  async #look(pixels: Pixels, part: Box, options: BlazefaceOptions, view: View): Promise<Detection[]> {
    const place = placeOf(part, view);
    const { regressed, scores } = await this.#net.run(inputOf(pixels, part, view));
    const { minSize, maxSize } = options;
    return facesOf(regressed, scores, options.minScore)
      .map((face) => toPicture(face, place))
      .filter(({ box }) => {
        const { x, y } = centreOf(box);
        const side = Math.max(box.width, box.height);
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
  }
}
