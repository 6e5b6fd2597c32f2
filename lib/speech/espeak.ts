/** The side of Node-RED: asks eSpeak's process, and gives it up when it does not answer. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { toWav } from "./wav";

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
  error?: string;
}

export interface Voice {
  name: string;
  identifier: string;
  languages: string[];
}

/** The first question loads 24 MB of voices; a Pi takes some seconds. */
const ANSWER_TIMEOUT_MS = 20_000;
const MAX_WAITING = 20;

/** eSpeak's names where they are not the language's own tag. */
const VOICES: Readonly<Record<string, string>> = { en: "en-us", "en-US": "en-us", "en-GB": "en", zh: "cmn", "zh-TW": "cmn", "zh-CN": "cmn", "zh-HK": "yue", fr: "fr-fr", "pt-BR": "pt-br" };

export function voiceFor(language: string): string {
  return VOICES[language] ?? (language.startsWith("zh") ? "cmn" : (VOICES[language.split("-")[0] ?? ""] ?? language.split("-")[0] ?? "en-us"));
}

export function espeakInstalled(): boolean {
  try {
    createRequire(__filename).resolve("@echogarden/espeak-ng-emscripten/package.json");
    return true;
  } catch {
    return false;
  }
}

export class Espeak {
  #child: ChildProcess | undefined;
  #next = 0;
  readonly #waiting = new Map<number, (answer: EspeakAnswer) => void>();

  /** @returns a WAV file @throws a sentence when it fails or does not answer */
  async synthesize(text: string, voice: string, rate: number): Promise<Buffer> {
    const { samples, sampleRate } = await this.#ask({ text, voice, rate });
    if (samples === undefined || samples.length === 0 || sampleRate === undefined) throw new Error(`eSpeak NG said nothing for the voice ${voice}: choose another.`);
    return toWav(new Int16Array(Uint8Array.from(samples).buffer), sampleRate);
  }

  /** What would be spoken, in the International Phonetic Alphabet. */
  async phonemes(text: string, voice: string): Promise<string> {
    return (await this.#ask({ text, voice, rate: 160, ipa: true })).ipa ?? "";
  }

  async voices(): Promise<Voice[]> {
    return (await this.#ask({ voice: "", rate: 160 })).voices ?? [];
  }

  /** End the process; what waits is answered with an error. */
  close(): void {
    this.#child?.kill("SIGKILL");
    this.#fail("eSpeak NG was closed");
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async #ask(question: Omit<EspeakQuestion, "id">): Promise<EspeakAnswer> {
    if (this.#waiting.size >= MAX_WAITING) throw new Error("too many greetings wait to be spoken.");
    const child = this.#start();
    this.#next += 1;
    const id = this.#next;
    const answer = await new Promise<EspeakAnswer>((resolve) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        resolve({ id, error: `it did not answer within ${ANSWER_TIMEOUT_MS / 1000} seconds` });
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, (got) => {
        clearTimeout(timer);
        resolve(got);
      });
      child.send({ id, ...question });
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`eSpeak NG failed: ${answer.error}.`);
    return answer;
  }

  #start(): ChildProcess {
    if (this.#child !== undefined && this.#child.connected) return this.#child;
    const child = fork(join(__dirname, `espeak-child${extname(__filename)}`), [], { serialization: "advanced", stdio: ["ignore", "ignore", "ignore", "ipc"] });
    child.on("message", (answer: EspeakAnswer) => this.#waiting.get(answer.id)?.(answer));
    child.on("error", () => undefined);
    child.once("exit", () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#fail("its process ended");
    });
    // Waiting for the next greeting must not keep Node-RED from ending.
    child.unref();
    child.channel?.unref();
    this.#child = child;
    return child;
  }

  #fail(error: string): void {
    for (const [id, take] of this.#waiting) take({ id, error });
    this.#waiting.clear();
  }
}
