/** OpenCV's Haar cascade on WASM. Runs in workers only: a search takes tens of milliseconds. */
import { BoundedMap } from "../../bounded-map";
import { toGrey } from "../../image/decode";
import type { Pixels } from "../../image/pixels";
import type { Detection, LoadedDetector, Neighbourhood } from "../detector";
import { type CascadeFile, noCascade, readCascade } from "./cascade-file";
import { type Cascade, openCv, type OpenCv } from "./opencv";
import { type HaarOptions, type SearchPlan, searchPlan } from "./options";
import { bytesOf } from "./pyramid";

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

interface Loaded {
  cascade: Cascade;
  /** What it holds from search to search: it only grows, in width and height each. */
  buffer: SearchPlan["buffer"];
  bytes: number;
}

/**
 * A cascade's buffer grows up to this, in bytes; a picture that would have it grow beyond gets the cascade anew, read
 * in 0.1 s.
 */
const MOST_KEPT_BYTES = 128e6;
/** All cascades together, in bytes. */
const MOST_KEPT_BYTES_IN_ALL = 256e6;
/** Cascades kept; flows use one or two. */
const MOST_CASCADES = 8;

export class WasmDetector implements LoadedDetector<HaarOptions> {
  readonly name = "OpenCV";
  readonly #cv: OpenCv;
  readonly #files = new BoundedMap<string, CascadeFile>(MOST_CASCADES, (_, name) => this.#forget(name));
  readonly #cascades = new Map<string, Loaded>();

  private constructor(cv: OpenCv) {
    this.#cv = cv;
  }

  static async load(): Promise<WasmDetector> {
    return new WasmDetector(await openCv());
  }

  /** @throws a sentence when the cascade file cannot be read or is none */
  detect(pixels: Pixels, options: HaarOptions, nearby?: Neighbourhood): Detection[] {
    const cv = this.#cv;
    const file = this.#file(options.cascade);
    const plan = searchPlan(pixels, options, nearby, file.shape);
    if (plan === undefined) return [];
    const { cascade } = this.#cascade(options.cascade, file, plan.buffer);
    return using((own) => {
      const { width, height } = plan.working;
      const cut = own(new cv.Mat(plan.region.height, plan.region.width, cv.CV_8UC1));
      toGrey(pixels, plan.region, cut.data);
      const grey = plan.scale === 1 ? cut : own(new cv.Mat());
      if (plan.scale !== 1) cv.resize(cut, grey, new cv.Size(width, height), 0, 0, cv.INTER_AREA);
      const boxes = own(new cv.RectVector());
      const neighbours = own(new cv.IntVector());
      cascade.detectMultiScale2(
        grey,
        boxes,
        neighbours,
        options.scaleFactor,
        options.minNeighbors,
        0,
        new cv.Size(plan.minSize, plan.minSize),
        new cv.Size(plan.maxSize, plan.maxSize),
      );
      const found: Detection[] = [];
      for (let index = 0; index < boxes.size(); index += 1)
        found.push({ box: plan.toFrame(boxes.get(index)), score: neighbours.get(index) });
      return found;
    });
  }

  #file(name: string): CascadeFile {
    const file = this.#files.get(name) ?? readCascade(name);
    this.#files.set(name, file);
    return file;
  }

  /** The cascade, with room for a buffer of this size; others make room where it is large. */
  #cascade(name: string, file: CascadeFile, wanted: SearchPlan["buffer"]): Loaded {
    const known = this.#cascades.get(name);
    const buffer = {
      width: Math.max(wanted.width, known?.buffer.width ?? 0),
      height: Math.max(wanted.height, known?.buffer.height ?? 0),
    };
    const bytes = bytesOf(buffer, file.shape);
    if (known !== undefined && bytes <= Math.max(MOST_KEPT_BYTES, known.bytes)) {
      this.#cascades.delete(name);
      this.#cascades.set(name, Object.assign(known, { buffer, bytes }));
    } else {
      this.#forget(name);
      this.#cascades.set(name, { cascade: this.#load(file), buffer: wanted, bytes: bytesOf(wanted, file.shape) });
    }
    const sum = (): number => [...this.#cascades.values()].reduce((all, each) => all + each.bytes, 0);
    for (const oldest of this.#cascades.keys())
      if (oldest !== name && sum() > MOST_KEPT_BYTES_IN_ALL) this.#forget(oldest);
    return this.#cascades.get(name) as Loaded;
  }

  #forget(name: string): void {
    this.#cascades.get(name)?.cascade.delete();
    this.#cascades.delete(name);
  }

  #load({ path, xml }: CascadeFile): Cascade {
    const inside = "cascade.xml";
    this.#cv.FS_createDataFile("/", inside, xml, true, false, false);
    try {
      const cascade = new this.#cv.CascadeClassifier() as Cascade;
      if (cascade.load(`/${inside}`) && !cascade.empty()) return cascade;
      cascade.delete();
    } catch (error) {
      // OpenCV is not to be used any more; the cause tells the worker.
      throw noCascade(path, error);
    } finally {
      this.#cv.FS_unlink(`/${inside}`);
    }
    throw noCascade(path);
  }
}
