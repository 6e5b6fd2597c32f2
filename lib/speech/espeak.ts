/** The side of Node-RED: asks eSpeak's process, and gives it up when it does not answer. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { UserError } from "../errors";
import type { SpeechEngine, Utterance } from "./engine";
import { stretches } from "./language";
import { toWav } from "./wav";
import { phrase, type Sentence } from "../words/sentence";

export interface EspeakQuestion {
  id: number;
  /** Undefined asks for the list of voices. */
  text?: string;
  voice: string;
  rate: number;
  /** Whether to answer with phonemes instead of sound. */
  ipa?: boolean;
}

export interface EspeakAnswer {
  id: number;
  samples?: Uint8Array;
  sampleRate?: number;
  ipa?: string;
  voices?: Voice[];
  error?: Sentence | string;
}

export interface Voice {
  name: string;
  identifier: string;
  languages: string[];
}

/** The first question loads 24 MB of voices; a Pi takes some seconds. */
const ANSWER_TIMEOUT_MS = 60_000;
const MAX_WAITING = 20;

/** eSpeak's names where they are not the language's own tag. */
const VOICES: Readonly<Record<string, string>> = {
  en: "en-us",
  "en-US": "en-us",
  "en-GB": "en",
  zh: "cmn",
  "zh-HK": "yue",
  no: "nb",
  "pt-BR": "pt-br",
};

/** eSpeak's voice for a language (BCP 47). */
export function voiceFor(language: string): string {
  const [base = ""] = language.split("-");
  return VOICES[language] ?? VOICES[base] ?? base;
}

const PROGRAM = "eSpeak NG";
const NORMAL_RATE = 160;

export function espeakInstalled(): boolean {
  try {
    createRequire(__filename).resolve("@echogarden/espeak-ng-emscripten/package.json");
    return true;
  } catch {
    return false;
  }
}

export class Espeak implements SpeechEngine {
  readonly name = "espeak";
  #child: ChildProcess | undefined;
  #next = 0;
  #closed = false;
  readonly #waiting = new Map<number, (answer: EspeakAnswer) => void>();

  /**
   * @param language BCP 47; letters that its voice cannot read are read by the voice of their own language
   * @param voice eSpeak's name of one; empty takes the language's
   * @param rate words a minute
   * @returns a WAV file @throws a sentence when it fails or does not answer
   */
  async synthesize(text: string, language: string, rate = NORMAL_RATE, voice = ""): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let hertz = 0;
    for (const stretch of stretches(text, language)) {
      const { samples, sampleRate } = await this.#ask({
        text: stretch.text,
        voice: chooseVoice(stretch.language, language, voice),
        rate,
      });
      if (samples !== undefined) parts.push(samples);
      hertz = sampleRate ?? hertz;
    }
    const samples = Uint8Array.from(Buffer.concat(parts));
    if (samples.length === 0 || hertz === 0) throw new UserError("speech.saidNothing", { language });
    return toWav(new Int16Array(samples.buffer), hertz);
  }

  speak({ text, language, rate, voice }: Utterance): Promise<Buffer> {
    return this.synthesize(text, language, rate, voice);
  }

  /** What would be spoken, in the International Phonetic Alphabet. */
  async phonemes(text: string, language: string, voice = ""): Promise<string> {
    const parts: string[] = [];
    for (const stretch of stretches(text, language))
      parts.push(
        (
          await this.#ask({
            text: stretch.text,
            voice: chooseVoice(stretch.language, language, voice),
            rate: NORMAL_RATE,
            ipa: true,
          })
        ).ipa ?? "",
      );
    return parts.join(" ");
  }

  async voices(): Promise<Voice[]> {
    return (await this.#ask({ voice: "", rate: NORMAL_RATE })).voices ?? [];
  }

  /** End the process for good; what waits is answered with an error. */
  close(): void {
    this.#closed = true;
    this.#stop(phrase("speech.closed"));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async #ask(question: Omit<EspeakQuestion, "id">): Promise<EspeakAnswer> {
    if (this.#closed) throw new UserError("speech.failed", { program: PROGRAM, reason: phrase("speech.closed") });
    if (this.#waiting.size >= MAX_WAITING) throw new UserError("speech.tooMany");
    const child = this.#start();
    this.#next += 1;
    const id = this.#next;
    const answer = await new Promise<EspeakAnswer>((resolve) => {
      // Its process may hang in a loop: only an end helps, and the next question starts another.
      const timer = setTimeout(
        () => this.#stop(phrase("speech.silent", { seconds: ANSWER_TIMEOUT_MS / 1000 })),
        ANSWER_TIMEOUT_MS,
      );
      this.#waiting.set(id, (got) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(got);
      });
      // Where it cannot be sent, the process ended, which answers.
      child.send({ id, ...question }, () => undefined);
    });
    if (answer.error !== undefined) throw new UserError("speech.failed", { program: PROGRAM, reason: answer.error });
    return answer;
  }

  #start(): ChildProcess {
    if (this.#child?.connected === true) return this.#child;
    const child = fork(join(__dirname, `espeak-child${extname(__filename)}`), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    child.on("message", (answer: EspeakAnswer) => this.#waiting.get(answer.id)?.(answer));
    const ended = (): void => {
      if (this.#child === child) this.#stop(phrase("speech.processEnded"));
    };
    child.once("error", ended);
    child.once("exit", ended);
    // Waiting for the next greeting must not keep Node-RED from ending.
    child.unref();
    child.channel?.unref();
    this.#child = child;
    return child;
  }

  #stop(error: Sentence): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    for (const [id, take] of this.#waiting) take({ id, error });
  }
}

/** A voice that was chosen is for the language of the text, not for the stretches that it cannot read. */
function chooseVoice(foreign: string | undefined, language: string, voice: string): string {
  return foreign === undefined ? voice || voiceFor(language) : voiceFor(foreign);
}
