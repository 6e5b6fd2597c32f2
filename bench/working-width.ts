/**
 * How small a picture may become before the search: faces found, false boxes and time, by how much room the smallest
 * face asked for
 * has in the cascade's window, and by how many raw detections must agree.
 *   npm run bench:working-width -- [--data DIR]
 * On face-api's six group photos at several sizes; DIR adds a folder of photos for each person. A box is a face where
 * the alignment
 * gate says so. Everything runs one after the other on one thread.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { haarOptionsSchema } from "../lib/detect/haar/options";
import { WasmDetector } from "../lib/detect/haar/wasm";
import { DLIB_RESNET } from "../lib/embed/descriptor";
import { embedderOptionsSchema, FaceEmbedder } from "../lib/embed/embedder";
import { decode } from "../lib/image/decode";
import { groupPhoto } from "../test/support/photos";
import { readable, readFolders } from "./photos";

const { values } = parseArgs({ options: { data: { type: "string" } } });
const GROUPS = [1, 2, 3, 4, 5, 6] as const;
const GROUP_SETS = [
  { width: 640, minSize: 32 },
  { width: 960, minSize: 40 },
  { width: 960, minSize: 60 },
  { width: 1280, minSize: 60 },
  { width: 1280, minSize: 100 },
  { width: 1920, minSize: 100 },
] as const;
const PEOPLE_SIZES = [40, 60, 80] as const;
/** Side of the cascade's window, in pixels. */
const WINDOW = 24;
/** Undefined searches the picture as it is. */
const ROOMS = [undefined, 1, 1.25, 1.5] as const;
const NEIGHBORS = [5, 4, 3, 2] as const;

interface Set {
  name: string;
  photos: readonly Buffer[];
  minSize: number;
}

async function sets(): Promise<Set[]> {
  const groups = await Promise.all(
    GROUP_SETS.map(async ({ width, minSize }) => ({
      name: `${width}/${minSize}`,
      minSize,
      photos: await Promise.all(
        GROUPS.map((index) => sharp(groupPhoto(index)).resize(width).jpeg({ quality: 90 }).toBuffer()),
      ),
    })),
  );
  if (values.data === undefined) return groups;
  const photos = (await readable(readFolders(values.data))).map(({ bytes }) => bytes);
  return [...groups, ...PEOPLE_SIZES.map((minSize) => ({ name: `people/${minSize}`, minSize, photos }))];
}

async function main(): Promise<void> {
  const detector = await WasmDetector.load();
  const embedder = new FaceEmbedder(DLIB_RESNET, embedderOptionsSchema.parse({ minSize: 0 }));
  const all = await sets();
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      process.version,
  );
  console.log(
    "room × neighbors: sum of ms a photo, faces, false boxes; then for width/smallest face: ms, " +
      `faces/false\n${"".padEnd(24)}${all.map(({ name }) => name.padStart(15)).join("")}`,
  );
  for (const room of ROOMS) {
    for (const minNeighbors of NEIGHBORS) {
      const sum = { ms: 0, faces: 0, falses: 0 };
      const cells: string[] = [];
      for (const { photos, minSize } of all) {
        let [ms, faces, falses] = [0, 0, 0];
        for (const bytes of photos) {
          const pixels = await decode({ bytes: Uint8Array.from(bytes), raw: undefined });
          const options = haarOptionsSchema.parse({
            minSize,
            minNeighbors,
            workingWidth: room === undefined ? 0 : Math.round((pixels.width * WINDOW * room) / minSize),
          });
          const start = performance.now();
          const found = detector.detect(pixels, options);
          ms += performance.now() - start;
          const embedded = await embedder.embed(
            { bytes, frame: undefined },
            found.map(({ box, score }) => ({ box, score })),
          );
          const kept = embedded.faces.filter(({ embedding }) => embedding !== undefined).length;
          faces += kept;
          falses += found.length - kept;
        }
        sum.ms += ms / photos.length;
        sum.faces += faces;
        sum.falses += falses;
        cells.push(`${(ms / photos.length).toFixed(0)} ${faces}/${falses}`.padStart(15));
      }
      console.log(
        `${(room === undefined ? "as it is" : room.toFixed(2)).padStart(8)} × ${minNeighbors} ` +
          `${sum.ms.toFixed(0).padStart(5)} ${String(sum.faces).padStart(4)} ` +
          `${String(sum.falses).padStart(4)}${cells.join("")}`,
      );
    }
  }
  await embedder.close();
}

void main();
