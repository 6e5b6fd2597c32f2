/** USB cameras, RTSP streams and video files, through ffmpeg. */
import { access, constants, stat } from "node:fs/promises";
import { UserError } from "../errors";
import { redact } from "../redact";
import { findFfmpeg, releaseOf, startFfmpeg, stopFfmpeg } from "./ffmpeg";
import { multipartParser, ppmParser } from "./multipart";
import { type OptionsOf, splitLogin } from "./options";
import { assertReachable } from "./reach";
import type { Source } from "./source";

type FfmpegOptions = OptionsOf<"usb"> | OptionsOf<"rtsp"> | OptionsOf<"file">;

/** A live camera that gives nothing for this long is lost, though ffmpeg still hopes. Longer where few frames are wanted. */
const STALL_MS = 10_000;
const STALL_FRAMES = 3;
/** ffmpeg's own bound on reading from the network, in microseconds. */
const NETWORK_TIMEOUT_US = 5_000_000;
/** JPEG quality of ffmpeg's scale, 2 best to 31: artefacts that a detector does not see. */
const JPEG_QUALITY = 3;
/** How much of ffmpeg's last words to keep. */
const MAX_WORDS = 2000;
/** 5.0: the RTSP reader has `-timeout` for what older ones call `-stimeout`. */
const HAS_TIMEOUT = 500;
/** 5.1: `-fps_mode` for what older ones call `-vsync`. */
const HAS_FPS_MODE = 501;
/** All that RTSP is carried by; nothing of this computer. */
const NETWORK_PROTOCOLS = "rtsp,rtp,rtcp,srtp,udp,tcp,tls,crypto,http,https,httpproxy";

export function ffmpegSource(options: FfmpegOptions): Source {
  return async ({ onFrame, onNotice, signal }) => {
    await assertInput(options);
    const ffmpeg = await findFfmpeg();
    const release = releaseOf(ffmpeg.version);
    if (options.source === "rtsp" && release < HAS_TIMEOUT) onNotice(`ffmpeg ${ffmpeg.version} is old for a network stream: install ffmpeg 5 or newer on the PATH.`);
    if (signal.aborted) return;
    const child = startFfmpeg(ffmpeg, [...inputArguments(options, release), ...outputArguments(options, release)]);
    const stop = (): void => void stopFfmpeg(child);
    signal.addEventListener("abort", stop);
    let words = "";
    let damaged = false;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-MAX_WORDS);
      if (options.source !== "file" || damaged || !DAMAGED.test(words)) return;
      damaged = true;
      // A loop has no end at which to tell it.
      if (options.loop) onNotice(`${nameOf(options)} ends in the middle of a frame or is damaged: what can be read goes on.`);
    });
    const parse = options.output === "rgb" ? ppmParser() : multipartParser();
    let frames = 0;
    let failure: Error | undefined;
    let lastFrame = Date.now();
    const stall = Math.max(STALL_MS, (STALL_FRAMES * 1000) / (options.fps ?? Infinity));
    const watchdog = setInterval(() => {
      // A whole video may show one picture for long; ffmpeg may loop a damaged one for ever without a frame.
      if ((options.source === "file" && !damaged) || Date.now() - lastFrame < stall) return;
      failure = new UserError(`${nameOf(options)} gave no frame for ${Math.round(stall / 1000)} seconds.`);
      stop();
    }, STALL_MS / 10);
    // Always drained: a pause would let seconds of video pile up in ffmpeg. Only the newest frame of what came together goes on.
    child.stdout.on("data", (chunk: Buffer) => {
      if (signal.aborted || failure !== undefined) return;
      try {
        const parsed = parse(chunk);
        frames += parsed.length;
        if (parsed.length > 0) lastFrame = Date.now();
        for (const frame of options.source === "file" ? parsed : parsed.slice(-1)) onFrame(frame);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        stop();
      }
    });
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", (error) => reject(new UserError(`ffmpeg cannot be started (${error.message}).`, { cause: error })));
        child.once("close", resolve);
      });
      if (signal.aborted) return;
      if (failure !== undefined) throw failure;
      if (options.source === "file" && frames > 0 && code === 0) {
        if (damaged) throw new UserError(`${nameOf(options)} ends in the middle of a frame or is damaged: the ${frames} frames before were read.`);
        return;
      }
      // An RTSP server that dies gives exit code 0: for a live source every end is a loss.
      throw new UserError(`${nameOf(options)} ${frames === 0 ? "gives no picture" : "was lost"}${lastWords(words, code)}.`);
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener("abort", stop);
      await stopFfmpeg(child);
    }
  };
}

/** What ffmpeg says of a file that was cut off. */
const DAMAGED = /moov atom not found|partial file|truncat|Invalid NAL|error while decoding|corrupt|Packet corrupt|end mismatch|unexpected end|premature|Read error/i;

function nameOf(options: FfmpegOptions): string {
  if (options.source === "rtsp") return `the stream ${redact(options.url)}`;
  return options.source === "usb" ? `the camera ${options.device}` : `the video ${options.path}`;
}

function lastWords(words: string, code: number | null): string {
  const line = words.split("\n").map((each) => redact(each.replace(/^\[[^\]]*\]\s*/, "").trim())).findLast((each) => each !== "");
  return line === undefined ? ` (ffmpeg ended with ${code ?? "a signal"})` : `: ${line.replace(/[.:]+$/, "")}`;
}

async function assertInput(options: FfmpegOptions): Promise<void> {
  if (options.source === "rtsp") {
    await assertReachable(options.url);
    return;
  }
  if (options.source === "usb" && process.platform !== "linux") return;
  const file = options.source === "usb" ? options.device : options.path;
  try {
    await access(file, constants.R_OK);
    if (options.source === "file" && !(await stat(file)).isFile()) throw new Error("is no file");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`${nameOf(options)} ${code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read by Node-RED (on Linux: add its user to the group video)" : (error as Error).message}.`, { cause: error });
  }
}

function inputArguments(options: FfmpegOptions, release: number): string[] {
  const { width, height, fps } = options;
  const size = width === undefined || height === undefined ? [] : ["-video_size", `${width}x${height}`];
  if (options.source === "usb") {
    // macOS and Windows refuse a rate that the camera does not list, so there the filter alone thins out; V4L2 takes the nearest.
    if (process.platform === "darwin") return ["-f", "avfoundation", "-framerate", "30", ...size, "-i", `${options.device}:none`];
    if (process.platform === "win32") return ["-f", "dshow", "-rtbufsize", "64M", ...size, "-i", `video=${options.device}`];
    return ["-f", "v4l2", ...size, ...(fps === undefined ? [] : ["-framerate", String(fps)]), "-i", options.device];
  }
  if (options.source === "rtsp") {
    const { address, login } = splitLogin(options);
    if (login !== undefined) {
      address.username = encodeURIComponent(login.user);
      address.password = encodeURIComponent(login.password);
    }
    return ["-protocol_whitelist", NETWORK_PROTOCOLS, "-rtsp_transport", options.transport, release >= HAS_TIMEOUT ? "-timeout" : "-stimeout", String(NETWORK_TIMEOUT_US), "-fflags", "nobuffer", "-flags", "low_delay", "-analyzeduration", "1000000", "-i", address.href];
  }
  // "file:" keeps a name with a dash or a colon in it a name.
  return [...(options.realtime ? ["-re"] : []), ...(options.loop ? ["-stream_loop", "-1"] : []), "-protocol_whitelist", "file,crypto,data", "-i", `file:${options.path}`];
}

function outputArguments({ width, height, fps, output }: FfmpegOptions, release: number): string[] {
  const filters = [
    // The first frame of each slot of 1/fps seconds. The filter "fps" would repeat frames of a slower camera.
    ...(fps === undefined ? [] : [`select='not(eq(floor(t*${fps}+0.01),floor(prev_selected_t*${fps}+0.01)))'`]),
    ...(width === undefined && height === undefined ? [] : [width !== undefined && height !== undefined ? `scale=${width}:${height}:force_original_aspect_ratio=decrease` : `scale=${width ?? -2}:${height ?? -2}`]),
  ];
  const filter = filters.length === 0 ? [] : ["-vf", filters.join(",")];
  const format = output === "rgb" ? ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24"] : ["-f", "mpjpeg", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", String(JPEG_QUALITY)];
  // Frames as they come: none repeated to keep a rate.
  return ["-an", "-sn", "-dn", ...filter, release >= HAS_FPS_MODE ? "-fps_mode" : "-vsync", "passthrough", ...format, "-"];
}
