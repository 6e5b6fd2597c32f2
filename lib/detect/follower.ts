import { BoundedMap } from "../bounded-map";
import { type Box, cameraOf, type Frame, type Picture } from "../message";
import type { Neighbourhood } from "./detector";
import type { Detected, FaceDetector, FaceFinder } from "./face-detector";
import { NearerLooks } from "./nearer-looks";
import { Tracker, type TrackingOptions } from "./tracker";

/** So many cameras are followed at once; of more the one that was silent longest is forgotten. */
const MAX_SOURCES = 64;

/** Of one camera. */
interface Followed {
  /** That its last frame was searched in, as text; "" is the one of the options. */
  region: string;
  tracker: Tracker;
  looks: NearerLooks;
}

/** Finds the faces of live frames and follows them, a tracker for each camera. Photos are searched as ever. */
export class FaceFollower implements FaceFinder {
  readonly #detector: FaceDetector;
  readonly #options: TrackingOptions;
  readonly #followed = new BoundedMap<string, Followed>(MAX_SOURCES);

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
    const { tracker, looks } = this.#followedOf(picture.frame, JSON.stringify(region) ?? "");
    const follow = {
      nearby: tracker.plan(picture.frame, nearby),
      expected: tracker.expected(picture.frame),
      nearer: looks.next(picture.frame),
    };
    const { seen, sketch, ...detected } = await this.#detector.search(picture, follow, region);
    // The camera may have named another size than the picture has.
    const frame = { ...picture.frame, width: detected.width, height: detected.height };
    looks.update(frame, sketch);
    return { ...detected, faces: tracker.update(frame, seen, detected.whole) };
  }

  /** Anew where another region is searched: near the faces of before there is nobody to be found in it. */
  #followedOf(frame: Frame, region: string): Followed {
    const camera = cameraOf(frame);
    const before = this.#followed.get(camera);
    const followed =
      before?.region === region
        ? before
        : {
            region,
            tracker: new Tracker(this.#options),
            looks: new NearerLooks((size) => this.#detector.nearerParts(size)),
          };
    this.#followed.set(camera, followed);
    return followed;
  }
}
