/** What was found out of the faces of earlier frames, and when it may still be said of the face of this one. Pure. */
import { BoundedMap } from "../bounded-map";
import { eyesIn } from "../align/chip";
import { type Eyes, overlap } from "../detect/boxes";
import { nextTrack } from "../detect/tracker";
import { type Box, cameraOf, type Face, type Frame, type Point } from "../message";
import { euclideanDistance, toUnitLength } from "./distance";
import { Template, weightOf } from "./template";

/** What the networks found of a face. */
export type Findings = Pick<Face, "landmarks" | "quality" | "rejected" | "embedding" | "chip">;

export interface MemoryOptions {
  /** Findings older than this are of no use, in milliseconds. */
  reembedAfter: number;
  /** The model's τ. */
  threshold: number;
  /** Whether the model's embeddings have length 1, so that means must have it too. */
  unitLength: boolean;
}

interface Remembered {
  /** The track's number as it is shown: a new one once another person took the place. */
  shown: number;
  look: number;
  /** When the frame of the findings was taken; milliseconds since the epoch. */
  at: number;
  /** The box in that frame. */
  foundIn: Box;
  /** How little the landmarks are a face's, see ChipFit. */
  residual: number | undefined;
  /** In the last frame that was asked about. */
  box: Box;
  findings: Findings;
  template: Template | undefined;
  /**
   * What was known before a less certain face came that did not look the same; such a face may be a blurred moment.
   */
  clearer: Template | undefined;
}

/** A new face is embedded in so many frames before the result is carried on. */
const SETTLED = 3;
/** A face that was rejected is tried again sooner; milliseconds. */
const RETRY_MS = 250;
/** A face that grew by this factor shows more than was known. */
const GROWN = 1.2;
/** A box that overlaps less with the last one jumped. */
const LEAST_OVERLAP = 0.3;
/**
 * Embeddings of a track nearer to its mean than this part of τ are of one person: of 107,000 pairs of strangers'
 * photos (LFW) none is,
 * with either network. Blurred, darker, compressed to quality 50 or turned by 8° a photo moves by 0.46 τ (dlib) and
 * 0.39 (MobileFaceNet)
 * at most.
 */
const SAME_PERSON = 0.5;
/**
 * Faces that weigh less do not tell that somebody else took the place: of frames of one photo 14 to 82 % lie farther
 * apart than τ where one
 * of them weighs less, 4 % and fewer where both weigh more (MobileFaceNet, bench/small-faces.ts).
 */
const CERTAIN = 0.4;
/** More faces than this are not followed at once. */
const MAX_TRACKS = 512;

export class TrackMemory {
  readonly #options: MemoryOptions;
  readonly #tracks = new BoundedMap<string, Remembered>(MAX_TRACKS);

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  /**
   * The face with what is known of it, or undefined where it must be looked at anew: it is new, looks otherwise,
   * jumped, came
   * nearer, is not settled, or too long ago.
   */
  recall(face: Face, frame: Frame | undefined): Face | undefined {
    const known = this.#find(face, frame);
    if (known === undefined || frame === undefined) return undefined;
    const { findings, template } = known;
    const age = frame.capturedAt - known.at;
    const jumped = overlap(known.box, face.box) < LEAST_OVERLAP;
    known.box = face.box;
    const bound =
      findings.rejected === undefined ? this.#options.reembedAfter : Math.min(RETRY_MS, this.#options.reembedAfter);
    if (
      jumped ||
      face.look !== known.look ||
      !(age >= 0 && age < bound) ||
      face.box.width >= GROWN * known.foundIn.width
    )
      return undefined;
    if (findings.rejected === undefined && (template === undefined || template.count < SETTLED)) return undefined;
    // Its landmarks were those of another frame.
    const { landmarks: _elsewhere, ...kept } = findings;
    return {
      ...bare(face),
      ...kept,
      track: known.shown,
      carriedAgeMs: age,
      carried: age,
      ...(findings.rejected === undefined && template !== undefined ? this.#answer(template) : {}),
    };
  }

  /**
   * Remember what was found of a face of this frame.
   * @param residual how little its landmarks are a face's, see ChipFit
   * @returns the face with it, its embedding fused with earlier ones of the same person
   */
  learn(face: Face, frame: Frame | undefined, findings: Findings, residual?: number): Face {
    const key = keyOf(face, frame);
    if (key === undefined || frame === undefined || this.#options.reembedAfter === 0)
      return { ...bare(face), ...findings };
    const known = this.#tracks.get(key);
    const { template, clearer, stranger } = this.#fuse(known ?? {}, findings);
    const shown = known === undefined ? (face.track as number) : stranger ? nextTrack() : known.shown;
    this.#tracks.set(key, {
      shown,
      look: face.look as number,
      at: frame.capturedAt,
      foundIn: face.box,
      residual,
      box: face.box,
      findings,
      template,
      clearer,
    });
    return {
      ...bare(face),
      ...findings,
      track: shown,
      ...(findings.embedding === undefined || template === undefined ? {} : this.#answer(template)),
    };
  }

  /** Where a face that was recalled has its eyes now, if it moved as its box did, and how well it was aligned. */
  alignmentOf(face: Face, frame: Frame | undefined): { eyes: Eyes | undefined; residual: number | undefined } {
    const known = this.#find(face, frame);
    const landmarks = known?.findings.landmarks;
    if (known === undefined || landmarks === undefined) return { eyes: undefined, residual: undefined };
    const { leftEye, rightEye } = eyesIn(landmarks);
    const moved = ({ x, y }: Point): Point => ({
      x: face.box.x + ((x - known.foundIn.x) * face.box.width) / known.foundIn.width,
      y: face.box.y + ((y - known.foundIn.y) * face.box.height) / known.foundIn.height,
    });
    return { eyes: { leftEye: moved(leftEye), rightEye: moved(rightEye) }, residual: known.residual };
  }

  #answer({ mean, count }: Template): Pick<Face, "embedding" | "fused"> {
    return { embedding: this.#options.unitLength ? toUnitLength(mean) : mean, fused: count };
  }

  #fuse(
    { template, clearer }: Partial<Pick<Remembered, "template" | "clearer">>,
    { embedding, quality }: Findings,
  ): Pick<Remembered, "template" | "clearer"> & { stranger: boolean } {
    if (embedding === undefined) return { template, clearer, stranger: false };
    const weight = weightOf(quality);
    const { threshold } = this.#options;
    const away = (from: Template | undefined): number =>
      from === undefined ? Infinity : euclideanDistance(from.mean, embedding);
    const same = (other: Template | undefined): other is Template => away(other) <= SAME_PERSON * threshold;
    if (same(clearer)) return { template: clearer.with(embedding, weight), clearer: undefined, stranger: false };
    const before = clearer ?? template;
    const stranger = before !== undefined && Math.min(before.best, weight) >= CERTAIN && away(before) > threshold;
    const kept = !stranger && before !== undefined && before.best > weight ? before : undefined;
    return same(template)
      ? { template: template.with(embedding, weight), clearer: stranger ? undefined : clearer, stranger }
      : { template: Template.of(embedding, weight), clearer: kept, stranger };
  }

  #find(face: Face, frame: Frame | undefined): Remembered | undefined {
    const key = keyOf(face, frame);
    return key === undefined ? undefined : this.#tracks.get(key);
  }
}

/** Without what an embedding node before this one said of its own embedding. */
function bare({ carriedAgeMs: _age, carried: _before, fused: _fused, ...face }: Face): Face {
  return face;
}

/** Undefined for a photo and for a face that nobody follows. */
function keyOf({ track, look }: Face, frame: Frame | undefined): string | undefined {
  return frame === undefined || track === undefined || look === undefined ? undefined : `${track} ${cameraOf(frame)}`;
}
