import type { Box, Picture } from "../message";
import { ByCamera } from "./by-camera";
import type { Neighbourhood } from "./detector";
import type { Detected, FaceDetector, FaceFinder } from "./face-detector";
import { NearerLooks } from "./nearer-looks";
import { Tracker, type TrackingOptions } from "./tracker";

/** Of one camera. Where another region is searched nobody is to be found near the faces of before. */
interface Followed {
  tracker: Tracker;
  looks: NearerLooks;
}

/** Finds the faces of live frames and follows them, a tracker for each camera. Photos are searched as ever. */
export class FaceFollower implements FaceFinder {
  readonly #detector: FaceDetector;
  readonly #followed: ByCamera<Followed>;

  /** @param onForgotten as of ByCamera */
  constructor(detector: FaceDetector, options: TrackingOptions, onForgotten?: () => void) {
    this.#detector = detector;
    this.#followed = new ByCamera(
      () => ({ tracker: new Tracker(options), looks: new NearerLooks((size) => detector.nearerParts(size)) }),
      onForgotten,
    );
  }

  /**
   * As FaceDetector.detect; faces of a frame carry `track` and `look`. Frames of one camera must come one after the
   * other.
   * @param nearby where it changed, for a frame in which no face is followed
   */
  async detect(picture: Picture, region?: Box, nearby?: readonly Neighbourhood[]): Promise<Detected> {
    if (picture.frame === undefined) return this.#detector.detect(picture, region, nearby);
    const { tracker, looks } = this.#followed.of(picture.frame, region);
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
}
