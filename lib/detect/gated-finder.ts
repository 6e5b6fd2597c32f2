import { greyThumbnail } from "../image/grey-thumbnail";
import { kindOf } from "../image/photo-file";
import type { Box, Frame, Picture } from "../message";
import { MotionGate, type Where } from "../motion/gate";
import { overlap } from "./boxes";
import { ByCamera } from "./by-camera";
import type { Neighbourhood } from "./detector";
import type { Detected, FaceFinder } from "./face-detector";

interface Camera {
  gate: MotionGate;
  /** Of the last frame that was opened, in pixels. */
  width: number;
  height: number;
}

/** Finds faces in the frames of live cameras where something moves, and in all other pictures as ever. */
export class GatedFinder implements FaceFinder {
  readonly #finder: FaceFinder;
  readonly #region: Box | undefined;
  readonly #cameras: ByCamera<Camera>;

  /**
   * @param region of the finder's options: what moves elsewhere does not matter
   * @param onForgotten as of ByCamera
   */
  constructor(finder: FaceFinder, region: Box | undefined, onForgotten?: () => void) {
    this.#finder = finder;
    this.#region = region;
    this.#cameras = new ByCamera(({ width, height }) => ({ gate: new MotionGate(), width, height }), onForgotten);
  }

  /** Frames of one camera must come one after the other. */
  async detect(picture: Picture, region?: Box): Promise<Detected> {
    const { frame } = picture;
    if (frame === undefined || frame.live === false) return this.#finder.detect(picture, region);
    const camera = this.#cameras.of(frame, region);
    const start = performance.now();
    const where = await this.#where(camera, { bytes: picture.bytes, frame }, region ?? this.#region);
    const looked = performance.now() - start;
    if (where === "nowhere") {
      const { width, height } = camera;
      return { faces: [], width, height, whole: false, searched: false, timing: { decode: looked, detect: 0 } };
    }
    const nearby = where === "everywhere" ? undefined : where.map(neighbourhood);
    const { timing, ...found } = await this.#finder.detect(picture, region, nearby);
    camera.gate.searched(frame, found.faces.length, found.whole ? timing.decode + timing.detect : undefined);
    return { ...found, timing: { ...timing, decode: looked + timing.decode } };
  }

  /** Cheapest first: by the clock, then by a thumbnail. */
  async #where(camera: Camera, picture: Picture & { frame: Frame }, region: Box | undefined): Promise<Where> {
    // What is no picture is told by who opens it.
    if (picture.frame.encoding !== "rgb" && kindOf(picture.bytes) === undefined) return "everywhere";
    const known = camera.gate.ask(picture.frame);
    if (known !== undefined) return known;
    const seen = await greyThumbnail(picture);
    camera.width = seen.width;
    camera.height = seen.height;
    const where = camera.gate.look(picture.frame, seen);
    if (region === undefined || typeof where === "string") return where;
    const inside = where.filter((box) => overlap(box, region) > 0);
    return inside.length === 0 ? "nowhere" : inside;
  }
}

/** A place that changed: a face of any size may be there. */
function neighbourhood(region: Box): Neighbourhood {
  return { sure: false, region, minSize: 0, maxSize: Infinity };
}
