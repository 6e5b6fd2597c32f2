/** Greets people: who is new, what to say, and the sound of it; one greeting at a time. */
import { setTimeout } from "node:timers/promises";
import { Espeak, espeakInstalled, voiceFor } from "./espeak";
import { compose, type Greeting } from "./language";
import type { SpeechOptions } from "./options";
import { Presence } from "./presence";
import { findPlayer, findSystemSpeech } from "./system";
import { wavDuration } from "./wav";

export interface Spoken extends Greeting {
  /** A WAV file; null when there is no engine, it failed, or it spoke aloud by itself. */
  wav: Buffer | null;
  /** What spoke: "espeak", a system engine's name, or "none". */
  engine: string;
  /** A sentence, where something is missing or failed. */
  problem?: string;
}

export const NO_ENGINE = 'there is no speech engine: run "npm install @echogarden/espeak-ng-emscripten" in the Node-RED user folder, or install espeak-ng.';
const NO_PLAYER = "there is no player: install alsa-utils (aplay) or pulseaudio-utils (paplay), or send the WAV in msg.payload to a dashboard.";

export class Greeter {
  readonly #options: SpeechOptions;
  readonly #presence: Presence;
  readonly #closing = new AbortController();
  #espeak: Espeak | undefined;
  #speaking = false;

  constructor(options: SpeechOptions, now?: () => number) {
    this.#options = options;
    this.#presence = new Presence(options.cooldown, now);
  }

  /** Whether a greeting is being spoken; no other is begun. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /**
   * Greet those of the people seen now who came anew. While a greeting is spoken nobody is greeted: who stays is greeted by the
   * next frame. Resolves when the sound is made, not when it was played.
   * @param onProblem told what failed while playing, after this resolved
   */
  async greet(names: readonly string[], onProblem: (sentence: string) => void): Promise<Spoken[]> {
    const arrivals = this.#speaking ? [] : this.#presence.arrivals(names);
    if (this.#speaking) this.#presence.arrivals(names);
    if (arrivals.length === 0) return [];
    this.#speaking = true;
    this.#presence.greeted(arrivals);
    const spoken: Spoken[] = [];
    try {
      for (const greeting of compose(arrivals, this.#options.language, this.#options.defaultLanguage, this.#options.template)) spoken.push(await this.#speak(greeting));
    } finally {
      void (this.#options.play ? this.#play(spoken, onProblem) : this.#wait(spoken)).finally(() => {
        this.#speaking = false;
      });
    }
    return spoken;
  }

  /** Ends what speaks and plays. */
  close(): void {
    this.#closing.abort();
    this.#espeak?.close();
  }

  async #speak(greeting: Greeting): Promise<Spoken> {
    const { engine, voice, rate } = this.#options;
    if (engine === "none") return { ...greeting, wav: null, engine };
    const problems: string[] = [];
    if (engine !== "system" && espeakInstalled()) {
      try {
        this.#espeak ??= new Espeak();
        return { ...greeting, wav: await this.#espeak.synthesize(greeting.text, voice || voiceFor(greeting.lang), rate), engine: "espeak" };
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    const system = engine === "espeak" ? undefined : findSystemSpeech();
    if (system !== undefined) {
      try {
        return { ...greeting, wav: (await system.speak(greeting.text, greeting.lang, rate, this.#closing.signal)) ?? null, engine: system.name };
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { ...greeting, wav: null, engine: "none", problem: problems[0] ?? NO_ENGINE };
  }

  /** Somebody else plays the sound: give it the time. */
  async #wait(spoken: readonly Spoken[]): Promise<void> {
    const duration = spoken.reduce((sum, { wav }) => sum + (wav === null ? 0 : wavDuration(wav)), 0);
    await setTimeout(duration, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
  }

  async #play(spoken: readonly Spoken[], onProblem: (sentence: string) => void): Promise<void> {
    const player = findPlayer();
    for (const { wav } of spoken) {
      if (wav === null || this.#closing.signal.aborted) continue;
      if (player === undefined) {
        onProblem(NO_PLAYER);
        return;
      }
      try {
        await player.play(wav, wavDuration(wav), this.#closing.signal);
      } catch (error) {
        if (!this.#closing.signal.aborted) onProblem(error instanceof Error ? error.message : String(error));
      }
    }
  }
}
