/** What makes speech of a text. How to add one: docs/extending.md. */

export interface Utterance {
  text: string;
  /** BCP 47. */
  language: string;
  /** The engine's own name of a voice; empty takes the language's. */
  voice: string;
  /** Words a minute. */
  rate: number;
}

export interface CallOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface SpeechEngine {
  /** Said where it spoke: `engine` of the message. */
  readonly name: string;
  /**
   * @returns a WAV file, or undefined from an engine that speaks aloud at once
   * @throws a sentence when it fails or takes too long
   */
  speak(utterance: Utterance, options: CallOptions): Promise<Buffer | undefined>;
  /** Ends what it runs, what is being spoken too; where it runs something longer than a call. */
  close?(): void;
}
