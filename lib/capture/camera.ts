/** A camera that is kept alive: started, watched, started again when it is lost, stopped with all it started. */
import { EventEmitter } from "node:events";
import { heard } from "../observe/heard";
import { asSentence, sentenceOf, UserError } from "../errors";
import type { FlashPlan } from "../flash-plan";
import { withOwnMemory } from "../image/by-payload";
import { greysBeside } from "../image/grey-thumbnail";
import type { Frame } from "../message";
import { ffmpegSource } from "./ffmpeg-source";
import { folderSource } from "./folder-source";
import { mjpegSource, snapshotSource } from "./http-source";
import { jpegSize } from "./jpeg";
import { type CameraOptions, inRealTime, isLive } from "./options";
import { type CapturedFrame, pause, type Source } from "./source";
import type { Sentence } from "../words/sentence";

/** What happened to a camera, for flows to react to. */
export interface CameraEvent {
  event: "connected" | "lost" | "ended" | "stopped" | "notice";
  source: string;
  /** A sentence, where there is something to say; in English. */
  reason?: string;
  /** The same, to be said in another language. */
  sentence?: Sentence;
  /** For "lost": milliseconds until the next attempt; absent when there is none. */
  retryIn?: number;
}

interface CameraEvents {
  frame: [bytes: Buffer, frame: Frame];
  event: [CameraEvent];
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** A browser that sends nothing for this long was closed, or is out of reach. */
const BROWSER_SILENCE_MS = 10_000;
/** Where it sends few frames, so many may be missing. */
const BROWSER_SILENT_FRAMES = 3;

export class Camera extends EventEmitter<CameraEvents> {
  readonly options: CameraOptions;
  /** What the page of a browser's camera is to show, until it is shown or too old. */
  flash: FlashPlan | undefined;
  readonly #id: string | undefined;
  #running: { abort: AbortController; ended: Promise<void> } | undefined;
  #push: ((frame: CapturedFrame) => void) | undefined;
  #sequence = 0;
  #latest: Frame | undefined;
  /** Whether it stops after a frame. */
  #single = false;

  /** @param id of the node, where there is one: names may be the same */
  constructor(options: CameraOptions, id?: string) {
    super();
    this.options = options;
    this.#id = id;
  }

  get running(): boolean {
    return this.#running !== undefined && !this.#running.abort.signal.aborted;
  }

  /** Aborted as soon as it stops or ends; undefined while it does not run. */
  get stopped(): AbortSignal | undefined {
    return this.running ? this.#running?.abort.signal : undefined;
  }

  /** Size and time of the newest frame; undefined while none comes. */
  get latest(): Frame | undefined {
    return this.running ? this.#latest : undefined;
  }

  /** Start, unless it runs. What comes of it is told by events. */
  start(): void {
    this.#single = false;
    this.#begin();
  }

  /** One frame, then stop. A camera that runs gives it with its next frame and runs on. */
  snapshot(): void {
    if (this.running) return;
    this.#single = true;
    this.#begin();
  }

  #begin(): void {
    if (this.running) return;
    const before = this.#running;
    const abort = new AbortController();
    // A device serves one at a time: what is being stopped ends first.
    const run = before === undefined ? this.#run(abort.signal) : before.ended.then(() => this.#run(abort.signal));
    this.#latest = undefined;
    const ended = run.finally(() => {
      abort.abort();
      if (this.#running?.abort === abort) this.#running = undefined;
    });
    this.#running = { abort, ended };
  }

  /** Stop; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const first = !running.abort.signal.aborted;
    running.abort.abort();
    await running.ended;
    if (first && this.#running === undefined) this.emit("event", { event: "stopped", source: this.options.name });
  }

  /**
   * A frame from the browser's camera.
   * @param flash which colours its page shows meanwhile
   * @throws a sentence when it is no JPEG, or no browser camera runs
   */
  push(bytes: Buffer, flash?: Frame["flash"]): void {
    const size = jpegSize(bytes);
    if (size === undefined) throw new UserError("capture.notJpeg");
    if (this.#push === undefined) throw new UserError("capture.stopped");
    this.#push({ bytes, ...size, encoding: "jpeg", flash });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { name } = this.options;
    const live = isLive(this.options);
    for (let retry = FIRST_RETRY_MS; !signal.aborted; retry = Math.min(retry * 2, MAX_RETRY_MS)) {
      let connected = false;
      try {
        await this.#source()({
          signal,
          onNotice: (notice) =>
            this.emit("event", { event: "notice", source: name, ...reasonFor(new UserError(notice)) }),
          onFrame: (frame) => {
            if (signal.aborted) return;
            if (!connected) this.emit("event", { event: "connected", source: name });
            connected = true;
            retry = FIRST_RETRY_MS;
            this.#emitFrame(frame);
            if (this.#single) heard("camera", this.stop());
          },
        });
        if (signal.aborted) return;
        if (!live) {
          this.emit("event", { event: "ended", source: name });
          return;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#latest = undefined;
        const again = live && !this.#single;
        this.emit("event", { event: "lost", source: name, ...reasonFor(error), ...(again ? { retryIn: retry } : {}) });
        if (!again) return;
      }
      await pause(retry, signal);
    }
  }

  #emitFrame({ bytes: captured, width, height, encoding, flash, grey }: CapturedFrame): void {
    const frame: Frame = {
      source: this.options.name,
      ...(this.#id === undefined ? {} : { camera: this.#id }),
      sequence: this.#sequence,
      capturedAt: Date.now(),
      width,
      height,
      ...(encoding === "rgb" ? { encoding } : {}),
      ...(inRealTime(this.options) ? {} : { live: false }),
      ...(flash === undefined ? {} : { flash }),
    };
    this.#sequence += 1;
    this.#latest = frame;
    const bytes = withOwnMemory(captured);
    if (grey !== undefined) greysBeside.set(bytes, grey);
    this.emit("frame", bytes, frame);
  }

  #source(): Source {
    const { options } = this;
    switch (options.source) {
      case "usb":
      case "rtsp":
      case "file":
        return ffmpegSource(options);
      case "mjpeg":
        return mjpegSource(options);
      case "snapshot":
        return snapshotSource(options);
      case "folder":
        return folderSource(options);
      case "browser":
        return this.#browserSource();
    }
  }

  /** The browser brings the frames; this waits, and notices when they end. */
  #browserSource(): Source {
    return ({ onFrame, signal }) =>
      new Promise((resolve, reject) => {
        let silence: NodeJS.Timeout | undefined;
        const end = (): void => {
          clearTimeout(silence);
          signal.removeEventListener("abort", aborted);
          this.#push = undefined;
        };
        const aborted = (): void => {
          end();
          resolve();
        };
        this.#push = (frame) => {
          clearTimeout(silence);
          silence = setTimeout(
            () => {
              end();
              reject(new UserError("capture.browserSilent"));
            },
            Math.max(BROWSER_SILENCE_MS, (BROWSER_SILENT_FRAMES * 1000) / (this.options.fps ?? Infinity)),
          );
          onFrame(frame);
        };
        signal.addEventListener("abort", aborted);
      });
  }
}

function reasonFor(error: unknown): Pick<CameraEvent, "reason" | "sentence"> {
  return { reason: sentenceOf(error), sentence: asSentence(error) };
}
