/** Pictures of a running camera, one after another with time between, so that they differ. */
import { once } from "node:events";
import { UserError } from "../errors";
import type { Frame, Picture } from "../message";
import type { Camera } from "./camera";
import { pause } from "./source";

/** Between two snapshots: a head has moved by then. */
const BETWEEN_MS = 1000;
/** A camera that is this late with a frame is not connected. */
const LATE_MS = 5000;

/** The camera does not run, has stopped, or gives no frame: a sentence says which. */
export class NoPicture extends UserError {}

/**
 * Snapshots, each of a frame that comes after it was asked for.
 * @param signal ends it without a word
 * @throws NoPicture
 */
export async function* snapshots(camera: Camera, count: number, signal: AbortSignal): AsyncGenerator<Picture> {
  const { name, fps } = camera.options;
  const { stopped } = camera;
  if (stopped === undefined) throw new NoPicture("capture.notRunning", { name });
  const end = AbortSignal.any([signal, stopped]);
  for (let index = 0; index < count; index += 1) {
    if (index > 0) await pause(BETWEEN_MS, end);
    const late = AbortSignal.timeout(LATE_MS + 1000 / (fps ?? 1));
    const frame = once(camera, "frame", { signal: AbortSignal.any([end, late]) }) as Promise<[Buffer, Frame]>;
    const [bytes, taken] = await frame.catch((error: unknown) => {
      if (stopped.aborted) throw new NoPicture("capture.hasStopped", { name }, { cause: error });
      if (late.aborted) throw new NoPicture("capture.givesNoPicture", { name }, { cause: error });
      return [undefined, undefined];
    });
    if (bytes === undefined) return;
    yield { bytes, frame: taken };
  }
}
