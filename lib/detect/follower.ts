import { BoundedMap } from "../bounded-map";
import { type Box, cameraOf, type Frame, type Picture } from "../message";
import type { Detected, FaceDetector } from "./face-detector";
import { Tracker, type TrackingOptions } from "./tracker";

/** So many cameras are followed at once; of more the one that was silent longest is forgotten. */
const MAX_SOURCES = 64;

/** Finds the faces of live frames and follows them, a tracker for each camera. Photos are searched as ever. */
export class FaceFollower {
  readonly #detector: FaceDetector;
  readonly #options: TrackingOptions;
  readonly #trackers = new BoundedMap<string, Tracker>(MAX_SOURCES);

  constructor(detector: FaceDetector, options: TrackingOptions) {
    this.#detector = detector;
    this.#options = options;
  }

  /**
   * As FaceDetector.detect; faces of a frame carry `track` and `look`. Frames of one camera must come one after the
   * other.
   */
  async detect(picture: Picture, region?: Box): Promise<Detected> {
    if (picture.frame === undefined) return this.#detector.detect(picture, region);
    const tracker = this.#trackerOf(picture.frame);
    const { seen, whole, ...detected } = await this.#detector.search(picture, tracker.plan(picture.frame), region);
    // The camera may have named another size than the picture has.
    const frame = { ...picture.frame, width: detected.width, height: detected.height };
    return { ...detected, faces: tracker.update(frame, seen, whole) };
  }

  #trackerOf(frame: Frame): Tracker {
    const camera = cameraOf(frame);
    const tracker = this.#trackers.get(camera) ?? new Tracker(this.#options);
    this.#trackers.set(camera, tracker);
    return tracker;
  }
}
