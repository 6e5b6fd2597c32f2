/** The speech engine and the player that the computer has. */
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, which } from "./command";
import { voiceFor } from "./espeak";

const SPEAK_TIMEOUT_MS = 15_000;
/** A player that takes this much longer than the sound hangs. */
const PLAY_SLACK_MS = 5000;

export interface SystemSpeech {
  name: string;
  /** @returns a WAV file, or undefined from an engine that speaks aloud at once */
  speak(text: string, language: string, rate: number, signal?: AbortSignal): Promise<Buffer | undefined>;
}

async function withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `greeting-${randomBytes(8).toString("hex")}.wav`);
  try {
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

/** The text goes in by the environment: PowerShell would run what stands in its arguments. */
const POWERSHELL_SPEAK = "Add-Type -AssemblyName System.Speech; $s = New-Object System.Speech.Synthesis.SpeechSynthesizer; $s.SetOutputToWaveFile($env:GREETING_FILE); $s.Speak($env:GREETING_TEXT); $s.Dispose()";
const POWERSHELL_PLAY = "(New-Object System.Media.SoundPlayer $env:GREETING_FILE).PlaySync()";
const POWERSHELL_ARGUMENTS = ["-NoProfile", "-NonInteractive", "-Command"];

/** The first engine found on the PATH, or undefined. */
export function findSystemSpeech(): SystemSpeech | undefined {
  const espeak = which("espeak-ng") ?? which("espeak");
  if (espeak !== undefined) {
    return {
      name: "espeak-ng",
      // The text comes by standard input, so that a name cannot be taken for an option.
      speak: (text, language, rate, signal) => withFile(async (path) => {
        await run(espeak, ["-v", voiceFor(language), "-s", String(rate), "-w", path, "--stdin"], { timeoutMs: SPEAK_TIMEOUT_MS, input: text, signal });
        return readFile(path);
      }),
    };
  }
  const say = process.platform === "darwin" ? which("say") : undefined;
  if (say !== undefined) {
    return {
      name: "say",
      speak: (text, _language, rate, signal) => withFile(async (path) => {
        await run(say, ["-r", String(rate), "-o", path, "--data-format=LEI16@22050", "-f", "-"], { timeoutMs: SPEAK_TIMEOUT_MS, input: text, signal });
        return readFile(path);
      }),
    };
  }
  const powershell = process.platform === "win32" ? which("powershell") : undefined;
  if (powershell !== undefined) {
    return {
      name: "PowerShell",
      speak: (text, _language, _rate, signal) => withFile(async (path) => {
        await run(powershell, [...POWERSHELL_ARGUMENTS, POWERSHELL_SPEAK], { timeoutMs: SPEAK_TIMEOUT_MS, env: { ...process.env, GREETING_FILE: path, GREETING_TEXT: text }, signal });
        return readFile(path);
      }),
    };
  }
  const dispatcher = which("spd-say");
  if (dispatcher !== undefined) {
    return {
      name: "spd-say",
      speak: async (text, language, _rate, signal) => {
        await run(dispatcher, ["--wait", "-l", language.split("-")[0] ?? "en", "--", text], { timeoutMs: SPEAK_TIMEOUT_MS, signal });
        return undefined;
      },
    };
  }
  return undefined;
}

/** Plays a WAV file, or undefined where no player is found. */
export function findPlayer(): { name: string; play(wav: Buffer, durationMs: number, signal?: AbortSignal): Promise<void> } | undefined {
  const simple = (process.platform === "darwin" ? ["afplay"] : ["paplay", "pw-play", "aplay"]).map((name) => ({ name, path: which(name) })).find(({ path }) => path !== undefined);
  const powershell = process.platform === "win32" ? which("powershell") : undefined;
  const [program, args] = powershell === undefined ? [simple?.path, undefined] : [powershell, [...POWERSHELL_ARGUMENTS, POWERSHELL_PLAY]];
  if (program === undefined) return undefined;
  return {
    name: simple?.name ?? "PowerShell",
    play: (wav, durationMs, signal) => withFile(async (path) => {
      await writeFile(path, wav, { mode: 0o600 });
      await run(program, args ?? [path], { timeoutMs: Math.round(durationMs) + PLAY_SLACK_MS, env: { ...process.env, GREETING_FILE: path }, signal });
    }),
  };
}
