/** OpenCV's Haar cascade on WASM. Runs in workers only: a search takes tens of milliseconds. */
import { readFileSync } from "node:fs";
import { UserError } from "../errors";
import { toGrey } from "../image/decode";
import type { Pixels } from "../image/pixels";
import { cascadeFile, type Detection, type DetectorOptions, type DetectorEngine, type Near, searchPlan } from "./options";
import { type Cascade, openCv, type OpenCv } from "./opencv";

interface Deletable {
  delete(): void;
}

/** Run with native objects that are freed whatever happens. */
function using<T>(work: (own: <D extends Deletable>(native: D) => D) => T): T {
  const owned: Deletable[] = [];
  try {
    return work((native) => {
      owned.push(native);
      return native;
    });
  } finally {
    for (const native of owned.reverse()) native.delete();
  }
}

export class WasmDetector implements DetectorEngine {
  readonly name = "wasm";
  readonly #cv: OpenCv;
  readonly #cascades = new Map<string, Cascade>();

  private constructor(cv: OpenCv) {
    this.#cv = cv;
  }

  static async load(): Promise<WasmDetector> {
    return new WasmDetector(await openCv());
  }

  /** @throws a sentence when the cascade file cannot be read */
  detect(pixels: Pixels, options: DetectorOptions, near?: Near): Detection[] {
    const cv = this.#cv;
    const cascade = this.#cascade(options.cascade);
    const plan = searchPlan(pixels, options, near);
    if (plan === undefined) return [];
    return using((own) => {
      const cut = own(new cv.Mat(plan.region.height, plan.region.width, cv.CV_8UC1));
      toGrey(pixels, plan.region, cut.data);
      const grey = plan.scale === 1 ? cut : own(new cv.Mat());
      if (plan.scale !== 1) cv.resize(cut, grey, new cv.Size(Math.round(plan.region.width * plan.scale), Math.round(plan.region.height * plan.scale)), 0, 0, cv.INTER_AREA);
      const boxes = own(new cv.RectVector());
      const neighbours = own(new cv.IntVector());
      cascade.detectMultiScale2(grey, boxes, neighbours, options.scaleFactor, options.minNeighbors, 0, new cv.Size(plan.minSize, plan.minSize), new cv.Size(plan.maxSize, plan.maxSize));
      const found: Detection[] = [];
      for (let index = 0; index < boxes.size(); index += 1) found.push({ box: plan.toFrame(boxes.get(index)), score: neighbours.get(index) });
      return found;
    });
  }

  #cascade(name: string): Cascade {
    const known = this.#cascades.get(name);
    if (known !== undefined) return known;
    const path = cascadeFile(name);
    let xml: Buffer;
    try {
      xml = readFileSync(path);
    } catch (error) {
      throw new UserError(`the cascade file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"}): choose a built-in cascade or the path of an OpenCV cascade (.xml).`, { cause: error });
    }
    const inside = `cascade-${this.#cascades.size}.xml`;
    this.#cv.FS_createDataFile("/", inside, xml, true, false, false);
    const cascade = new this.#cv.CascadeClassifier() as Cascade;
    const loaded = cascade.load(`/${inside}`);
    this.#cv.FS_unlink(`/${inside}`);
    if (!loaded || cascade.empty()) {
      cascade.delete();
      throw new UserError(`the file ${path} is not an OpenCV cascade: choose a built-in one or a .xml made by OpenCV's traincascade.`);
    }
    this.#cascades.set(name, cascade);
    return cascade;
  }
}
