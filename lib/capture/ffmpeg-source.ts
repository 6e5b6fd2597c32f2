/** USB cameras, RTSP streams and video files, through ffmpeg. */
import { access, constants, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { heard } from "../observe/heard";
import { Fault, reasonOf, UserError } from "../errors";
import { redact } from "../redact";
import { besideOf, type Ffmpeg, type FfmpegProcess, findFfmpeg, releaseOf, startFfmpeg, stopFfmpeg } from "./ffmpeg";
import { type FfmpegOptions, HAS_TIMEOUT, inputArguments, outputArguments } from "./ffmpeg-arguments";
import { GreyPairs } from "./grey-pairs";
import { InputDump } from "./input-dump";
import { multipartParser, ppmParser } from "./multipart";
import { inRealTime, shownUrl } from "./options";
import { openRelay, type RtspRelay } from "./rtsp-relay";
import type { Source, SourceContext } from "./source";
import { phrase, type Sentence } from "../words/sentence";

/**
 * A live camera that gives nothing for this long is lost, though ffmpeg still hopes. Longer where few frames are
 * wanted.
 */
const STALL_MS = 10_000;
const STALL_FRAMES = 3;
/**
 * A stream may begin long before its first whole picture: cameras that save bandwidth send one in ten seconds or more.
 */
const FIRST_FRAME_MS = 25_000;
/** A stream that went well for so long is read again, at once, where only ffmpeg gave it up. */
const WELL_MS = 3000;
/** 4.2, of 2019. What is older is no longer mended; the build of @ffmpeg-installer/ffmpeg is of 2018. */
const MENDED = 402;

export function ffmpegSource(options: FfmpegOptions): Source {
  // Windows' ffmpeg knows no pipes by number. Of raw frames the grey picture is cheap to make.
  const canBeside = options.output === "jpeg" && inRealTime(options) && process.platform !== "win32";
  return async (context) => {
    await assertInput(options);
    const ffmpeg = await findFfmpeg();
    const release = releaseOf(ffmpeg.version);
    if (options.source === "rtsp") assertFit(ffmpeg, release, options.oldFfmpeg, context.onNotice);
    for (let beside = canBeside; ;) {
      const how = await play(options, ffmpeg, release, context, beside);
      if (how === undefined) return;
      if (how === "unfit") beside = false;
    }
  };
}

/**
 * Run ffmpeg until it ends or is told to.
 * @param beside whether the small grey pictures come beside the frames
 * @returns "unfit" where they cannot, before any frame went on: play it without. "again" where the camera sends on and
 * ffmpeg gave up: its pictures have another size or kind than before, for which it begins anew.
 * @throws a sentence when it cannot start or is lost
 */
async function play(
  options: FfmpegOptions,
  ffmpeg: Ffmpeg,
  release: number,
  { onFrame, onNotice, signal }: SourceContext,
  beside: boolean,
): Promise<"unfit" | "again" | undefined> {
  if (signal.aborted) return undefined;
  const relay = options.source === "rtsp" ? await openRelay(options, signal) : undefined;
  if (signal.aborted) {
    relay?.close();
    return undefined;
  }
  const idle = options.source === "rtsp" ? options.idle : undefined;
  const stall =
    idle === undefined ? Math.max(STALL_MS, (STALL_FRAMES * 1000) / (options.fps ?? Infinity)) : idle * 1000;
  let child: FfmpegProcess;
  try {
    child = startFfmpeg(
      ffmpeg,
      [...inputArguments(options, release, stall, relay), ...outputArguments(options, release, beside)],
      beside,
    );
  } catch (error) {
    relay?.close();
    throw error;
  }
  const stop = (): void => heard("camera", stopFfmpeg(child));
  signal.addEventListener("abort", stop);
  let word = "";
  let damaged = false;
  const input = new InputDump();
  let unfit = false;
  createInterface(child.stderr).on("line", (line) => {
    if (input.reads(line)) {
      // Which of several ffmpeg takes by itself differs from the first.
      if (input.videos < 2 || frames > 0 || unfit) return;
      unfit = true;
      stop();
      return;
    }
    if (ERROR.test(line) && !EMPTY_WORDS.test(line)) word = line;
    if (options.source !== "file" || damaged || !DAMAGED.test(line)) return;
    damaged = true;
    // A loop has no end at which to tell it.
    if (options.loop) onNotice(phrase("capture.damagedLoop", { what: nameOf(options) }));
  });
  const greys = beside ? new GreyPairs(besideOf(child)) : undefined;
  const parse = options.output === "rgb" ? ppmParser() : multipartParser();
  let frames = 0;
  let failure: Error | undefined;
  // A clock that is put forward is no silence, and one that is put back hides none.
  const began = performance.now();
  let lastFrame = began;
  const watchdog = setInterval(() => {
    // ffmpeg looks at a stream for seconds before it gives the first frame.
    const limit = frames > 0 ? stall : Math.max(stall, options.source === "rtsp" ? FIRST_FRAME_MS : STALL_MS);
    // A whole video may show one picture for long; ffmpeg may loop a damaged one for ever without a frame.
    if ((options.source === "file" && !damaged) || performance.now() - lastFrame < limit) return;
    failure = new UserError("capture.noFrameFor", { what: nameOf(options), seconds: Math.round(limit / 1000) });
    stop();
  }, STALL_MS / 10);
  // Always drained: a pause would let seconds of video pile up in ffmpeg. Only the newest frame of what came
  // together goes on.
  child.stdout.on("data", (chunk: Buffer) => {
    if (signal.aborted || failure !== undefined || unfit) return;
    try {
      const parsed = parse(chunk).map((frame) => ({ ...frame, grey: greys?.next() }));
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
    if (signal.aborted) return undefined;
    // What it opened and made nothing of, it may do without the second output: a program without that format, say.
    if (unfit || (beside && input.opened && frames === 0 && !damaged && failure === undefined)) return "unfit";
    if (failure !== undefined) throw failure;
    // Silence is a loss, which ffmpeg may notice before the watchdog.
    const now = performance.now();
    if (relay?.alive === true && frames > 0 && now - began > WELL_MS && now - lastFrame < stall / 2) return "again";
    if (options.source === "file" && frames > 0 && code === 0) {
      if (damaged) throw new UserError("capture.damaged", { what: nameOf(options), frames });
      return undefined;
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
    greys?.close();
    relay?.close();
  }
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
  if (options.source === "rtsp") return phrase("capture.stream", { url: shownUrl(options) });
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
  const shown =
    options.source === "rtsp" && relay !== undefined ? line.replaceAll(relay.url, shownUrl(options)) : line;
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
