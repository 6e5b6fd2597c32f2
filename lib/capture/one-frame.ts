import { UserError } from "../errors";
import type { Picture } from "../message";
import { Camera, type CameraEvent } from "./camera";
import type { CameraOptions } from "./options";
import { phrase } from "../words/sentence";

/**
 * One frame of a camera that nobody has deployed. Nothing of it runs any more when this settles.
 * @param signal ends it @throws UserError with what the camera node would tell as the reason of a loss
 */
export async function oneFrame(options: CameraOptions, signal: AbortSignal): Promise<Picture> {
  const camera = new Camera(options);
  try {
    return await new Promise<Picture>((resolve, reject) => {
      camera.once("frame", (bytes, frame) => resolve({ bytes, frame }));
      camera.on("event", ({ event, sentence }: CameraEvent) => {
        if (event === "lost") reject(new UserError(sentence ?? phrase("capture.wasLost")));
        if (event === "ended") reject(new UserError("capture.nothingInIt"));
      });
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      camera.snapshot();
    });
  } finally {
    await camera.stop();
  }
}
