import { createHash } from "node:crypto";
import { statisticsOf } from "../calibrate/model-statistics";
import type { Tail } from "../calibrate/tail";
import type { Detector } from "../detect/detector";
import { DEFAULT_DETECTOR, detectorNamed } from "../detect/detectors";
import { FaceDetector } from "../detect/face-detector";
import { haar } from "../detect/haar/haar";
import type { Face, Picture } from "../message";
import { findModel } from "../models/find-model";
import type { ModelDescriptor } from "../embed/descriptor";
import { type Normalisation, normalisationOf } from "../embed/normalise";
import { embedderOptionsSchema, FaceEmbedder } from "../embed/embedder";

export interface EncoderOptions {
  /** Id of a built-in model or of a model pack, or path of a descriptor; empty as findModel says. */
  model?: string | undefined;
  /** Id of the detector that finds the faces of photos. */
  detector?: string | undefined;
}

/**
 * A photo in, its faces out: detect, align and embed in the shared workers. For enrolment; live frames go through the
 * nodes.
 */
export interface FaceEncoder {
  /** Id of the model, as it stands in `face.model`. */
  readonly model: string;
  /**
   * Of all that decides about the embedding of a photo: with another one what was encoded before must be encoded anew.
   */
  readonly fingerprint: string;
  /** The model's own threshold τ. */
  readonly threshold: number;
  /** The model's share of τ within which a photo is nearly the same as another. */
  readonly nearDuplicate: number;
  /** What d' of its embeddings needs; undefined where there is no cohort for the model. */
  readonly normalisation: Normalisation | undefined;
  /** Of its d' between strangers; undefined where it was never measured. */
  readonly tail: Tail | undefined;
  /** Of every embedding. */
  readonly dimensions: number;
  /**
   * Every detection of the picture: with `embedding`, or with `rejected` and none.
   * @param kept whether it is somebody's already: then covered faces have an embedding too, as when it was kept
   * @throws a sentence when it is no picture.
   */
  encode(bytes: Buffer, kept?: boolean): Promise<Face[]>;
  /**
   * Faces that another network embedded, embedded anew; whatever their size. Those of a track are carried on.
   * @throws a sentence when it is no picture
   */
  embedAnew(picture: Picture, faces: readonly Face[]): Promise<Face[]>;
  /** Load the networks. @throws a sentence when they cannot be used */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

/** Counts changes of this package after which a photo's embedding is another one. */
const ENCODING_VERSION = 2;

function fingerprintOf(
  { file: _place, threshold: _judges, nearDuplicate: _too, licence: _text, ...model }: ModelDescriptor,
  { id, photoOptions }: Detector,
): string {
  // As before there was a choice, so that no gallery is encoded anew for nothing.
  const detection = id === haar.id ? photoOptions : { detector: id, ...photoOptions };
  return createHash("sha256")
    .update(JSON.stringify([ENCODING_VERSION, model, detection]))
    .digest("hex");
}

/** @throws a sentence when there is no such model or detector */
export async function createEncoder(options: EncoderOptions): Promise<FaceEncoder> {
  const model = await findModel(options.model);
  const detection = detectorNamed(options.detector ?? DEFAULT_DETECTOR);
  const normalisation = await normalisationOf(model);
  const detector = new FaceDetector(detection, detection.photoOptions);
  const embedder = new FaceEmbedder(model, embedderOptionsSchema.parse({}));
  const forKept = new FaceEmbedder(model, embedderOptionsSchema.parse({ covered: true }));
  /** What is too small or covered, or one face with another box, was said before. */
  const live = new FaceEmbedder(model, embedderOptionsSchema.parse({ minSize: 0, everyBox: true, covered: true }));
  return {
    model: model.id,
    fingerprint: fingerprintOf(model, detection),
    threshold: model.threshold,
    nearDuplicate: model.nearDuplicate,
    normalisation,
    tail: normalisation === undefined ? undefined : statisticsOf(model.id)?.tail,
    dimensions: model.dimensions,
    async encode(bytes, kept = false) {
      const picture = { bytes, frame: undefined };
      const { faces } = await detector.detect(picture);
      return (await (kept ? forKept : embedder).embed(picture, faces)).faces;
    },
    async embedAnew(picture, faces) {
      return (await live.embed(picture, faces)).faces;
    },
    async warmUp() {
      await embedder.warmUp();
    },
    async close() {
      await Promise.all([detector.close(), embedder.close(), forKept.close(), live.close()]);
    },
  };
}
