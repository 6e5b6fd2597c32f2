import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFfmpeg } from "../../lib/capture/ffmpeg";

/** A test card of some seconds. @returns its path */
export async function testVideo(seconds: number, fps = 10, file = "test.mp4", more: readonly string[] = []): Promise<string> {
  const { path } = await findFfmpeg();
  const video = join(mkdtempSync(join(tmpdir(), "video-")), file);
  execFileSync(path, ["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", `testsrc=size=320x240:rate=${fps}:duration=${seconds}`, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", String(fps), ...more, video], { timeout: 30_000 });
  return video;
}

/** Ids of the ffmpeg processes that this process started and that still run (Linux; elsewhere none is told). */
export function ffmpegChildren(): string[] {
  if (process.platform !== "linux") return [];
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ");
  return children.filter((child) => child !== "" && readFileSync(`/proc/${child}/cmdline`, "utf8").includes("ffmpeg"));
}
