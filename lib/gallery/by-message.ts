/** Who is in the gallery, changed by a message: `msg.enrol` and `msg.forget`. */
import { UserError } from "../errors";
import { toKeptJpeg } from "../image/encode";
import { type FaceMessage, readPicture } from "../message";
import type { Gallery } from "./gallery";

/** Whether a message is about who is in the gallery rather than who is in the picture. */
export function changesGallery(message: FaceMessage): boolean {
  return (message["enrol"] ?? message["forget"] ?? undefined) !== undefined;
}

/**
 * Enrol or forget whom a message names, and put the answer into it.
 * @throws a sentence when neither is asked for or it cannot be done
 */
export async function changeGallery(
  message: FaceMessage,
  gallery: Gallery,
): Promise<{ name: string; photos: number }> {
  if ((message["forget"] ?? undefined) !== undefined) {
    if ((message["enrol"] ?? undefined) !== undefined) throw new UserError("gallery.enrolAndForget");
    const forgotten = await gallery.forget(message["forget"]);
    message["forgotten"] = forgotten;
    return forgotten;
  }
  const picture = readPicture(message);
  const foreign = (
    Array.isArray(message.faces)
      ? message.faces.find(
          ({ model }) => model !== undefined && model !== gallery.roster.model && !gallery.speaks(model),
        )
      : undefined
  )?.model;
  if (foreign !== undefined) throw new UserError("gallery.otherModel", { model: foreign, kept: gallery.roster.model });
  const enrolled = await gallery.enrol(message["enrol"], await toKeptJpeg(picture));
  message["enrolled"] = enrolled;
  return enrolled;
}
