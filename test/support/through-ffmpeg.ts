import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { besideOf, findFfmpeg, releaseOf, startFfmpeg } from "../../lib/capture/ffmpeg";
import { outputArguments } from "../../lib/capture/ffmpeg-arguments";
import { multipartParser, pgmParser } from "../../lib/capture/multipart";
import { cameraOptionsSchema, type OptionsOf } from "../../lib/capture/options";
import { type Grey, greysBeside } from "../../lib/image/grey-thumbnail";
import type { Picture } from "../../lib/message";

/** The same pictures as the camera node gives them: as ffmpeg's JPEGs, with its small grey pictures beside. */
export async function throughFfmpeg(pictures: readonly Picture[]): Promise<Picture[]> {
  const file = join(mkdtempSync(join(tmpdir(), "film-")), "film.mjpeg");
  writeFileSync(file, Buffer.concat(pictures.map(({ bytes }) => bytes)));
  const ffmpeg = await findFfmpeg();
  const input = ["-f", "mjpeg", "-framerate", "10", "-i", file];
  const options = cameraOptionsSchema.parse({ name: "film", source: "file", path: file }) as OptionsOf<"file">;
  const output = outputArguments(options, releaseOf(ffmpeg.version), true);
  const child = startFfmpeg(ffmpeg, [...input, ...output], true);
  const [jpegOf, greyOf] = [multipartParser(), pgmParser()];
  const [jpegs, greys]: [Buffer[], Grey[]] = [[], []];
  child.stderr.resume();
  child.stdout.on("data", (chunk: Buffer) => jpegs.push(...jpegOf(chunk).map(({ bytes }) => bytes)));
  besideOf(child).on("data", (chunk: Buffer) => greys.push(...greyOf(chunk)));
  await once(child, "close");
  assert.deepEqual([jpegs.length, greys.length], [pictures.length, pictures.length]);
  return pictures.map(({ frame }, index) => {
    const bytes = jpegs[index] as Buffer;
    greysBeside.set(bytes, Promise.resolve(greys[index]));
    return { bytes, frame };
  });
}
