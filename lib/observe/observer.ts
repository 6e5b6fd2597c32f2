/** What is remembered of decided faces besides: who was seen and when, events, strangers for review, figures. */
import { cameraNames } from "../capture/names";
import type { Gallery } from "../gallery/gallery";
import { cropFace } from "../image/crop";
import type { Face, Picture, Timing } from "../message";
import type { Journal } from "./journal";
import { KnownPlaces } from "./known-places";
import { metrics } from "./metrics";

/** Of the picture of an event, in pixels. */
const EVENT_SIDE = 160;
/** Names the events of pictures that no camera took. */
const PHOTO_SOURCE = "photo";
/**
 * A track that is less sure may yet turn out to be of somebody who is known: their face is not kept as a stranger's.
 */
const SURE_OF_STRANGER = 0.9;

/** A frame whose faces were decided. */
export interface Decided {
  faces: readonly Face[];
  /** Undefined where the message has none any more: then no pictures are kept. */
  picture: Picture | undefined;
  timing: Timing;
}

/** Whom it tells. */
type Seeing = Pick<Gallery, "saw" | "sawUnknown">;

export class Observer {
  readonly #gallery: Seeing;
  readonly #journal: Journal;
  readonly #tell: (error: unknown) => void;
  readonly #places = new KnownPlaces();

  /** @param tell what cannot be kept */
  constructor(gallery: Seeing, journal: Journal, tell: (error: unknown) => void) {
    this.#gallery = gallery;
    this.#journal = journal;
    this.#tell = tell;
  }

  /**
   * Nothing waits for it, and it never throws.
   * @param at ms since the epoch
   * @param tick the same moment in milliseconds of a clock that is never put forward or back
   */
  observe({ faces, picture, timing }: Decided, at: number, tick: number): void {
    const source = picture?.frame === undefined ? PHOTO_SOURCE : cameraNames.labelOf(picture.frame);
    const crop = (face: Face, side: number): Promise<Buffer | undefined> =>
      picture === undefined ? Promise.resolve(undefined) : cropFace(picture, face.box, side);
    metrics.observe(source, faces, timing, tick);
    for (const { identity } of faces) if (identity?.person != null) this.#gallery.saw(identity.person, at);
    this.#journal.offer(source, faces, { at, tick }, (face) => crop(face, EVENT_SIDE));
    const isWhereSomebodyKnownIs = this.#places.see(faces, picture?.frame, tick);
    for (const face of faces)
      if (isStranger(face) && !isWhereSomebodyKnownIs(face))
        this.#gallery.sawUnknown(face, { at, source, crop: (side) => crop(face, side) }).catch(this.#tell);
  }
}

function isStranger({ identity }: Face): boolean {
  return (
    identity?.reason === "empty_gallery" ||
    (identity?.reason === "above_threshold" && (identity.sure ?? 1) >= SURE_OF_STRANGER)
  );
}
