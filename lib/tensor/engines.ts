/**
 * What networks can run on, and which of it can be used on this computer. For Node-RED's own thread: an engine is
 * tried in a process
 * of its own (probe-child.ts), because a damaged native library ends whatever process loads it.
 */
import { execFile, type ExecFileException } from "node:child_process";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { reasonOf } from "../errors";
import { childArguments } from "../workers/child";
import { phrase, render, type Sentence } from "../words/sentence";

/**
 * Fastest first. "onnx" runs our own networks on onnxruntime-node, "tfjs-node" on native TensorFlow, "wasm" on what is
 * always there.
 */
export const ENGINES = ["onnx", "tfjs-node", "wasm"] as const;
export type EngineName = (typeof ENGINES)[number];
/** "auto" is the fastest that can be used here. */
export type EngineChoice = EngineName | "auto";
export type NativeEngine = Exclude<EngineName, "wasm">;

/** The optional packages, by engine. */
export const NATIVE_MODULES: Readonly<Record<NativeEngine, string>> = {
  onnx: "onnxruntime-node",
  "tfjs-node": "@tensorflow/tfjs-node",
};

const NOT_INSTALLED: Readonly<Record<NativeEngine, Sentence>> = {
  onnx: phrase("tensor.noOnnx"),
  "tfjs-node": phrase("tensor.noTensorFlow"),
};

/** For an engine to load and to run a small network twice. From an SD card native TensorFlow takes half a minute. */
const PROBE_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** Of a reason that is told. */
const MAX_REASON = 300;

export interface Verdict {
  usable: boolean;
  installed: boolean;
  /** Why it cannot be used, and what to do: nothing where it can. */
  sentence: Sentence;
  /** The same without the choice of another engine. */
  mend: Sentence;
}

/** What the process that tries an engine answers. */
export interface Answer {
  /** Why the engine cannot be used; none where it can. */
  reason?: Sentence | string;
}

const NOTHING: Sentence = { "en-US": "" };
const USABLE: Verdict = { usable: true, installed: true, sentence: NOTHING, mend: NOTHING };

interface Known {
  /** Of the installation that was tried. */
  stamp: string;
  verdict: Promise<Verdict>;
  failed: boolean;
}

const known = new Map<NativeEngine, Known>();

/**
 * Whether an engine can be used on this computer. It is tried once; an installation that changed is tried again.
 * Never throws.
 */
export async function judgeEngine(engine: EngineName): Promise<Verdict> {
  if (engine === "wasm") return USABLE;
  const stamp = await installationOf(NATIVE_MODULES[engine]);
  if (stamp === "") return unusable(false, NOT_INSTALLED[engine]);
  const before = known.get(engine);
  if (before?.stamp === stamp) return before.verdict;
  const now: Known = { stamp, failed: false, verdict: Promise.resolve(USABLE) };
  now.verdict = probe(engine).then(({ reason, untried }) => {
    now.failed = reason !== undefined;
    // Says nothing about the engine.
    if (untried === true) now.stamp = "";
    return verdictOn(engine, reason);
  });
  known.set(engine, now);
  return now.verdict;
}

/**
 * An engine that could be loaded but failed later: it is not taken again until something changes.
 * @returns why, as a sentence
 */
export async function ruleOutEngine(engine: NativeEngine, reason: Sentence | string): Promise<Sentence> {
  const verdict = verdictOn(engine, reason);
  known.set(engine, {
    stamp: await installationOf(NATIVE_MODULES[engine]),
    verdict: Promise.resolve(verdict),
    failed: true,
  });
  return verdict.sentence;
}

/** A deploy: engines that failed are tried again when somebody asks for them. */
export function forgetFailedEngines(): void {
  for (const [engine, { failed }] of known) if (failed) known.delete(engine);
}

/**
 * When and where a package was installed; "" where it is not. Looked up without blocking, and without the cache of
 * Node.js's own
 * look-up, which in one thread never sees a package that was installed after the first look.
 */
export async function installationOf(name: string): Promise<string> {
  for (const folder of createRequire(__filename).resolve.paths(name) ?? []) {
    const path = join(folder, name, "package.json");
    try {
      const { ino, ctimeMs, size } = await stat(path);
      return `${path} ${ino} ${ctimeMs} ${size}`;
    } catch {
      // Not here.
    }
  }
  return "";
}

function verdictOn(engine: NativeEngine, reason: Sentence | string | undefined): Verdict {
  if (reason === undefined) return USABLE;
  const name = NATIVE_MODULES[engine];
  const english = typeof reason === "string" ? reason : render(reason, "en-US");
  const told = typeof reason === "string" ? reason.replaceAll(/\s+/g, " ").trim().slice(0, MAX_REASON) : reason;
  const ofAnother = /NODE_MODULE_VERSION|different Node\.js version/.test(english);
  const { version, platform, arch } = process;
  const mend = ofAnother
    ? phrase("tensor.rebuild", { name, version })
    : phrase("tensor.reinstall", { name, platform, arch, version });
  return unusable(true, phrase("tensor.unusable", { name, reason: told, mend }));
}

function unusable(installed: boolean, mend: Sentence): Verdict {
  return { usable: false, installed, sentence: phrase("tensor.otherwise", { mend }), mend };
}

interface Tried extends Answer {
  /** Whether no process could be had to try it. */
  untried?: boolean;
}

function probe(engine: NativeEngine): Promise<Tried> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [...childArguments(__dirname, "probe-child"), engine],
      { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true },
      (error, output) => done(error === null ? answerOf(output) : failureOf(error)),
    );
    // Its end tells the rest.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end();
  });
}

/** The package itself may have written something before. */
function answerOf(output: string): Answer {
  try {
    return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Answer;
  } catch {
    return { reason: phrase("tensor.noAnswer") };
  }
}

function failureOf(error: ExecFileException): Tried {
  if (typeof error.code === "string" && (error as NodeJS.ErrnoException).syscall?.startsWith("spawn") === true)
    return { reason: phrase("tensor.noProcess", { code: error.code }), untried: true };
  if (error.killed === true) return { reason: phrase("tensor.tooSlow", { seconds: PROBE_TIMEOUT_MS / 1000 }) };
  if (error.signal === "SIGILL") return { reason: phrase("tensor.noInstructions") };
  return { reason: phrase("tensor.processEnded", { how: error.signal ?? error.code ?? reasonOf(error) }) };
}

/**
 * Engines in the order in which they are to be tried.
 * @param graph whether the network is somebody's own TF.js graph model
 */
export function candidates(choice: EngineChoice, graph: boolean): readonly EngineName[] {
  if (choice !== "auto") return [choice];
  // onnxruntime runs no TF.js model.
  return graph ? ENGINES.filter((engine) => engine !== "onnx") : ENGINES;
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  "onnxruntime-node": "ONNX",
  "onnxruntime-web": "ONNX WASM",
  "TF.js tensorflow": "TensorFlow",
  "TF.js wasm": "WASM",
};

/** For a badge. @param engine as a network names what it runs on */
export function shortEngineName(engine: string): string {
  return SHORT_NAMES[engine] ?? engine;
}
