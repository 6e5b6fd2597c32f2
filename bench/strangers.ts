/**
 * How many strangers are made up: faces that pass alignment where the other detector sees none. With every box, and
 * with one box a face, as facenet-embed gives them; by detector, in photos and in the frames of a video.
 *   npm run bench:strangers -- [--data DIR]... [--photos 100] [--video FILE] [--fps 5]
 * Each DIR has a folder for each person. The demo's video is made by `npm start`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findFfmpeg } from "../lib/capture/ffmpeg";
import { blazeface } from "../lib/detect/blazeface/blazeface";
import { areOneFace } from "../lib/detect/boxes";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import type { Face } from "../lib/message";
import { findModel } from "../lib/models/find-model";
import { readFolders } from "./photos";

const { values } = parseArgs({
  options: {
    data: { type: "string", multiple: true, default: [] },
    photos: { type: "string", default: "100" },
    video: { type: "string" },
    fps: { type: "string", default: "5" },
  },
});

/** The cascade as the example "full recognizer" has it. */
const DETECTORS = {
  haar: new FaceDetector(haar, haar.schema.parse({ minSize: 36, minNeighbors: 3 })),
  blazeface: new FaceDetector(blazeface, blazeface.schema.parse({})),
};

async function frames(video: string, fps: number): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), "strangers-"));
  try {
    const output = ["-vf", `fps=${fps}`, "-q:v", "3", join(folder, "%05d.jpg")];
    execFileSync((await findFfmpeg()).path, ["-loglevel", "error", "-i", video, ...output]);
    return readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function report(title: string, pictures: readonly Buffer[]): Promise<void> {
  const model = await findModel("");
  for (const everyBox of [true, false]) {
    const embedder = new FaceEmbedder(model, embedderOptionsSchema.parse({ everyBox }));
    const counts = { haar: { faces: 0, alone: 0, double: 0 }, blazeface: { faces: 0, alone: 0, double: 0 } };
    for (const bytes of pictures) {
      const picture = { bytes, frame: undefined };
      const found: Partial<Record<keyof typeof DETECTORS, Face[]>> = {};
      for (const name of ["haar", "blazeface"] as const) {
        const { faces } = await embedder.embed(picture, (await DETECTORS[name].detect(picture)).faces);
        found[name] = faces.filter(({ embedding }) => embedding !== undefined);
      }
      const isOne = (a: Face, b: Face): boolean =>
        areOneFace({ box: a.box, eyes: undefined }, { box: b.box, eyes: undefined });
      for (const [name, other] of [
        ["haar", "blazeface"],
        ["blazeface", "haar"],
      ] as const) {
        const own = found[name] ?? [];
        counts[name].faces += own.length;
        counts[name].alone += own.filter((face) => !(found[other] ?? []).some((each) => isOne(face, each))).length;
        counts[name].double += own.filter((face, at) => own.slice(0, at).some((each) => isOne(face, each))).length;
      }
    }
    for (const [name, { faces, alone, double }] of Object.entries(counts))
      console.log(
        `${title}, ${pictures.length} pictures, ${everyBox ? "every box" : "one box a face"}, ${name}: ` +
          `${faces} faces, ${double} twice, ${alone} that the other detector does not see`,
      );
    await embedder.close();
  }
}

async function main(): Promise<void> {
  for (const root of values.data) {
    const photos = readFolders(root).slice(0, Number(values.photos));
    await report(
      root,
      photos.map(({ path }) => readFileSync(path)),
    );
  }
  if (values.video !== undefined) await report(values.video, await frames(values.video, Number(values.fps)));
  await Promise.all(Object.values(DETECTORS).map((detector) => detector.close()));
}

void main();
