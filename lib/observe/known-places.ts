/** Where in each camera's picture somebody known was seen a moment ago: no stranger is there. */
import { BoundedMap } from "../bounded-map";
import { areOneFace } from "../detect/boxes";
import { type Box, cameraOf, type Face, type Frame, MOST_CAMERAS } from "../message";

/** A second box over a face comes and goes; a stranger who takes somebody's place stays longer than this. */
const PLACE_LASTS_MS = 1000;
/** Whoever is followed and had a name is them still, though some frames are too poor to tell. */
const TRACK_LASTS_MS = 5000;
/** Of one camera; of more the oldest are forgotten. */
const MAX_PLACES = 100;
const MAX_TRACKS = 100;

interface Place {
  box: Box;
  /** See `see`. */
  at: number;
}

/** Of one camera. */
interface Seen {
  places: Place[];
  /** When each track had a name last. */
  named: BoundedMap<number, number>;
}

const nobody = (): Seen => ({ places: [], named: new BoundedMap(MAX_TRACKS) });

export class KnownPlaces {
  readonly #cameras = new BoundedMap<string, Seen>(MOST_CAMERAS);

  /**
   * Take in the decided faces of a picture.
   * @param frame undefined for a photo, which has nothing to do with others
   * @param at milliseconds of a clock that is never put forward or back
   * @returns whether a face of it is where somebody known is, or of a track that had their name a moment ago
   */
  see(faces: readonly Face[], frame: Frame | undefined, at: number): (face: Face) => boolean {
    const camera = frame === undefined ? undefined : cameraOf(frame);
    const { places: before, named } = (camera === undefined ? undefined : this.#cameras.get(camera)) ?? nobody();
    const known = faces.filter(isKnown);
    for (const { track } of known) if (track !== undefined) named.set(track, at);
    const places = [
      ...before.filter((place) => at - place.at <= PLACE_LASTS_MS),
      ...known.map(({ box }) => ({ box, at })),
    ].slice(-MAX_PLACES);
    if (camera !== undefined) this.#cameras.set(camera, { places, named });
    return ({ box, track }) =>
      (track !== undefined && at - (named.get(track) ?? -Infinity) <= TRACK_LASTS_MS) ||
      places.some((place) => areOneFace({ box, eyes: undefined }, { box: place.box, eyes: undefined }));
  }
}

function isKnown({ identity }: Face): boolean {
  return identity?.person != null;
}
