/** Plays a WAV file with what the computer has. */
import { writeFile } from "node:fs/promises";
import { run, which, withWavFile } from "./command";
import { POWERSHELL_ARGUMENTS } from "./system";
import { wavDuration } from "./wav";

/** A player that takes this much longer than the sound hangs. */
const PLAY_SLACK_MS = 5000;

const POWERSHELL_PLAY = "(New-Object System.Media.SoundPlayer $env:GREETING_FILE).PlaySync()";

/**
 * In the order they are tried: paplay is often installed where no sound server runs, as for a Node-RED that is a
 * service.
 */
const PLAYERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["afplay"],
  win32: ["powershell"],
};
const OTHER_PLAYERS: readonly string[] = ["paplay", "pw-play", "aplay"];

/** The players found on the PATH. */
export function findPlayers(platform: NodeJS.Platform = process.platform): string[] {
  return (PLAYERS[platform] ?? OTHER_PLAYERS).map((name) => which(name)).filter((path) => path !== undefined);
}

/** Play a WAV file with the first player that can. @throws the sentence of the last that could not */
export function play(
  wav: Buffer,
  players: readonly string[],
  signal?: AbortSignal,
  slackMs = PLAY_SLACK_MS,
): Promise<void> {
  return withWavFile(async (path) => {
    await writeFile(path, wav, { mode: 0o600 });
    let failure: unknown;
    for (const player of players) {
      const args = /powershell(?:\.exe)?$/i.test(player) ? [...POWERSHELL_ARGUMENTS, POWERSHELL_PLAY] : [path];
      try {
        await run(player, args, {
          timeoutMs: Math.ceil(wavDuration(wav)) + slackMs,
          env: { ...process.env, GREETING_FILE: path },
          signal,
        });
        return;
      } catch (error) {
        failure = error;
        if (signal?.aborted === true) break;
      }
    }
    throw failure;
  });
}
