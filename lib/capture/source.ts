import type { Grey } from "../image/grey-thumbnail";
import type { Encoding, Frame } from "../message";
import { type Sentence } from "../words/sentence";

/** One picture as a camera gave it. */
export interface CapturedFrame {
  bytes: Buffer;
  width: number;
  height: number;
  encoding: Encoding;
  /** Which colours the page of a browser's camera shows meanwhile. */
  flash?: Frame["flash"];
  /** Its small grey picture, as greyThumbnail's, of a source that makes it; undefined where it came too late. */
  grey?: Promise<Grey | undefined> | undefined;
}

export interface SourceContext {
  onFrame: (frame: CapturedFrame) => void;
  /** Something people should know that is no error. */
  onNotice: (sentence: Sentence) => void;
  /** Aborted to stop; the source then ends, with all it started. */
  signal: AbortSignal;
}

/** Runs until it ends by itself (a file) or is aborted. @throws a sentence when it cannot start or is lost */
export type Source = (context: SourceContext) => Promise<void>;

/** Wait, or until aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
