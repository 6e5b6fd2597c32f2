#!/usr/bin/env node
/** facenet-make-pack: see docs/models.md. */
import { parseArgs } from "node:util";
import { sentenceOf } from "../errors";
import { makePack } from "./make-pack";

const USAGE = `facenet-make-pack --onnx FILE --descriptor FILE --photos DIR --licence FILE --out DIR
                  [--name NAME] [--set WHAT]

Makes a model pack: the network, its descriptor, a cohort of nobody, statistics and the default τ.
  --onnx        the network, .onnx (needs onnxruntime-node or onnxruntime-web) or .tflite
  --descriptor  what it reads and gives (.json, see docs/models.md), or the facenet-pack.json of a downloaded one
  --photos      a folder with a folder of photos for each person, at least 80 people; several populations, each
                measured for itself: --photos NAME=DIR --photos NAME=DIR
  --licence     the text of the licence of its weights
  --out         the folder of the pack
  --name        for people to read; --set: what the photos are`;

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
    console.log(USAGE);
    process.exitCode = help === true ? 0 : 1;
    return;
  }
  console.log(
    await makePack({
      network: onnx,
      descriptor,
      photos,
      licence,
      out,
      name,
      set,
      say: (line) => {
        console.log(line);
      },
    }),
  );
}

main().catch((error: unknown) => {
  console.error(sentenceOf(error));
  process.exitCode = 1;
});
