/** A folder of pictures, in the order of their names. */
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { reasonOf, UserError } from "../errors";
import { isSystemFile } from "../system-files";
import { toKeptJpeg } from "../image/encode";
import { MAX_PHOTO_BYTES } from "../image/limits";
import { openPicture } from "../image/open-picture";
import { kindOf, PHOTO_ENDINGS, READABLE_KINDS } from "../image/photo-file";
import type { OptionsOf } from "./options";
import { type CapturedFrame, pause, type Source } from "./source";
import { phrase } from "../words/sentence";

const DEFAULT_FPS = 1;

export function folderSource({ path, loop, fps = DEFAULT_FPS }: OptionsOf<"folder">): Source {
  return async ({ onFrame, onNotice, signal }) => {
    do {
      const files = await readdir(path).catch((error: NodeJS.ErrnoException) => {
        throw new UserError("capture.folderUnreadable", { path, reason: error.code ?? "error" }, { cause: error });
      });
      const pictures = files
        .filter((file) => PHOTO_ENDINGS.has(extname(file).toLowerCase()) && !isSystemFile(file))
        .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      if (pictures.length === 0) throw new UserError("capture.folderEmpty", { path, kinds: READABLE_KINDS });
      for (const file of pictures) {
        if (signal.aborted) return;
        try {
          onFrame(await readPicture(join(path, file)));
        } catch (error) {
          onNotice(phrase("capture.photoUnreadable", { file, reason: reasonOf(error) }));
        }
        await pause(1000 / fps, signal);
      }
    } while (loop && !signal.aborted);
  };
}

async function readPicture(path: string): Promise<CapturedFrame> {
  const stats = await stat(path);
  // Reading a pipe would wait for ever.
  if (!stats.isFile()) throw new UserError("capture.isNoFile");
  if (stats.size > MAX_PHOTO_BYTES)
    throw new UserError("capture.moreThanMegabytes", { megabytes: MAX_PHOTO_BYTES / 1024 / 1024 });
  const bytes = await readFile(path);
  // Few nodes beside ours can show HEIC, and it takes a second to decode: once is enough.
  const readable = kindOf(bytes) === "heic" ? await toKeptJpeg({ bytes, frame: undefined }) : bytes;
  const { width, height } = await openPicture({ bytes: readable });
  return { bytes: readable, width, height, encoding: "jpeg" };
}
