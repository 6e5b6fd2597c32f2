import { BoundedMap } from "../bounded-map";
import { type Box, cameraOf, type Frame, type Picture } from "../message";
import type { Neighbourhood } from "./detector";
import type { Detected, FaceDetector, FaceFinder } from "./face-detector";
import { Tracker, type TrackingOptions } from "./tracker";

/** So many cameras are followed at once; of more the one that was silent longest is forgotten. */
const MAX_SOURCES = 64;

/** Finds the faces of live frames and follows them, a tracker for each camera. Photos are searched as ever. */
export class FaceFollower implements FaceFinder {
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
   * @param nearby where it changed, for a frame in which no face is followed
   */
  async detect(picture: Picture, region?: Box, nearby?: readonly Neighbourhood[]): Promise<Detected> {
    if (picture.frame === undefined) return this.#detector.detect(picture, region, nearby);
    const tracker = this.#trackerOf(picture.frame);
    const plan = tracker.plan(picture.frame, nearby);
    const { seen, ...detected } = await this.#detector.search(picture, plan, region);
    // The camera may have named another size than the picture has.
    const frame = { ...picture.frame, width: detected.width, height: detected.height };
    return { ...detected, faces: tracker.update(frame, seen, detected.whole) };
  }

  #trackerOf(frame: Frame): Tracker {
    const camera = cameraOf(frame);
    const tracker = this.#trackers.get(camera) ?? new Tracker(this.#options);
    this.#trackers.set(camera, tracker);
    return tracker;
  }
}
