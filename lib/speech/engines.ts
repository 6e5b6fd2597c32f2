/** The speech engines there are, and which of them a choice of the form means. */
import type { SpeechEngine } from "./engine";
import { Espeak, espeakInstalled } from "./espeak";
import type { SpeechOptions } from "./options";
import { findSystemSpeech } from "./system";

type Choice = Exclude<SpeechOptions["engine"], "auto" | "none">;

/** In the order in which "auto" tries them. Each is undefined where it is not installed. */
const FINDERS: readonly (readonly [choice: Choice, find: (aloud: boolean) => SpeechEngine | undefined])[] = [
  ["espeak", () => (espeakInstalled() ? new Espeak() : undefined)],
  ["system", (aloud) => findSystemSpeech(aloud)],
];

/** Those of one node. Close it when done. */
export class SpeechEngines {
  /** Engines that run on from text to text. */
  readonly #running = new Map<Choice, SpeechEngine>();

  /**
   * Engines to try, one after the other; each is looked for when the one before failed.
   * @param aloud whether one will do that can only speak aloud
   */
  *of(
    engine: SpeechOptions["engine"],
    aloud: boolean,
  ): Generator<{ engine: SpeechEngine; /** Whether the form's voice is one of its voices. */ ownVoice: boolean }> {
    const chosen = FINDERS.filter(([choice]) => engine === "auto" || engine === choice);
    for (const [choice, find] of chosen) {
      const found = this.#running.get(choice) ?? find(aloud);
      if (found === undefined) continue;
      if (found.close !== undefined) this.#running.set(choice, found);
      // In "auto" the voice is one of the first's.
      yield { engine: found, ownVoice: choice === chosen[0]?.[0] };
    }
  }

  close(): void {
    for (const engine of this.#running.values()) engine.close?.();
  }
}
