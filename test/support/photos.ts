import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";

const DEMO = join(dirname(createRequire(__filename).resolve("@vladmandic/face-api/package.json")), "demo");

/** One of the six group photos that ship in @vladmandic/face-api. */
export function groupPhoto(index: 1 | 2 | 3 | 4 | 5 | 6): Buffer {
  return readFileSync(join(DEMO, `sample${index}.jpg`));
}

/** A part of a group photo, as JPEG; pixels of the 1920 px wide original. */
export async function cutOut(
  index: 1 | 2 | 3 | 4 | 5 | 6,
  left: number,
  top: number,
  width: number,
  height: number,
): Promise<Buffer> {
  return sharp(groupPhoto(index)).extract({ left, top, width, height }).jpeg({ quality: 92 }).toBuffer();
}

/** Where people look into the camera, with room around the head. */
export const PORTRAITS = {
  /** sample6, left, green dress */
  green: { photo: 6, left: 140, top: 380, width: 480, height: 480 },
  /** sample6, right, green top */
  emerald: { photo: 6, left: 1320, top: 160, width: 500, height: 500 },
  /** sample6, third from the left, stripes */
  stripes: { photo: 6, left: 1040, top: 210, width: 480, height: 480 },
  /** sample5, in front, left */
  front: { photo: 5, left: 240, top: 780, width: 460, height: 460 },
  /** sample3, left, blonde */
  blonde: { photo: 3, left: 440, top: 220, width: 480, height: 480 },
} as const;

export async function portrait(name: keyof typeof PORTRAITS): Promise<Buffer> {
  const { photo, left, top, width, height } = PORTRAITS[name];
  return cutOut(photo, left, top, width, height);
}

/** A folder with a photo of each of some who are known. @param people by their names */
export async function knownPeople(people: Readonly<Record<string, keyof typeof PORTRAITS>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "people-"));
  for (const [name, who] of Object.entries(people)) writeFileSync(join(folder, `${name}.jpg`), await portrait(who));
  return folder;
}

/** Pixels between two photos of one person. */
const STEP_PX = 9;

/** A photo folder with all of them, several photos each, as if taken a step aside. */
export async function fillPhotoFolder(folder: string, photosEach: number): Promise<void> {
  mkdirSync(folder);
  for (const name of Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[]) {
    const photo = await portrait(name);
    const { width, height } = await sharp(photo).metadata();
    for (let index = 0; index < photosEach; index += 1) {
      const off = index * STEP_PX;
      writeFileSync(
        join(folder, `${name}#${index}.jpg`),
        await sharp(photo)
          .extract({ left: off, top: off, width: width - off, height: height - off })
          .jpeg({ quality: 90 })
          .toBuffer(),
      );
    }
  }
}
