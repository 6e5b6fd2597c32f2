/**
 * Films made of photos: somebody walks up to a camera, turning a little, in changing light, blurred for a moment, with
 * the noise of a sensor,
 * compressed as H.264. For benchmarks of what is decided over many frames.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { findFfmpeg } from "../lib/capture/ffmpeg";
import type { Picture } from "../lib/message";

export const FILM = { width: 640, height: 480, fps: 15, seconds: 2.4 } as const;

/** The photo's side in the first and last frame, in pixels: a face of LFW is 0.4 of it wide. */
const FAR = 130;
const NEAR = 300;
/** A film is no photo of its own second: milliseconds since the epoch. */
const BEGAN = 1_000_000;

/**
 * @param photo any picture that sharp reads
 * @param random 0..1, as Math.random
 * @returns the frames as a camera node sends them, packed RGB
 */
export async function film(photo: Buffer, source: string, random: () => number): Promise<Picture[]> {
  const { width, height, fps, seconds } = FILM;
  const folder = mkdtempSync(join(tmpdir(), "bench-film-"));
  const spread = (most: number): string => (most * (2 * random() - 1)).toFixed(3);
  try {
    const still = join(folder, "photo.png");
    writeFileSync(still, await sharp(photo).rotate().resize(NEAR, NEAR, { fit: "cover" }).png().toBuffer());
    const blurred = seconds * random() * 0.8;
    const steps = [
      `rotate=a='${spread(0.06)}+${spread(0.1)}*sin(${(1 + 2 * random()).toFixed(2)}*t)':fillcolor=0x556070`,
      `eq=contrast=${(0.75 + 0.4 * random()).toFixed(2)}:` +
        `brightness='${spread(0.06)}+${spread(0.08)}*sin(2*t)':eval=frame`,
      `gblur=sigma=${(1.5 + 2.5 * random()).toFixed(2)}:` +
        `enable='between(t,${blurred.toFixed(2)},${(blurred + 0.25).toFixed(2)})'`,
      `scale=w='${FAR}+${NEAR - FAR}*t/${seconds}':h=-1:eval=frame`,
    ];
    const place = `overlay=x='(W-w)/2+20*sin(2*t+${spread(3)})':y='(H-h)/2+12*cos(3*t+${spread(3)})':eval=frame`;
    const filter = `[1]${steps.join(",")}[face];[0][face]${place},noise=alls=${(6 + 10 * random()).toFixed(0)}:allf=t`;
    const { path } = await findFfmpeg();
    const quiet = ["-hide_banner", "-loglevel", "error", "-y"];
    const video = join(folder, "film.mp4");
    const timeout = 120_000;
    execFileSync(
      path,
      [
        ...quiet,
        "-f",
        "lavfi",
        "-i",
        `color=c=0x556070:s=${width}x${height}:r=${fps}:d=${seconds}`,
        "-loop",
        "1",
        "-framerate",
        String(fps),
        "-t",
        String(seconds),
        "-i",
        still,
        "-filter_complex",
        filter,
        "-pix_fmt",
        "yuv420p",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        String(24 + Math.round(8 * random())),
        video,
      ],
      { timeout },
    );
    const rgb = execFileSync(path, [...quiet, "-i", video, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], {
      timeout,
      maxBuffer: width * height * 3 * fps * (seconds + 1),
    });
    const size = width * height * 3;
    return Array.from({ length: Math.floor(rgb.length / size) }, (_, sequence) => ({
      bytes: rgb.subarray(sequence * size, (sequence + 1) * size),
      frame: {
        source,
        sequence,
        capturedAt: BEGAN + Math.round((sequence * 1000) / fps),
        width,
        height,
        encoding: "rgb" as const,
      },
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
