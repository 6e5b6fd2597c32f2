#!/usr/bin/env node
/** `facenet-verify-log FOLDER [NUMBER:HASH]`: whether a gate's log is as it was written, without Node-RED. */
import { sentenceOf } from "../../errors";
import { languageOf, phrase, render, type Sentence } from "../../words/sentence";
import { verifyLog } from "./verify";

/** As other programs choose it (locale(7)): "zh_TW.UTF-8" is Chinese. */
const { LC_ALL, LC_MESSAGES, LANG } = process.env;
const language = languageOf((LC_ALL || LC_MESSAGES || LANG)?.replaceAll("_", "-"));

const BROKEN = 1;
const MISUSED = 2;

/** @returns the status to end with, and what is said */
async function check([folder, kept]: readonly string[]): Promise<[status: number, said: Sentence]> {
  const [, number, hash] = /^(\d+):([0-9a-f]{64})$/.exec(kept ?? "") ?? [];
  if (folder === undefined || (kept !== undefined && hash === undefined)) return [MISUSED, phrase("gate.verifyUsage")];
  const head = hash === undefined ? undefined : { sequence: Number(number), hash };
  const { entries, first, last, broken } = await verifyLog(folder, { head });
  const [begins, ends] = [first ?? 0, last?.sequence ?? 0];
  return broken === null
    ? [0, phrase("gate.unbroken", { entries, first: begins, last: ends, hash: last?.hash ?? "" })]
    : [BROKEN, phrase("gate.breaks", { entries, first: begins, sequence: broken.sequence, fault: broken.fault })];
}

check(process.argv.slice(2))
  .then(([status, said]) => {
    process.exitCode = status;
    return console.log(render(said, language));
  })
  .catch((error: unknown) => {
    console.error(sentenceOf(error, language));
    process.exitCode = MISUSED;
  });
