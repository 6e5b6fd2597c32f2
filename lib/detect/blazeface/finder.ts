/** BlazeFace as a loaded detector. Runs in workers only. */
import type { Pixels } from "../../image/pixels";
import type { Box } from "../../message";
import { centreOf } from "../boxes";
import type { Detection, LoadedDetector, Neighbourhood } from "../detector";
import { searchedPart } from "../region";
import { facesOf } from "./anchors";
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

/** No further try is begun after so long; on a slow computer one takes a tenth of a second. */
const MOST_MS = 2000;

/**
 * A face that lies is found too, but its points are about those of one that is tilted: from so many degrees on photos
 * are looked at turned. What is found there counts if it is surer by so much.
 */
const TILTED = 25;
const SURER = 0.03;

function seemsToLie({ points }: Detection): boolean {
  if (points === undefined) return false;
  const { leftEye, rightEye } = points;
  return (Math.abs(Math.atan2(rightEye.y - leftEye.y, rightEye.x - leftEye.x)) * 180) / Math.PI > TILTED;
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
    return part === undefined ? [] : this.#look(pixels, part, options, AS_IT_IS);
  }

  async detectAgain(pixels: Pixels, options: BlazefaceOptions, first: Detection[]): Promise<Detection[]> {
    const { whole } = searchedPart(pixels, options.region);
    const start = performance.now();
    let best = first;
    for (const { by, views } of TRIES) {
      if (best.length > 0 && !best.some(seemsToLie)) break;
      for (const view of views) {
        if (performance.now() - start > MOST_MS) return best;
        const found = await this.#look(pixels, whole, options, view);
        const least = best[0] === undefined ? 0 : best[0].score + SURER;
        if (found[0] !== undefined && found[0].score > least) best = found.map((each) => ({ ...each, foundBy: by }));
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
