import type { DetectorOptions } from "../detect/options";
import type { Face } from "../message";

export interface EncoderOptions {
  /** Id of a built-in model or path of a descriptor; default the dlib ResNet. */
  model?: string | undefined;
  detector?: Partial<DetectorOptions> | undefined;
}

/** A photo in, its faces out: detect, align and embed in the shared workers. For enrolment; live frames go through the nodes. */
export interface FaceEncoder {
  /** Id of the model, as it stands in `face.model`. */
  readonly model: string;
  /** The model's own threshold τ. */
  readonly threshold: number;
  /** Every detection of the picture: with `embedding`, or with `rejected` and none. @throws a sentence when it is no picture. */
  encode(bytes: Buffer): Promise<Face[]>;
  close(): Promise<void>;
}

export declare function createEncoder(options: EncoderOptions): FaceEncoder;
