/**
 * Videos of drifting faces for the speed benchmarks: H.264 as a camera would compress it, and decoded once for
 * everybody.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFfmpeg } from "../lib/capture/ffmpeg";
import { portrait, PORTRAITS } from "../test/support/photos";

export interface FramesOptions {
  width: number;
  height: number;
  count: number;
  /** How many faces; more than there are portraits are mirrored ones. */
  faces: number;
  fps?: number;
}

export interface Frames extends FramesOptions {
  folder: string;
  /** H.264. */
  video: string;
  /** Decodes it: the path of all frames one after the other, packed RGB. */
  decode(): string;
  remove(): void;
}

/** A face's square is this part of its place in the grid, and drifts by so much of it. */
const SHARE = 0.8;
const DRIFT = 0.08;

export async function makeFrames(options: FramesOptions): Promise<Frames> {
  const { width, height, count, faces, fps = 30 } = options;
  const folder = mkdtempSync(join(tmpdir(), "bench-frames-"));
  const names = Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[];
  const { columns, rows } = grid(faces, width, height);
  const [cellWidth, cellHeight] = [width / columns, height / rows];
  const side = Math.round(Math.min(cellWidth, cellHeight) * SHARE);
  const inputs: string[] = [];
  const filters = ["[0]noise=alls=6:allf=t[v0]"];
  for (let face = 0; face < faces; face += 1) {
    const file = join(folder, `face-${face}.jpg`);
    writeFileSync(file, await portrait(names[face % names.length] as keyof typeof PORTRAITS));
    inputs.push("-loop", "1", "-framerate", String(fps), "-t", String(count / fps), "-i", file);
    const [x, y] = [
      ((face % columns) + 0.5) * cellWidth - side / 2,
      (Math.floor(face / columns) + 0.5) * cellHeight - side / 2,
    ];
    const drift = (side * DRIFT).toFixed(1);
    filters.push(
      `[${face + 1}]scale=${side}:${side}${face >= names.length ? ",hflip" : ""}[f${face}]`,
      `[v${face}][f${face}]overlay=x='${x.toFixed(0)}+${drift}*sin(t*2+${face})':` +
        `y='${y.toFixed(0)}+${drift}*cos(t*1.5+${face})'[v${face + 1}]`,
    );
  }
  const { path } = await findFfmpeg();
  const video = join(folder, "video.mp4");
  const quiet = ["-hide_banner", "-loglevel", "error", "-y"];
  execFileSync(path, [
    ...quiet,
    "-f",
    "lavfi",
    "-i",
    `color=c=0x556070:s=${width}x${height}:r=${fps}:d=${count / fps}`,
    ...inputs,
    "-filter_complex",
    filters.join(";"),
    "-map",
    `[v${faces}]`,
    "-frames:v",
    String(count),
    "-pix_fmt",
    "yuv420p",
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    video,
  ]);
  const decode = (): string => {
    const rgb = join(folder, "frames.rgb");
    execFileSync(path, [...quiet, "-i", video, "-f", "rawvideo", "-pix_fmt", "rgb24", rgb]);
    return rgb;
  };
  return { ...options, folder, video, decode, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Where faces are largest. */
function grid(faces: number, width: number, height: number): { columns: number; rows: number } {
  const cell = ({ columns, rows }: { columns: number; rows: number }): number =>
    Math.min(width / columns, height / rows);
  return Array.from({ length: faces }, (_, index) => ({
    columns: index + 1,
    rows: Math.ceil(faces / (index + 1)),
  })).toSorted((a, b) => cell(b) - cell(a))[0] as { columns: number; rows: number };
}
