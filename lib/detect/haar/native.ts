/**
 * Native OpenCV through @u4/opencv4nodejs, an optional engine found at run time. It runs in a process of its own: it
 * cannot be loaded by
 * a second thread, and ends its process at what it does not like. Whatever it does is a sentence here.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { extname, join } from "node:path";
import { errorMessage, UserError } from "../../errors";
import { toGrey } from "../../image/decode";
import type { Pixels } from "../../image/pixels";
import type { Detection, LoadedDetector, Neighbourhood } from "../detector";
import { type CascadeFile, readCascade } from "./cascade-file";
import { type HaarOptions, type SearchPlan, searchPlan } from "./options";
import { phrase, type Sentence, render } from "../../words/sentence";

/** What the process is asked: to open a cascade, or to search a picture (grey levels, row by row). */
export type NativeQuestion = { cascade: string } | NativeSearch;

export interface NativeSearch {
  grey: Uint8Array;
  width: number;
  height: number;
  /** The size to which it is scaled first. */
  working: { width: number; height: number };
  search: Pick<HaarOptions, "cascade" | "scaleFactor" | "minNeighbors"> & Pick<SearchPlan, "minSize" | "maxSize">;
}

export interface NativeAnswer {
  /** In pixels of the scaled picture. */
  found?: Detection[];
  /** It has to be asked to open the cascade first. */
  forgotten?: boolean;
  error?: string;
}

/** The first message of the process. */
export type NativeGreeting = { ready: true } | { failed: string };

const MODULE = "@u4/opencv4nodejs";

/**
 * Without the first the package's memory accounting aborts V8; without the second it looks for OpenCV builds of its
 * own.
 */
const ENV = { OPENCV4NODEJS_DISABLE_EXTERNAL_MEM_TRACKING: "1", OPENCV4NODEJS_DISABLE_AUTOBUILD: "1" };

/**
 * How long an answer may take, in ms; together less than a worker has for its task. OpenCV with all its modules takes
 * some seconds to
 * load from an SD card.
 */
const PATIENCE = { load: 15_000, cascade: 5_000, search: 35_000 };

/**
 * An engine that cannot be loaded is not tried again for so long, in ms; a deploy that ends all native detectors tries
 * at once.
 */
const REST_MS = 60_000;
/** One that ended at two pictures in a row rests so long, in ms, and twice as long each time after. */
const FIRST_REST_MS = 1000;

/** Lines of the stack traces that Node.js writes as it aborts. */
const TRACE = /^(\s*\d+: |-----)/;

/** Of what the process said last, in characters. */
const MOST_SAID = 2000;
const MOST_TOLD = 200;

/** Where the package is, or undefined where it is not installed. */
function findModule(): string | undefined {
  try {
    return createRequire(__filename).resolve(MODULE);
  } catch {
    return undefined;
  }
}

/** Whether the engine is installed here. */
export function nativeInstalled(): boolean {
  return findModule() !== undefined;
}

/** The process ended or was ended. Its message says how. */
class Ended extends Error {
  constructor(
    readonly how: Sentence | string,
    readonly hung: boolean,
  ) {
    super(typeof how === "string" ? how : render(how, "en-US"));
  }
}

/** One process with OpenCV in it; asked one thing at a time. */
class OpenCvProcess {
  readonly #child: ChildProcess;
  #said = "";
  #how: string | undefined;
  #waiting: { take(message: unknown): void; give(up: Ended): void } | undefined;

  private constructor(module: string) {
    // The pipe to standard input is never written: it closes when this thread or process goes, and that ends the
    // child.
    this.#child = fork(join(__dirname, `native-child${extname(__filename)}`), [module], {
      serialization: "advanced",
      stdio: ["pipe", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...ENV },
      execArgv: process.execArgv.filter((argument) => !argument.startsWith("--inspect")),
    });
    this.#child.stdin?.on("error", () => undefined);
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-MOST_SAID);
    });
    // A process that nobody asks keeps no other alive.
    this.#child.unref();
    this.#child.channel?.unref();
    for (const pipe of [this.#child.stdin, this.#child.stderr]) (pipe as Socket | null)?.unref();
    this.#child.on("message", (message) => this.#waiting?.take(message));
    this.#child.once("error", (error) => this.#end(errorMessage(error)));
    // After all that it said.
    this.#child.once("close", (code, signal) => this.#end(`${signal ?? `exit code ${code}`}${this.#lastLine()}`));
  }

  /**
   * @throws a sentence when the package cannot be loaded; Ended when the process ends while it is, or does not do it
   * in time
   */
  static async start(module: string, timeoutMs: number): Promise<OpenCvProcess> {
    const started = new OpenCvProcess(module);
    const greeting = (await started.#hear(timeoutMs)) as NativeGreeting;
    if (!("failed" in greeting)) return started;
    started.stop();
    throw new UserError(cannotLoad(greeting.failed));
  }

  get alive(): boolean {
    return this.#how === undefined && this.#child.connected;
  }

  /** @throws Ended when it ends before it answers, or does not answer in time */
  async ask(question: NativeQuestion, timeoutMs: number): Promise<NativeAnswer> {
    // Where it cannot be sent, the process ended, which answers.
    this.#child.send(question, () => undefined);
    return (await this.#hear(timeoutMs)) as NativeAnswer;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  /** Resolves when it has ended and was buried: one whose parent thread is gone stays in the table of processes. */
  async stopped(): Promise<void> {
    this.stop();
    if (this.#how === undefined) await once(this.#child, "close");
  }

  #hear(timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      const give = (up: Ended): void => {
        done();
        reject(up);
      };
      const timer = setTimeout(() => {
        this.stop();
        give(new Ended(phrase("detect.noAnswerWithin", { seconds: timeoutMs / 1000 }), true));
      }, timeoutMs);
      const take = (message: unknown): void => {
        done();
        resolve(message);
      };
      this.#waiting = { take, give };
      if (this.#how !== undefined) give(new Ended(this.#how, false));
    });
  }

  #end(how: string): void {
    this.#how ??= how;
    this.#waiting?.give(new Ended(this.#how, false));
  }

  #lastLine(): string {
    const line = this.#said.split("\n").findLast((each) => each.trim() !== "" && !TRACE.test(each)) ?? "";
    return line === "" ? "" : `: ${line.trim().slice(0, MOST_TOLD)}`;
  }
}

function cannotLoad(said: string): Sentence {
  // The latter of addons that, like this one, are registered by a symbol with the version in its name.
  if (/NODE_MODULE_VERSION|did not self-register/.test(said))
    return phrase("detect.nativeOtherNode", { module: MODULE, version: process.version });
  return phrase("detect.nativeUnloadable", {
    module: MODULE,
    reason: (said.split("\n")[0] ?? "").slice(0, MOST_TOLD),
  });
}

export class NativeDetector implements LoadedDetector<HaarOptions> {
  readonly name = "native OpenCV";
  readonly #find: () => string | undefined;
  readonly #patience: typeof PATIENCE;
  #process: OpenCvProcess | undefined;
  readonly #files = new Map<string, Omit<CascadeFile, "xml">>();
  /** Times that it failed since it last found something or nothing. */
  #failures = 0;
  #rests: { until: number; because: UserError } | undefined;

  /**
   * @param find the package's entry, undefined where it is not installed
   * @param patience how long an answer may take, in ms
   */
  constructor({ find = findModule, patience = PATIENCE } = {}) {
    this.#find = find;
    this.#patience = patience;
  }

  /**
   * @throws a sentence when OpenCV is not installed, cannot be loaded, or ends at this picture twice; or the cascade
   * is none
   */
  async detect(pixels: Pixels, options: HaarOptions, nearby?: Neighbourhood): Promise<Detection[]> {
    const module = this.#find();
    if (module === undefined) throw new UserError("detect.nativeMissing", { module: MODULE });
    const file = this.#file(options.cascade);
    const plan = searchPlan(pixels, options, nearby, file.shape);
    if (plan === undefined) return [];
    if (this.#rests !== undefined && performance.now() < this.#rests.until) throw this.#rests.because;
    const grey = new Uint8Array(plan.region.width * plan.region.height);
    toGrey(pixels, plan.region, grey);
    const search = {
      cascade: file.path,
      scaleFactor: options.scaleFactor,
      minNeighbors: options.minNeighbors,
      minSize: plan.minSize,
      maxSize: plan.maxSize,
    };
    const question = { grey, width: plan.region.width, height: plan.region.height, working: plan.working, search };
    const found = await this.#search(module, question)
      .catch((error: unknown) => {
        if (!(error instanceof Ended)) throw error;
        // It may have ended of what came before, or while nobody asked.
        return error.hung ? Promise.reject(error) : this.#search(module, question);
      })
      .catch((error: unknown) => {
        if (!(error instanceof Ended)) throw error;
        this.#failures += 1;
        const because = new UserError("detect.nativeBroke", {
          module: MODULE,
          width: pixels.width,
          height: pixels.height,
          reason: error.how,
        });
        if (this.#failures > 1)
          this.#rests = {
            until: performance.now() + Math.min(REST_MS, FIRST_REST_MS * 2 ** (this.#failures - 2)),
            because,
          };
        throw because;
      });
    this.#failures = 0;
    return found.map(({ box, score }) => ({ box: plan.toFrame(box), score }));
  }

  async close(): Promise<void> {
    await this.#process?.stopped();
    this.#process = undefined;
  }

  #file(name: string): Omit<CascadeFile, "xml"> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const { path, shape } = readCascade(name);
    this.#files.set(name, { path, shape });
    return { path, shape };
  }

  async #search(module: string, question: NativeSearch): Promise<Detection[]> {
    const opencv = await this.#started(module);
    for (;;) {
      const { found, forgotten, error } = await opencv.ask(question, this.#patience.search);
      if (forgotten === true) await this.#openCascade(opencv, question.search.cascade);
      else if (found !== undefined) return found;
      else throw new UserError("detect.nativeFailed", { module: MODULE, reason: (error ?? "").slice(0, MOST_TOLD) });
    }
  }

  async #started(module: string): Promise<OpenCvProcess> {
    if (this.#process?.alive === true) return this.#process;
    this.#process?.stop();
    this.#process = undefined;
    try {
      this.#process = await OpenCvProcess.start(module, this.#patience.load);
      return this.#process;
    } catch (error) {
      const because = error instanceof UserError ? error : new UserError(cannotLoad(errorMessage(error)));
      this.#rests = { until: performance.now() + REST_MS, because };
      throw because;
    }
  }

  async #openCascade(opencv: OpenCvProcess, path: string): Promise<void> {
    const { error } = await opencv.ask({ cascade: path }, this.#patience.cascade).catch((ended: unknown) => {
      // It ends at a file that it cannot read.
      if (ended instanceof Ended) return { error: ended.how };
      throw ended;
    });
    if (error !== undefined)
      throw new UserError("detect.nativeCascade", {
        module: MODULE,
        path,
        reason: typeof error === "string" ? error.slice(0, MOST_TOLD) : error,
      });
  }
}
