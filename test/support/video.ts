import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFfmpeg } from "../../lib/capture/ffmpeg";

/** A test card of some seconds. @returns its path */
export async function testVideo(
  seconds: number,
  fps = 10,
  file = "test.mp4",
  more: readonly string[] = [],
): Promise<string> {
  const { path } = await findFfmpeg();
  const video = join(mkdtempSync(join(tmpdir(), "video-")), file);
  execFileSync(
    path,
    [
      "-hide_banner",
      "-loglevel",
      "error",
      "-f",
      "lavfi",
      "-i",
      `testsrc=size=320x240:rate=${fps}:duration=${seconds}`,
      "-pix_fmt",
      "yuv420p",
      "-c:v",
      "libx264",
      "-g",
      String(fps),
      ...more,
      video,
    ],
    { timeout: 30_000 },
  );
  return video;
}

/**
 * Frames as a camera would send them: compressed as H.264, and decoded.
 * @param frames JPEGs of one size
 * @returns packed RGB
 */
export async function throughH264(
  frames: readonly Buffer[],
  { width, height, fps = 30 }: { width: number; height: number; fps?: number },
): Promise<Buffer[]> {
  const { path } = await findFfmpeg();
  const quiet = ["-hide_banner", "-loglevel", "error"];
  const video = join(mkdtempSync(join(tmpdir(), "video-")), "scene.mp4");
  const size = width * height * 3;
  execFileSync(
    path,
    [
      ...quiet,
      "-f",
      "image2pipe",
      "-c:v",
      "mjpeg",
      "-framerate",
      String(fps),
      "-i",
      "-",
      "-pix_fmt",
      "yuv420p",
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      "26",
      video,
    ],
    { input: Buffer.concat(frames), timeout: 60_000 },
  );
  const rgb = execFileSync(path, [...quiet, "-i", video, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], {
    timeout: 60_000,
    maxBuffer: size * (frames.length + 1),
  });
  return frames.map((_, index) => rgb.subarray(index * size, (index + 1) * size));
}

/** Ids of the ffmpeg processes that this process started and that still run (Linux; elsewhere none is told). */
export function ffmpegChildren(): string[] {
  if (process.platform !== "linux") return [];
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ");
  return children.filter((child) => child !== "" && readFileSync(`/proc/${child}/cmdline`, "utf8").includes("ffmpeg"));
}
