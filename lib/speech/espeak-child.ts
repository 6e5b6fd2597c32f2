/**
 * eSpeak NG in a process of its own: it is GPL-3 and this package is not, and nothing it does can hurt Node-RED.
 * Asked over IPC; ends when its parent does.
 */
import type { EspeakAnswer, EspeakQuestion } from "./espeak";
import { reasonOf, UserError } from "../errors";

interface Worker {
  /** 0 when it has that voice; else the last one stays. */
  set_voice(name: string): number;
  set_rate(wordsPerMinute: number): void;
  get_samplerate(): number;
  synthesize(text: string, take: (samples: Int16Array | null) => number): void;
  synthesize_ipa(text: string): { ipa: string };
  list_voices(): { name: string; identifier: string; languages: { name: string }[] }[];
}

let worker: Promise<Worker> | undefined;

async function load(): Promise<Worker> {
  // Not typed by its package, and not always installed.
  const name = "@echogarden/espeak-ng-emscripten";
  const { default: start } = (await import(name)) as { default: () => Promise<{ eSpeakNGWorker: new () => Worker }> };
  const { eSpeakNGWorker } = await start();
  return new eSpeakNGWorker();
}

async function answer({ text, voice, rate, ipa }: EspeakQuestion): Promise<Omit<EspeakAnswer, "id">> {
  worker ??= load().catch((error: unknown) => {
    // Tried again by the next.
    worker = undefined;
    throw error;
  });
  const espeak = await worker;
  if (text === undefined)
    return {
      voices: espeak.list_voices().map(({ name, identifier, languages }) => ({
        name,
        identifier,
        languages: languages.map((language) => language.name),
      })),
    };
  if (espeak.set_voice(voice) !== 0) throw new UserError("speech.noVoice", { voice });
  espeak.set_rate(rate);
  if (ipa) return { ipa: espeak.synthesize_ipa(text).ipa.replaceAll("_", "").replace(/\s+/g, " ").trim() };
  const parts: Buffer[] = [];
  espeak.synthesize(text, (samples) => {
    if (samples !== null && samples.length > 0)
      parts.push(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
    return 0;
  });
  return { samples: Buffer.concat(parts), sampleRate: espeak.get_samplerate() };
}

process.on("message", (question: EspeakQuestion) => {
  answer(question).then(
    (done) => process.send?.({ id: question.id, ...done }),
    (error: unknown) =>
      process.send?.({ id: question.id, error: reasonOf(error) }, () => {
        // After a trap it is good for nothing.
        if (error instanceof WebAssembly.RuntimeError) process.exit(1);
      }),
  );
});
process.on("disconnect", () => process.exit(0));
