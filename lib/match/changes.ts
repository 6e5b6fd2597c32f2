/** What a frame says that the frames of its camera before did not say: for flows that want news, not every frame. */
import { BoundedMap } from "../bounded-map";
import { cameraOf, type Face, type Frame, MOST_CAMERAS } from "../message";

/** Of one camera. */
const MAX_TRACKS = 100;
/** A face that was not there for so long comes anew. */
const SILENCE_MS = 2000;
/** The picture is empty once nobody was in it for so long: detectors lose a face for a frame now and then. */
const EMPTY_MS = 1000;

interface Camera {
  /** What was said of each track, and when it was there last, in milliseconds since the epoch. */
  said: BoundedMap<string, { what: string; at: number }>;
  /** Since when nobody is there; undefined while somebody is. */
  emptySince: number | undefined;
  /** Whether that was told. */
  emptyTold: boolean;
}

export class Changes {
  readonly #cameras = new BoundedMap<string, Camera>(MOST_CAMERAS);

  /**
   * @param faces decided
   * @returns those of whom something else is said than before; none where the picture is empty now; undefined where
   *   nothing is news. Of a photo, which has no frame, all is
   */
  of(faces: readonly Face[], frame: Frame | undefined): readonly Face[] | undefined {
    if (frame === undefined) return faces;
    const key = cameraOf(frame);
    const camera = this.#cameras.get(key) ?? {
      said: new BoundedMap(MAX_TRACKS),
      emptySince: undefined,
      emptyTold: false,
    };
    this.#cameras.set(key, camera);
    const there = faces.filter(({ identity }) => identity !== undefined && identity.outcome !== "noface");
    if (there.length === 0) return this.#isEmptied(camera, frame) ? [] : undefined;
    Object.assign(camera, { emptySince: undefined, emptyTold: false });
    const at = frame.capturedAt;
    const news = there.filter((face) => {
      const what = `${face.identity?.outcome} ${face.identity?.person ?? ""}`;
      const track = face.track === undefined ? `loose ${what}` : String(face.track);
      const before = camera.said.get(track);
      camera.said.set(track, { what, at });
      return before === undefined || before.what !== what || Math.abs(at - before.at) > SILENCE_MS;
    });
    return news.length === 0 ? undefined : news;
  }

  #isEmptied(camera: Camera, { capturedAt, live }: Frame): boolean {
    camera.emptySince ??= capturedAt;
    if (camera.emptyTold || (live !== false && Math.abs(capturedAt - camera.emptySince) < EMPTY_MS)) return false;
    camera.emptyTold = true;
    camera.said.clear();
    return true;
  }
}
