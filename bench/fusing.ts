/**
 * Is the mean of a track's embeddings better than one frame's? People walk up to a camera in videos made from photos:
 * each photo,
 * from far to near, with motion blur, turns, light and noise of its own in every frame, through the package's own
 * stages.
 *   node --import tsx bench/fusing.ts [--data DIR] [--videos 4] [--frames 8]
 * DIR has a folder for each person (LFW's layout); without it the portraits that ship with face-api's demo are used,
 * and the
 * impostors are their strangers. Distances are to the other photos of DIR (or to the portrait itself).
 */
import { parseArgs } from "node:util";
import sharp from "sharp";
import { FaceDetector } from "../lib/detect/face-detector";
import { haar } from "../lib/detect/haar/haar";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { DLIB_RESNET } from "../lib/embed/descriptor";
import { euclideanDistance } from "../lib/embed/distance";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import { createEncoder } from "../lib/enrol/encoder";
import { Template, weightOf } from "../lib/embed/template";
import type { Face, Quality } from "../lib/message";
import { PORTRAITS, portrait } from "../test/support/photos";
import { readable, readFolders } from "./photos";
import { countAtMost, operatingPoint, seeded } from "./statistics";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    videos: { type: "string", default: "4" },
    frames: { type: "string", default: "8" },
  },
});
const FRAMES = Number(values.frames);
const VIDEOS = Number(values.videos);

const WIDTH = 640;
const HEIGHT = 480;
/** The photo's side in the first and last frame, in pixels. */
const FAR = 130;
const NEAR = 300;
const SEED = 20_261_124;
/** So many photos that are not filmed stand for each person. */
const REFERENCES = 6;

interface Photo {
  person: string;
  bytes: Buffer;
}

interface Shot {
  embedding: Float32Array;
  quality: Quality;
}

async function photos(): Promise<Photo[]> {
  if (values.data !== undefined) return readable(readFolders(values.data));
  return Promise.all(
    (Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]).map(async (name) => ({
      person: name,
      bytes: await portrait(name),
    })),
  );
}

/** One frame of somebody at `nearness` 0..1. */
async function frame(photo: Buffer, nearness: number, random: () => number): Promise<Buffer> {
  const side = Math.round(FAR + (NEAR - FAR) * nearness);
  const blur = 0.3 + 2.2 * random() ** 3;
  const face = await sharp(photo)
    .rotate(16 * random() - 8, { background: "#556070" })
    .resize(side, side)
    .linear(0.7 + 0.5 * random(), 30 * random() - 15)
    .blur(blur)
    .toBuffer();
  const noise = await sharp({
    create: {
      width: side,
      height: side,
      channels: 3,
      background: "#808080",
      noise: { type: "gaussian", mean: 128, sigma: 10 },
    },
  })
    .png()
    .toBuffer();
  const grainy = await sharp(face)
    .composite([{ input: noise, blend: "soft-light" }])
    .toBuffer();
  const left = Math.round((WIDTH - side) / 2 + 40 * (random() - 0.5));
  const top = Math.round((HEIGHT - side) / 2 + 30 * (random() - 0.5));
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#556070" } })
    .composite([{ input: grainy, left, top }])
    .jpeg({ quality: 70 })
    .toBuffer();
}

const largest = (faces: readonly Face[]): Face | undefined =>
  faces.filter(({ embedding }) => embedding !== undefined).toSorted((a, b) => b.score - a.score)[0];

async function main(): Promise<void> {
  const all = await photos();
  const random = seeded(SEED);
  const detector = new FaceDetector(haar, haarOptionsSchema.parse({ minSize: 40 }));
  const embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ reembedAfter: 0 }));
  const encoder = await createEncoder({});
  const people = [...new Set(all.map(({ person }) => person))];
  const videos: { person: string; shots: Shot[] }[] = [];
  const references: { person: string; embedding: Float32Array }[] = [];
  for (const person of people) {
    const own = all.filter((photo) => photo.person === person);
    for (const { bytes } of own.slice(-REFERENCES)) {
      const embedding = largest(await encoder.encode(bytes))?.embedding;
      if (embedding !== undefined) references.push({ person, embedding });
    }
    for (const { bytes } of own.slice(0, VIDEOS)) {
      const shots: Shot[] = [];
      for (let index = 0; index < FRAMES; index += 1) {
        const picture = { bytes: await frame(bytes, index / (FRAMES - 1), random), frame: undefined };
        const found = largest((await embedder.embed(picture, (await detector.detect(picture)).faces)).faces);
        if (found?.embedding !== undefined && found.quality !== undefined)
          shots.push({ embedding: found.embedding, quality: found.quality });
      }
      if (shots.length > 0) videos.push({ person, shots });
    }
  }
  await Promise.all([detector.close(), embedder.close(), encoder.close()]);
  const shots = videos.reduce((sum, video) => sum + video.shots.length, 0);
  console.log(
    `${videos.length} videos of ${people.length} people, ${shots} of ${videos.length * FRAMES} frames with a ` +
      `usable face, ${references.length} photos to compare with`,
  );

  const fuse =
    (weight: (quality: Quality) => number) =>
    (seen: readonly Shot[]): Float32Array => {
      const [first, ...rest] = seen as [Shot, ...Shot[]];
      return rest.reduce(
        (template, shot) => template.with(shot.embedding, weight(shot.quality)),
        Template.of(first.embedding, weight(first.quality)),
      ).mean;
    };
  const best = (seen: readonly Shot[]): Float32Array =>
    (seen.toSorted((a, b) => weightOf(b.quality) - weightOf(a.quality))[0] as Shot).embedding;
  const ways: [name: string, answer: (seen: readonly Shot[]) => Float32Array][] = [
    ["the last frame alone", (seen) => (seen.at(-1) as Shot).embedding],
    ["the best frame alone", best],
    ["mean", fuse(() => 1)],
    ["mean by size", fuse(({ size }) => Math.min(1, size / 60))],
    ["mean by size, sharpness, pose", fuse(weightOf)],
  ];
  for (const share of [0.25, 0.5, 1]) {
    const count = Math.max(1, Math.round(FRAMES * share));
    console.log(
      `\nafter ${count} frames${" ".repeat(20)}genuine median   TMR at FMR 1 %   0.1 %   at τ ` +
        `${DLIB_RESNET.threshold}`,
    );
    for (const [name, answer] of ways) {
      const [genuine, impostor]: [number[], number[]] = [[], []];
      for (const { person, shots: seen } of videos) {
        const probe = answer(seen.slice(0, count));
        for (const reference of references)
          (reference.person === person ? genuine : impostor).push(euclideanDistance(probe, reference.embedding));
      }
      const [g, i] = [Float32Array.from(genuine).sort(), Float32Array.from(impostor).sort()];
      const rate = (threshold: number): string => `${((100 * countAtMost(g, threshold)) / g.length).toFixed(1)} %`;
      console.log(
        `  ${name.padEnd(34)}${g[g.length >> 1]?.toFixed(3)}            ` +
          `${rate(operatingPoint(i, 0.01).threshold)}           ${rate(operatingPoint(i, 0.001).threshold)}   ` +
          rate(DLIB_RESNET.threshold),
      );
    }
  }
}

void main();
