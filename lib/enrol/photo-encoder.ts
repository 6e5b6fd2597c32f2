/** What enrolment asks of whoever makes embeddings of photos. */
import type { Tail } from "../calibrate/tail";
import type { Normalisation } from "../embed/normalise";
import type { Face, Picture } from "../message";

/** Makes embeddings of photos; createEncoder's (./encoder), or a test's. */
export interface PhotoEncoder {
  readonly model: string;
  /** Changes whenever photos must be embedded anew though the model's id stays. */
  readonly fingerprint: string;
  /** τ of the Euclidean distance. */
  readonly threshold: number;
  /** The share of τ within which a photo is nearly the same as another; without it the gallery has its own. */
  readonly nearDuplicate?: number;
  /** What d' of its embeddings needs; undefined where there is no cohort. */
  readonly normalisation?: Normalisation | undefined;
  /** Of its d' between strangers; undefined where it was never measured. */
  readonly tail?: Tail | undefined;
  /** Of its embeddings; without it the first one in the gallery tells. */
  readonly dimensions?: number;
  /** @param kept whether it is somebody's photo already */
  encode(bytes: Buffer, kept?: boolean): Promise<Face[]>;
  /** Faces that another network embedded, embedded anew. */
  embedAnew?(picture: Picture, faces: readonly Face[]): Promise<Face[]>;
  /** @throws a sentence when the network cannot be used */
  warmUp?(): Promise<void>;
}
