/** The speech engine that the computer has. */
import { run, runIntoWav, which } from "./command";
import type { SpeechEngine } from "./engine";
import { voiceFor } from "./espeak";

export const SPEAK_TIMEOUT_MS = 60_000;

/** The text comes by standard input, so that a name cannot be taken for an option. */
function espeakNg(program: string): SpeechEngine {
  return {
    name: "espeak-ng",
    speak: ({ text, language, voice, rate }, options) =>
      runIntoWav(program, (path) => ["-v", voice || voiceFor(language), "-s", String(rate), "-w", path, "--stdin"], {
        ...options,
        input: text,
      }),
  };
}

/** The voice of macOS for a language: a line of `say -v ?` is "Mei-Jia   zh_TW    # 你好". */
function sayVoice(list: string, language: string): string | undefined {
  const [base = ""] = language.split("-");
  const voices = list.split("\n").flatMap((line) => {
    const parts = /^(.+?)\s+([a-z]{2,3}_\w+)\s+#/.exec(line);
    return parts === null ? [] : [{ name: parts[1], tag: parts[2]?.replace("_", "-") }];
  });
  return (voices.find(({ tag }) => tag === language) ?? voices.find(({ tag }) => tag?.split("-")[0] === base))?.name;
}

function say(program: string): SpeechEngine {
  return {
    name: "say",
    speak: async ({ text, language, voice, rate }, options) => {
      const chosen = voice || sayVoice(await run(program, ["-v", "?"], options), language);
      const named = chosen === undefined ? [] : ["-v", chosen];
      return runIntoWav(
        program,
        (path) => [...named, "-r", String(rate), "-o", path, "--data-format=LEI16@22050", "-f", "-"],
        { ...options, input: text },
      );
    },
  };
}

export const POWERSHELL_ARGUMENTS: readonly string[] = ["-NoProfile", "-NonInteractive", "-Command"];

/** All that varies goes in by the environment: PowerShell would run what stands in its arguments. */
const POWERSHELL_SPEAK = [
  "Add-Type -AssemblyName System.Speech",
  "$s = New-Object System.Speech.Synthesis.SpeechSynthesizer",
  "try { $s.SelectVoiceByHints('NotSet', 'NotSet', 0, " +
    "[Globalization.CultureInfo]::GetCultureInfo($env:GREETING_LANGUAGE)) } catch { }",
  "if ($env:GREETING_VOICE) { $s.SelectVoice($env:GREETING_VOICE) }",
  "$s.Rate = [int]$env:GREETING_RATE",
  "$s.SetOutputToWaveFile($env:GREETING_FILE)",
  "$s.Speak($env:GREETING_TEXT)",
  "$s.Dispose()",
].join("; ");

/** Words a minute of System.Speech at its rate 0; at 10 it is three times as fast, at -10 a third. */
const SAPI_WORDS_PER_MINUTE = 180;
const SAPI_MOST = 10;

function powershell(program: string): SpeechEngine {
  return {
    name: "PowerShell",
    speak: ({ text, language, voice, rate }, options) => {
      const steps = Math.round((SAPI_MOST * Math.log(rate / SAPI_WORDS_PER_MINUTE)) / Math.log(3));
      const sapiRate = String(Math.max(-SAPI_MOST, Math.min(SAPI_MOST, steps)));
      const env = {
        ...process.env,
        GREETING_TEXT: text,
        GREETING_LANGUAGE: language,
        GREETING_VOICE: voice,
        GREETING_RATE: sapiRate,
      };
      return runIntoWav(program, () => [...POWERSHELL_ARGUMENTS, POWERSHELL_SPEAK], {
        ...options,
        env,
        fileVariable: "GREETING_FILE",
      });
    },
  };
}

/** Speech Dispatcher's scale: -100 is 80 words a minute, 0 is 160, 100 is 450, as eSpeak NG has them. */
const dispatcherRate = (rate: number): number =>
  Math.round(rate < 160 ? ((rate - 160) / 80) * 100 : ((rate - 160) / 290) * 100);

/** Speaks aloud at once; it gives no sound to keep. */
function speechDispatcher(program: string): SpeechEngine {
  return {
    name: "spd-say",
    speak: async ({ text, language, voice, rate }, options) => {
      await run(
        program,
        [
          "--wait",
          "-r",
          String(dispatcherRate(rate)),
          "-l",
          language.split("-")[0] ?? "en",
          ...(voice === "" ? [] : ["-y", voice]),
          "--",
          text,
        ],
        options,
      );
      return undefined;
    },
  };
}

/** The first engine found on the PATH, or undefined. @param aloud whether one will do that can only speak aloud */
export function findSystemSpeech(
  aloud: boolean,
  platform: NodeJS.Platform = process.platform,
): SpeechEngine | undefined {
  const engines: [string, (program: string) => SpeechEngine][] = [
    ["espeak-ng", espeakNg],
    ["espeak", espeakNg],
  ];
  if (platform === "darwin") engines.unshift(["say", say]);
  if (platform === "win32") engines.unshift(["powershell", powershell]);
  if (aloud) engines.push(["spd-say", speechDispatcher]);
  for (const [name, engine] of engines) {
    const program = which(name);
    if (program !== undefined) return engine(program);
  }
  return undefined;
}
