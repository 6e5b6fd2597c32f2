/**
 * The tail of a model's d' between strangers (lib/models/measure-tail.ts), as the module that ships with it:
 *   node --import tsx bench/tail.ts --model ID --data NAME=DIR [--data NAME=DIR]... [--same A,B]... >
 * lib/calibrate/ID.tail.ts
 * Each DIR has a folder for each person (LFW's layout); several of one name are one population. --same names two
 * folders that show one person, which some public sets have. With --json it is what a model's statistics hold in
 * "tail".
 */
import { parseArgs } from "node:util";
import type { Tail } from "../lib/calibrate/tail";
import { createEncoder } from "../lib/enrol/encoder";
import { tailOf } from "../lib/models/measure-tail";
import { encodePeople, sameOf } from "./population";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      data: { type: "string", multiple: true, default: [] },
      same: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
    },
  });
  if (values.data.length === 0)
    throw new Error("--data NAME=DIR is missing: a population, and a folder with a folder of photos for each person.");
  const encoder = await createEncoder({ model: values.model });
  const { model, threshold, normalisation } = encoder;
  const same = sameOf(values.same);
  const folders = new Map<string, string[]>();
  const populations = new Map<string, Map<string, Float32Array[]>>();
  let [photos, missing] = [0, 0];
  try {
    if (normalisation === undefined)
      throw new Error(`there is no cohort for the model ${model}: no d' of it can be measured.`);
    for (const given of values.data) {
      const [name = "", folder = ""] = given.split("=");
      folders.set(name, [...(folders.get(name) ?? []), folder]);
    }
    for (const [name, roots] of folders) {
      const encoded = await encodePeople(encoder, roots, same);
      photos += encoded.photos;
      missing += encoded.missing;
      populations.set(name, encoded.people);
    }
    const source =
      `measured on ${photos} photos (${missing} without a usable face), ` +
      `${new Date().toISOString().slice(0, 10)}, bench/tail.ts`;
    const tail = await tailOf({ model, threshold, normalisation }, populations, source);
    console.log(values.json ? JSON.stringify(tail) : moduleOf(tail));
  } finally {
    await encoder.close();
  }
}

/** As the style of the sources has it: keys without quotes. */
function moduleOf({ source, populations, points, templates }: Tail): string {
  const row = (values: object): string =>
    `    { ${Object.entries(values)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      .join(", ")} },\n`;
  const list = (name: string, rows: readonly object[]): string => `  ${name}: [\n${rows.map(row).join("")}  ],\n`;
  return (
    `/** Made by bench/tail.ts; do not edit. */\nimport type { Tail } from "./tail";\n\nexport const TAIL: Tail ` +
    `= {\n  source: ` +
    `${JSON.stringify(source)},\n${list("populations", populations)}${list("points", points)}` +
    `${list("templates", templates)}};`
  );
}

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
