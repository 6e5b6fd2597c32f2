/** Greets people: who is new, what to say, and the sound of it; one greeting at a time. */
import { setImmediate, setTimeout } from "node:timers/promises";
import { asSentence, oneAfterOther } from "../errors";
import { StorageError } from "../storage";
import { SpeechEngines } from "./engines";
import { compose, type Greeting } from "./language";
import type { SpeechOptions } from "./options";
import { findPlayers, play } from "./player";
import { Presence } from "./presence";
import { SPEAK_TIMEOUT_MS } from "./system";
import { wavDuration } from "./wav";
import { phrase, type Sentence } from "../words/sentence";

/** What is missing or failed while the greeting went on without it. */
export interface Problem {
  kind: "noEngine" | "noPlayer" | "diskFull" | "failed";
  /** Names what is wrong and the mend. */
  sentence: Sentence;
}

export interface Spoken extends Greeting {
  /** A WAV file; null when there is no engine, it failed, or it spoke aloud by itself. */
  wav: Buffer | null;
  /** What spoke: "espeak", a system engine's name, or "none". */
  engine: string;
  problem?: Problem;
}

export interface GreeterParts {
  /** Milliseconds. */
  now?: () => number;
  /** How long a system engine may take. */
  speakTimeoutMs?: number;
}

/** Nobody listens to more names; who stands there besides is greeted next. */
export const MAX_AT_ONCE = 10;

export class Greeter {
  readonly #options: SpeechOptions;
  readonly #presence: Presence;
  readonly #speakTimeoutMs: number;
  readonly #closing = new AbortController();
  readonly #engines = new SpeechEngines();
  #speaking = false;
  #quiet: Promise<void> = Promise.resolve();

  constructor(options: SpeechOptions, { now, speakTimeoutMs = SPEAK_TIMEOUT_MS }: GreeterParts = {}) {
    this.#options = options;
    this.#presence = new Presence(options.cooldown, now);
    this.#speakTimeoutMs = speakTimeoutMs;
  }

  /** Whether a greeting is being spoken; no other is begun. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** Resolves when nothing is being spoken. */
  async quiet(): Promise<void> {
    while (this.#speaking) await this.#quiet;
  }

  /**
   * Greet those of the people seen now who came anew. While a greeting is spoken nobody is greeted: who stays is
   * greeted by the
   * next frame. Resolves when the sound is made, not when it was played.
   * @param onProblem told what failed while playing, after this resolved
   * @param template in place of the options'
   * @throws when it was closed
   */
  async greet(
    names: readonly string[],
    onProblem: (problem: Problem) => void,
    template = this.#options.template,
  ): Promise<Spoken[]> {
    // Also while something is spoken, because it tells who stays.
    const arrivals = this.#presence.arrivals(names).slice(0, MAX_AT_ONCE);
    if (this.#speaking || arrivals.length === 0) return [];
    this.#presence.greeted(arrivals);
    const { language, defaultLanguage } = this.#options;
    return this.#saying(compose(arrivals, language, defaultLanguage, template), onProblem);
  }

  async #saying(greetings: readonly Greeting[], onProblem: (problem: Problem) => void): Promise<Spoken[]> {
    this.#speaking = true;
    const spoken: Spoken[] = [];
    try {
      for (const greeting of greetings) spoken.push(await this.#speak(greeting));
    } finally {
      this.#quiet = this.#sound(spoken, onProblem)
        .catch((error: unknown) => onProblem(problemOf([error])))
        .finally(() => {
          this.#speaking = false;
        });
    }
    return spoken;
  }

  /**
   * Say something that is no greeting, once nothing else is spoken.
   * @param lang BCP 47 @throws when it was closed
   */
  async say(text: string, lang: string, onProblem: (problem: Problem) => void): Promise<Spoken> {
    await this.quiet();
    const [spoken] = await this.#saying([{ text, lang, names: [] }], onProblem);
    return spoken as Spoken;
  }

  /** Ends what speaks and plays. */
  close(): void {
    this.#closing.abort();
    this.#engines.close();
  }

  async #speak(greeting: Greeting): Promise<Spoken> {
    const { engine, voice: chosen, rate, language, defaultLanguage } = this.#options;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    if (engine === "none") return { ...greeting, wav: null, engine };
    // One chosen for English is not to read Mandarin.
    const voice = greeting.lang === (language === "auto" ? defaultLanguage : language) ? chosen : "";
    const failures: unknown[] = [];
    for (const found of this.#engines.of(engine, this.#options.play)) {
      signal.throwIfAborted();
      try {
        const utterance = {
          text: greeting.text,
          language: greeting.lang,
          voice: found.ownVoice ? voice : "",
          rate,
        };
        const wav = await found.engine.speak(utterance, { timeoutMs: this.#speakTimeoutMs, signal });
        return { ...greeting, wav: wav ?? null, engine: found.engine.name };
      } catch (error) {
        failures.push(error);
      }
    }
    signal.throwIfAborted();
    const problem: Problem =
      failures.length === 0 ? { kind: "noEngine", sentence: phrase("speech.noEngine") } : problemOf(failures);
    return { ...greeting, wav: null, engine: "none", problem };
  }

  /** Ends when the sound does, be it played here or by somebody else. */
  async #sound(spoken: readonly Spoken[], onProblem: (problem: Problem) => void): Promise<void> {
    const { signal } = this.#closing;
    // First the messages go out.
    await setImmediate();
    const sounds = spoken.map(({ wav }) => wav).filter((wav) => wav !== null);
    if (signal.aborted || sounds.length === 0) return;
    const players = this.#options.play ? findPlayers() : [];
    if (this.#options.play && players.length === 0)
      onProblem({ kind: "noPlayer", sentence: phrase("speech.noPlayer") });
    for (const wav of sounds) {
      try {
        await (players.length === 0
          ? setTimeout(wavDuration(wav), undefined, { signal })
          : play(wav, players, signal));
      } catch (error) {
        if (signal.aborted) return;
        onProblem(problemOf([error]));
      }
    }
  }
}

function problemOf(failures: readonly unknown[]): Problem {
  const isFull = failures.some((error) => error instanceof StorageError && error.status === 507);
  return {
    kind: isFull ? "diskFull" : "failed",
    sentence: oneAfterOther(failures.map(asSentence)) ?? phrase("speech.noEngine"),
  };
}
