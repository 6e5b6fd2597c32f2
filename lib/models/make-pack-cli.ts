#!/usr/bin/env node
/** facenet-make-pack: see docs/models.md. */
import { parseArgs } from "node:util";
import { sentenceOf } from "../errors";
import { languageOf, phrase, render, type Sentence } from "../words/sentence";
import { makePack } from "./make-pack";

/** As other programs choose it (locale(7)): "zh_TW.UTF-8" is Chinese. */
const { LC_ALL, LC_MESSAGES, LANG } = process.env;
const language = languageOf((LC_ALL || LC_MESSAGES || LANG)?.replaceAll("_", "-"));

const say = (sentence: Sentence): void => console.log(render(sentence, language));

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      onnx: text,
      descriptor: text,
      photos: { type: "string", multiple: true },
      licence: text,
      out: text,
      name: text,
      set: text,
      help: { type: "boolean" },
    },
  });
  const { onnx, descriptor, photos, licence, out, name, set, help } = values;
  if (
    help === true ||
    onnx === undefined ||
    descriptor === undefined ||
    photos === undefined ||
    licence === undefined ||
    out === undefined
  ) {
    say(phrase("models.makeUsage"));
    process.exitCode = help === true ? 0 : 1;
    return;
  }
  for (const line of await makePack({ network: onnx, descriptor, photos, licence, out, name, set, say })) say(line);
}

main().catch((error: unknown) => {
  console.error(sentenceOf(error, language));
  process.exitCode = 1;
});
