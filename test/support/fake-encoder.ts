import type { PhotoEncoder } from "../../lib/enrol/photo-encoder";
import type { Face } from "../../lib/message";

/**
 * Reads faces from the "photo's" text: "1 2" is one face with that embedding, "" none, "1 2;3 4" two; "bad" is no
 * picture.
 */
export class FakeEncoder implements PhotoEncoder {
  readonly threshold = 0.5;
  calls = 0;
  /** How many of the next calls fail as if the worker had died. */
  failing = 0;

  constructor(
    readonly model = "fake",
    readonly fingerprint = "",
  ) {}

  encode(bytes: Buffer): Promise<Face[]> {
    this.calls += 1;
    if (this.failing > 0) {
      this.failing -= 1;
      return Promise.reject(new Error("the worker died"));
    }
    const text = bytes.toString();
    if (text === "bad") return Promise.reject(new Error("it is no picture"));
    const box = { x: 0, y: 0, width: 1, height: 1 };
    return Promise.resolve(
      text === ""
        ? []
        : text.split(";").map((part): Face => ({
            box,
            score: 1,
            embedding: Float32Array.from(part.split(" "), Number),
            model: this.model,
          })),
    );
  }
}
