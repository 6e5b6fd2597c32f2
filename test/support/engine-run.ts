/** The process of test/support/engines.ts: opens embedders and lets them work, as it is told. */
import { readFileSync, writeFileSync } from "node:fs";
import { DLIB_RESNET } from "../../lib/embed/descriptor";
import { findModel } from "../../lib/models/find-model";
import { type EmbedderOptions, embedderOptionsSchema, FaceEmbedder } from "../../lib/embed/embedder";
import { createEncoder, type FaceEncoder } from "../../lib/enrol/encoder";
import { blazeface } from "../../lib/detect/blazeface/blazeface";
import { type BlazefaceOptions, blazefaceOptionsSchema } from "../../lib/detect/blazeface/options";
import { FaceDetector } from "../../lib/detect/face-detector";
import type { Face } from "../../lib/message";
import { groupPhoto, portrait, PORTRAITS } from "./photos";
import { errorMessage } from "../../lib/errors";

export type Step =
  | { do: "open"; as: string; engine?: EmbedderOptions["engine"]; model?: string }
  | { do: "embed"; as: string; of?: keyof typeof PORTRAITS }
  | { do: "detect"; engine: BlazefaceOptions["engine"] }
  | { do: "enrol"; of?: keyof typeof PORTRAITS }
  | { do: "close"; as: string }
  | { do: "write"; path: string; text: string };

export interface Result {
  error?: string;
  /** What it says it runs on. */
  engine?: string;
  passedOver?: string[];
  embedding?: number[];
  landmarks?: { x: number; y: number }[];
  faces?: Face[];
  /** What packages wrote down meanwhile. */
  loads: number;
  kernels: number;
}

const BOX = { x: 106, y: 131, width: 254, height: 254 };
const embedders = new Map<string, FaceEmbedder>();
let encoder: FaceEncoder | undefined;

function named(name: string): FaceEmbedder {
  const embedder = embedders.get(name);
  if (embedder === undefined) throw new Error(`no embedder ${name}`);
  return embedder;
}

async function carryOut(step: Step): Promise<Omit<Result, "loads" | "kernels">> {
  switch (step.do) {
    case "open": {
      const embedder = new FaceEmbedder(
        step.model === undefined ? DLIB_RESNET : await findModel(step.model),
        embedderOptionsSchema.parse({ engine: step.engine }),
      );
      embedders.set(step.as, embedder);
      const { engine, passedOver } = await embedder.warmUp();
      return { engine, passedOver: passedOver.map(errorMessage) };
    }
    case "embed": {
      const { faces, engine } = await named(step.as).embed(
        { bytes: await portrait(step.of ?? "green"), frame: undefined },
        [{ box: BOX, score: 1 }],
      );
      return { engine, embedding: [...(faces[0]?.embedding ?? [])], landmarks: [...(faces[0]?.landmarks ?? [])] };
    }
    case "detect": {
      const detector = new FaceDetector(blazeface, blazefaceOptionsSchema.parse({ engine: step.engine }));
      const engine = await detector.warmUp();
      const { faces } = await detector.detect({ bytes: groupPhoto(6), frame: undefined });
      await detector.close();
      return { engine, faces };
    }
    case "enrol": {
      encoder ??= await createEncoder({});
      const face = (await encoder.encode(await portrait(step.of ?? "green"))).find(
        ({ embedding }) => embedding !== undefined,
      );
      return { embedding: [...(face?.embedding ?? [])] };
    }
    case "close":
      await named(step.as).close();
      return {};
    case "write":
      writeFileSync(step.path, step.text);
      return {};
  }
}

async function main({ steps, log }: { steps: Step[]; log: string }): Promise<void> {
  const marks = (mark: string): number => readFileSync(log, "utf8").split(mark).length - 1;
  const results: Result[] = [];
  for (const step of steps) {
    const before = { loads: marks("L"), kernels: marks("K") };
    const said = await carryOut(step).catch((error: unknown) => ({
      error: errorMessage(error),
    }));
    results.push({ ...said, loads: marks("L") - before.loads, kernels: marks("K") - before.kernels });
  }
  await Promise.all([...embedders.values(), ...(encoder === undefined ? [] : [encoder])].map((each) => each.close()));
  process.stdout.write(`\n${JSON.stringify(results)}\n`);
}

void main(JSON.parse(process.argv[2] ?? "") as { steps: Step[]; log: string });
