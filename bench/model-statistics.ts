/**
 * A model's distances on photos of identities, as the module that ships with it:
 *   node --import tsx bench/model-statistics.ts --data DIR [--data DIR]... --set "567 LFW photos of 275 people"
 * [--model ID] \
 *     > lib/calibrate/dlib-resnet-v1.ts
 * Each DIR has a folder for each person. Photos count that a gallery would take: those with exactly one usable face.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { calibrate, type LabelledEmbedding } from "../lib/calibrate/calibrate";
import type { ModelStatistics } from "../lib/calibrate/calibration";
import { createEncoder } from "../lib/enrol/encoder";
import { readFolders } from "./photos";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      set: { type: "string" },
      model: { type: "string" },
    },
  });
  const { data, set } = values;
  if (data.length === 0 || set === undefined)
    throw new Error(
      "--data DIR or --set NAME is missing: a folder with a folder of photos for each person, and what they are.",
    );
  const encoder = await createEncoder({ model: values.model });
  const embeddings: LabelledEmbedding[] = [];
  const files = data.flatMap((root) => readFolders(root));
  try {
    for (const { person, path } of files) {
      const [face, ...others] = (await encoder.encode(readFileSync(path))).filter(
        ({ embedding }) => embedding !== undefined,
      );
      if (face?.embedding !== undefined && others.length === 0)
        embeddings.push({ personId: person, photoId: path, vector: face.embedding });
    }
  } finally {
    await encoder.close();
  }
  const { model, threshold, normalisation } = encoder;
  const input = { embeddings, names: new Map<string, string>(), threshold, stats: undefined, wantedFmr: 0.001 };
  const { own, people, impostorPairs } = await calibrate(input);
  if (own.impostorPairs < impostorPairs.of)
    throw new Error(`${impostorPairs.of} impostor pairs are more than are measured one by one: give fewer photos.`);
  const statistics: ModelStatistics = {
    model,
    source:
      `measured on ${set} (${embeddings.length} of ${files.length} show exactly one usable face), ` +
      `${new Date().toISOString().slice(0, 10)}, bench/model-statistics.ts`,
    people: people.counted,
    photos: embeddings.length,
    genuine: own.genuine,
    impostor: own.impostor,
  };
  if (normalisation !== undefined) {
    const { from, genuine, impostor } = (await calibrate({ ...input, comparison: { normalisation, strangers: [] } }))
      .own;
    statistics.cohort = { from, genuine, impostor };
  }
  console.log(
    `/** Made by bench/model-statistics.ts; do not edit. ${own.genuinePairs} genuine and ${own.impostorPairs} ` +
      `impostor pairs support no FMR below ${Number((100 * (own.supportedFmr ?? 1)).toPrecision(1))} %. */`,
  );
  console.log('import type { ModelStatistics } from "./calibration";\n');
  console.log(`export const STATISTICS: ModelStatistics = ${module(statistics)};`);
}

/** As the style of the sources has it: keys without quotes. */
function module({ genuine, impostor, cohort, ...rest }: ModelStatistics): string {
  const counts = (histograms: { genuine: number[]; impostor: number[] }): string[] => [
    `genuine: [${histograms.genuine.join(", ")}]`,
    `impostor: [${histograms.impostor.join(", ")}]`,
  ];
  const lines = [
    ...Object.entries(rest).map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
    ...counts({ genuine, impostor }),
    ...(cohort === undefined ? [] : [`cohort: { from: ${cohort.from}, ${counts(cohort).join(", ")} }`]),
  ];
  return `{\n${lines.map((line) => `  ${line},\n`).join("")}}`;
}

void main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
