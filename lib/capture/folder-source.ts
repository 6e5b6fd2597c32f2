/** A folder of pictures, in the order of their names. */
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import sharp from "sharp";
import type { OptionsOf } from "./options";
import { pause, type Source } from "./source";

const ENDINGS = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"]);
const DEFAULT_FPS = 1;

export function folderSource({ path, loop, fps = DEFAULT_FPS }: OptionsOf<"folder">): Source {
  return async ({ onFrame, onNotice, signal }) => {
    do {
      const files = await readdir(path).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`the folder ${path} cannot be read (${error.code ?? "error"}): check that it exists and that Node-RED may read it.`, { cause: error });
      });
      const pictures = files.filter((file) => ENDINGS.has(extname(file).toLowerCase()) && !file.startsWith(".")).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      if (pictures.length === 0) throw new Error(`the folder ${path} has no picture in it: JPEG, PNG, WebP, GIF or AVIF.`);
      for (const file of pictures) {
        if (signal.aborted) return;
        try {
          // Reading a pipe would wait for ever.
          if (!(await stat(join(path, file))).isFile()) throw new Error("it is no file");
          const bytes = await readFile(join(path, file));
          const { autoOrient } = await sharp(bytes).metadata();
          onFrame({ bytes, width: autoOrient.width, height: autoOrient.height, encoding: "jpeg" });
        } catch (error) {
          onNotice(`the picture ${file} cannot be read (${error instanceof Error ? error.message : String(error)}); going on with the next.`);
        }
        await pause(1000 / fps, signal);
      }
    } while (loop && !signal.aborted);
  };
}
