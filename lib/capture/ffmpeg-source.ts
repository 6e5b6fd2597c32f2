/** USB cameras, RTSP streams and video files, through ffmpeg. */
import { access, constants, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { heard } from "../observe/heard";
import { Fault, reasonOf, UserError } from "../errors";
import { redact } from "../redact";
import { type Ffmpeg, type FfmpegProcess, findFfmpeg, releaseOf, startFfmpeg, stopFfmpeg } from "./ffmpeg";
import { multipartParser, ppmParser } from "./multipart";
import type { OptionsOf } from "./options";
import { openRelay, type RtspRelay } from "./rtsp-relay";
import type { Source } from "./source";
import { phrase, type Sentence } from "../words/sentence";

type FfmpegOptions = OptionsOf<"usb"> | OptionsOf<"rtsp"> | OptionsOf<"file">;

/**
 * A live camera that gives nothing for this long is lost, though ffmpeg still hopes. Longer where few frames are
 * wanted.
 */
const STALL_MS = 10_000;
const STALL_FRAMES = 3;
/** JPEG quality of ffmpeg's scale, 2 best to 31: artefacts that a detector does not see. */
const JPEG_QUALITY = 3;
/** 5.0: the RTSP reader has `-timeout`, in microseconds, for what older ones call `-stimeout`. */
const HAS_TIMEOUT = 500;
/** 5.1: `-fps_mode` for what older ones call `-vsync`. */
const HAS_FPS_MODE = 501;
/** 4.2, of 2019. What is older is no longer mended; the build of @ffmpeg-installer/ffmpeg is of 2018. */
const MENDED = 402;
/** All that RTSP is carried by; nothing of this computer. */
const NETWORK_PROTOCOLS = "rtsp,rtp,rtcp,srtp,udp,tcp,crypto";

export function ffmpegSource(options: FfmpegOptions): Source {
  return async ({ onFrame, onNotice, signal }) => {
    await assertInput(options);
    const ffmpeg = await findFfmpeg();
    const release = releaseOf(ffmpeg.version);
    if (options.source === "rtsp") assertFit(ffmpeg, release, options.oldFfmpeg, onNotice);
    const relay = options.source === "rtsp" && !signal.aborted ? await openRelay(options, signal) : undefined;
    if (signal.aborted) {
      relay?.close();
      return;
    }
    const idle = options.source === "rtsp" ? options.idle : undefined;
    const stall =
      idle === undefined ? Math.max(STALL_MS, (STALL_FRAMES * 1000) / (options.fps ?? Infinity)) : idle * 1000;
    let child: FfmpegProcess;
    try {
      child = startFfmpeg(ffmpeg, [
        ...inputArguments(options, release, stall, relay),
        ...outputArguments(options, release),
      ]);
    } catch (error) {
      relay?.close();
      throw error;
    }
    const stop = (): void => heard("camera", stopFfmpeg(child));
    signal.addEventListener("abort", stop);
    let word = "";
    let damaged = false;
    createInterface(child.stderr).on("line", (line) => {
      if (ERROR.test(line) && !EMPTY_WORDS.test(line)) word = line;
      if (options.source !== "file" || damaged || !DAMAGED.test(line)) return;
      damaged = true;
      // A loop has no end at which to tell it.
      if (options.loop) onNotice(phrase("capture.damagedLoop", { what: nameOf(options) }));
    });
    const parse = options.output === "rgb" ? ppmParser() : multipartParser();
    let frames = 0;
    let failure: Error | undefined;
    // A clock that is put forward is no silence, and one that is put back hides none.
    let lastFrame = performance.now();
    const watchdog = setInterval(() => {
      // ffmpeg looks at a stream for seconds before it gives the first frame.
      const limit = frames === 0 ? Math.max(stall, STALL_MS) : stall;
      // A whole video may show one picture for long; ffmpeg may loop a damaged one for ever without a frame.
      if ((options.source === "file" && !damaged) || performance.now() - lastFrame < limit) return;
      failure = new UserError("capture.noFrameFor", { what: nameOf(options), seconds: Math.round(limit / 1000) });
      stop();
    }, STALL_MS / 10);
    // Always drained: a pause would let seconds of video pile up in ffmpeg. Only the newest frame of what came
    // together goes on.
    child.stdout.on("data", (chunk: Buffer) => {
      if (signal.aborted || failure !== undefined) return;
      try {
        const parsed = parse(chunk);
        frames += parsed.length;
        if (parsed.length > 0) lastFrame = performance.now();
        for (const frame of options.source === "file" ? parsed : parsed.slice(-1)) onFrame(frame);
      } catch (error) {
        failure = error instanceof Error ? error : new Fault(String(error));
        stop();
      }
    });
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", (error) =>
          reject(new UserError("capture.ffmpegUnstartable", { reason: reasonOf(error) }, { cause: error })),
        );
        child.once("close", resolve);
      });
      if (signal.aborted) return;
      if (failure !== undefined) throw failure;
      if (options.source === "file" && frames > 0 && code === 0) {
        if (damaged) throw new UserError("capture.damaged", { what: nameOf(options), frames });
        return;
      }
      // An RTSP server that dies gives exit code 0: for a live source every end is a loss.
      throw new UserError(frames === 0 ? "capture.noPictureFrom" : "capture.lostBecause", {
        what: nameOf(options),
        why: whyItEnded(options, word, code, relay),
      });
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener("abort", stop);
      await stopFfmpeg(child);
      relay?.close();
    }
  };
}

/** What ffmpeg says of a file that was cut off. */
const DAMAGED = new RegExp(
  [
    "moov atom not found",
    "partial file",
    "truncat",
    "Invalid NAL",
    "error while decoding",
    "corrupt",
    "end mismatch",
    "unexpected end",
    "premature",
    "Read error",
  ].join("|"),
  "i",
);

function nameOf(options: FfmpegOptions): Sentence {
  if (options.source === "rtsp") return phrase("capture.stream", { url: redact(options.url) });
  return options.source === "usb"
    ? phrase("capture.camera", { name: options.device })
    : phrase("capture.video", { path: options.path });
}

/** A line of ffmpeg that tells an error; warnings are often about something else. */
const ERROR = /\[(?:error|fatal|panic)\]/;
/** What it says behind every error. */
const EMPTY_WORDS = /Conversion failed!|Terminating thread|Task finished with error|Error submitting/;

/** Why it ended, behind "gives no picture" or "was lost": what the camera said, else what ffmpeg said. */
function whyItEnded(
  options: FfmpegOptions,
  word: string,
  code: number | null,
  relay: RtspRelay | undefined,
): Sentence {
  const said = relay?.reason();
  // "Invalid data" says less than that the camera went away.
  if (said !== undefined) return phrase("capture.because", { reason: said });
  const line = word.replace(/^(?:\[[^\]]*\]\s*)+/, "").trim();
  if (line === "")
    return code === 0
      ? phrase("capture.because", { reason: phrase("capture.itEnded") })
      : phrase("capture.endedWith", { code: code ?? phrase("capture.signal") });
  const shown = options.source === "rtsp" && relay !== undefined ? line.replaceAll(relay.url, options.url) : line;
  return phrase("capture.because", { reason: redact(shown).replace(/[.:]+$/, "") });
}

/** @throws a sentence when this ffmpeg may not read from the network */
function assertFit(ffmpeg: Ffmpeg, release: number, allowed: boolean, onNotice: (sentence: Sentence) => void): void {
  const which = ffmpeg.bundled
    ? phrase("capture.bundledFfmpeg", { version: ffmpeg.version })
    : phrase("capture.ffmpegOf", { version: ffmpeg.version });
  if ((ffmpeg.bundled || release < MENDED) && !allowed) throw new UserError("capture.ffmpegTooOld", { which });
  if (release < HAS_TIMEOUT) onNotice(phrase("capture.ffmpegOld", { which }));
}

async function assertInput(options: FfmpegOptions): Promise<void> {
  // The relay finds out.
  if (options.source === "rtsp" || (options.source === "usb" && process.platform !== "linux")) return;
  const file = options.source === "usb" ? options.device : options.path;
  try {
    await access(file, constants.R_OK);
    if (options.source === "file" && !(await stat(file)).isFile())
      throw new UserError("capture.noFile", { what: nameOf(options) });
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const what = nameOf(options);
    if (code === "ENOENT") throw new UserError("capture.notThere", { what }, { cause: error });
    if (code === "EACCES") throw new UserError("capture.forbidden", { what }, { cause: error });
    throw new UserError("capture.notOpened", { what, reason: reasonOf(error) }, { cause: error });
  }
}

function inputArguments(
  options: FfmpegOptions,
  release: number,
  stall: number,
  relay: RtspRelay | undefined,
): string[] {
  const { width, height, fps } = options;
  const size = width === undefined || height === undefined ? [] : ["-video_size", `${width}x${height}`];
  if (options.source === "usb") {
    // macOS and Windows refuse a rate that the camera does not list, so there the filter alone thins out; V4L2 takes
    // the nearest.
    if (process.platform === "darwin")
      return ["-f", "avfoundation", "-framerate", "30", ...size, "-i", `${options.device}:none`];
    if (process.platform === "win32")
      return ["-f", "dshow", "-rtbufsize", "64M", ...size, "-i", `video=${options.device}`];
    return ["-f", "v4l2", ...size, ...(fps === undefined ? [] : ["-framerate", String(fps)]), "-i", options.device];
  }
  if (options.source === "rtsp") {
    // The relay's address: what is written here, everybody on this computer may read.
    return [
      "-protocol_whitelist",
      NETWORK_PROTOCOLS,
      "-rtsp_transport",
      options.transport,
      release >= HAS_TIMEOUT ? "-timeout" : "-stimeout",
      String(stall * 1000),
      "-allowed_media_types",
      "video",
      "-fflags",
      "nobuffer",
      "-flags",
      "low_delay",
      "-analyzeduration",
      "1000000",
      "-i",
      relay?.url ?? "",
    ];
  }
  // "file:" keeps a name with a dash or a colon in it a name.
  return [
    ...(options.realtime ? ["-re"] : []),
    ...(options.loop ? ["-stream_loop", "-1"] : []),
    "-protocol_whitelist",
    "file,crypto,data",
    "-i",
    `file:${options.path}`,
  ];
}

/**
 * Timestamps that only grow, in milliseconds: the encoder dies of others, and cameras whose clock is set, or that
 * count wrongly, send them.
 * What is live has the time at which it came. A file keeps its own; where they step back by more than a second it goes
 * on from there.
 * Variable 0 is the last one, 1 what is added to the file's.
 */
const TIMESTAMPS = {
  live: "setpts='st(0,max(ld(0)+1,(RTCTIME-RTCSTART)/1000))'",
  file: "setpts='st(1,if(lt(PTS+ld(1),ld(0)-1000),ld(0)+40-PTS,ld(1)));st(0,max(ld(0)+1,if(isnan(PTS),0,PTS+ld(1))))'",
};

function outputArguments({ source, width, height, fps, output }: FfmpegOptions, release: number): string[] {
  const filters = [
    "settb=1/1000",
    TIMESTAMPS[source === "file" ? "file" : "live"],
    // The first frame of each slot of 1/fps seconds. The filter "fps" would repeat frames of a slower camera.
    ...(fps === undefined ? [] : [`select='not(eq(floor(t*${fps}+0.01),floor(prev_selected_t*${fps}+0.01)))'`]),
    ...(width === undefined && height === undefined
      ? []
      : [
          width !== undefined && height !== undefined
            ? `scale=${width}:${height}:force_original_aspect_ratio=decrease`
            : `scale=${width ?? -2}:${height ?? -2}`,
        ]),
  ];
  const format =
    output === "rgb"
      ? ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24"]
      : ["-f", "mpjpeg", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", String(JPEG_QUALITY)];
  // Frames as they come: none repeated to keep a rate.
  return [
    "-an",
    "-sn",
    "-dn",
    "-vf",
    filters.join(","),
    "-enc_time_base",
    "1/1000",
    release >= HAS_FPS_MODE ? "-fps_mode" : "-vsync",
    "passthrough",
    ...format,
    "-",
  ];
}
