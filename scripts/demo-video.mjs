// Make the demo's people and its video from the photos that ship in @vladmandic/face-api.
// Enrolment photos are cut from one photo each; the video shows other or altered pictures of the same people, and
// strangers.
import { spawn } from "node:child_process";
import { mkdirSync, existsSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/** Change this with the tables below, so that older photos and an older video are made anew. */
const VERSION = 3;
export const videoName = `demo-v${VERSION}.mp4`;
export const FPS = 15;
const WIDTH = 640;
const HEIGHT = 480;
const PHOTO_WIDTH = 1920;
/** Half a minute of video is encoded in seconds, in minutes on a small and busy computer. */
const ENCODE_TIMEOUT_MS = 900_000;

/**
 * Who is enrolled from what: a square of `side` pixels around the face, from the photo as it is. Names are invented.
 * Nothing in them but the
 * face looks like one to the cascade: without landmarks, as the original judges, it would be a second face.
 */
export const PEOPLE = [
  { name: "Robin", photo: 3, centre: [1171, 366], side: 500 },
  { name: "Noor", photo: 6, centre: [373, 638], side: 430 },
  { name: "Dana", photo: 6, centre: [1580, 416], side: 400 },
  { name: "Erin", photo: 6, centre: [1275, 459], side: 430 },
  { name: "Tess", photo: 5, centre: [476, 1013], side: 460 },
];

/**
 * The video's shots: a window of `width` pixels of the photo moves by `pan` of its width.
 * `turn` in degrees, `flip` mirrors, `light` multiplies the brightness. `who`: the enrolled people to be seen; [] is
 * nobody known.
 */
export const SHOTS = [
  {
    title: "an empty room",
    photo: 1,
    centre: [860, 160],
    width: 380,
    pan: 0.1,
    turn: 0,
    flip: false,
    light: 1.2,
    seconds: 2,
    who: [],
  },
  {
    title: "Robin, enrolled from sample3, in sample1: another photo",
    photo: 1,
    centre: [1573, 327],
    width: 700,
    pan: 0.12,
    turn: -28,
    flip: false,
    light: 1.5,
    seconds: 6,
    who: ["Robin"],
  },
  {
    title: "a stranger (sample3, left)",
    photo: 3,
    centre: [677, 465],
    width: 680,
    pan: 0.1,
    turn: 0,
    flip: false,
    light: 1,
    seconds: 5,
    who: [],
  },
  {
    title: "Noor, mirrored and darker",
    photo: 6,
    centre: [335, 638],
    width: 560,
    pan: 0.1,
    turn: 0,
    flip: true,
    light: 0.7,
    seconds: 5,
    who: ["Noor"],
  },
  {
    title: "Tess, turned, brighter and farther away",
    photo: 5,
    centre: [476, 1013],
    width: 900,
    pan: 0.08,
    turn: 6,
    flip: false,
    light: 1.25,
    seconds: 5,
    who: ["Tess"],
  },
  {
    title: "Erin and Dana together, mirrored, smaller",
    photo: 6,
    centre: [1428, 500],
    width: 900,
    pan: 0.06,
    turn: 0,
    flip: true,
    light: 0.9,
    seconds: 6,
    who: ["Erin", "Dana"],
  },
  {
    title: "a stranger (sample4)",
    photo: 4,
    centre: [1049, 313],
    width: 640,
    pan: 0.08,
    turn: 0,
    flip: false,
    light: 1,
    seconds: 5,
    who: [],
  },
];

const photoFile = (index) =>
  join(dirname(require.resolve("@vladmandic/face-api/package.json")), "demo", `sample${index}.jpg`);

/** Cut the photos and make the video, unless they are there. @returns the paths */
export async function makeDemo(folder, say = () => {}) {
  const photos = join(folder, `photos-v${VERSION}`);
  const video = join(folder, videoName);
  mkdirSync(photos, { recursive: true });
  const sharp = require("sharp");
  for (const {
    name,
    photo,
    centre: [x, y],
    side,
  } of PEOPLE) {
    const file = join(photos, `${name}.jpg`);
    if (existsSync(file)) continue;
    await sharp(photoFile(photo))
      .extract(square(x, y, side))
      .jpeg({ quality: 92 })
      .toFile(file);
  }
  if (existsSync(video)) return { photos, video };
  const { findFfmpeg } = require(join(root, "dist/lib/capture/ffmpeg.js"));
  const ffmpeg = await findFfmpeg();
  say(`making the demo video with ffmpeg ${ffmpeg.version}${ffmpeg.bundled ? " (of @ffmpeg-installer)" : ""}`);
  const stills = await Promise.all(
    SHOTS.map((shot, index) => cutStill(sharp, shot, join(folder, `still-${index}.jpg`))),
  );
  const partial = join(folder, "demo.partial.mp4");
  await run(ffmpeg.path, encodeArguments(stills, partial));
  renameSync(partial, video);
  for (const still of stills) rmSync(still.file);
  return { photos, video };
}

function square(x, y, side) {
  return {
    left: Math.max(0, Math.round(x - side / 2)),
    top: Math.max(0, Math.round(y - side / 2)),
    width: side,
    height: side,
  };
}

/** The part of the turned photo over which the shot's window moves. */
async function cutStill(sharp, { photo, centre: [x, y], width, pan, turn, flip, light, seconds }, file) {
  const turned = await sharp(photoFile(photo))
    .rotate(turn, { background: "#1c1614" })
    .toBuffer({ resolveWithObject: true });
  const { height: photoHeight } = await sharp(photoFile(photo)).metadata();
  const angle = (turn * Math.PI) / 180;
  const [dx, dy] = [x - PHOTO_WIDTH / 2, y - photoHeight / 2];
  const cx = dx * Math.cos(angle) - dy * Math.sin(angle) + turned.info.width / 2;
  const cy = dx * Math.sin(angle) + dy * Math.cos(angle) + turned.info.height / 2;
  const still = { width: Math.round(width * (1 + pan)), height: Math.round((width * HEIGHT) / WIDTH) };
  const left = Math.round(Math.min(Math.max(0, cx - still.width / 2), turned.info.width - still.width));
  const top = Math.round(Math.min(Math.max(0, cy - still.height / 2), turned.info.height - still.height));
  await sharp(turned.data)
    .extract({ left, top, ...still })
    .flop(flip)
    .modulate({ brightness: light })
    .resize({ height: HEIGHT })
    .jpeg({ quality: 88 })
    .toFile(file);
  return { file, seconds };
}

/** The window glides over each still; film grain, then H.264 as a camera would compress it. */
function encodeArguments(stills, file) {
  const inputs = stills.flatMap(({ file: still, seconds }) => [
    "-loop",
    "1",
    "-framerate",
    String(FPS),
    "-t",
    String(seconds),
    "-i",
    still,
  ]);
  const shots = stills.map(
    ({ seconds }, index) =>
      `[${index}:v]crop=${WIDTH}:${HEIGHT}:x='(iw-${WIDTH})*t/${seconds}':y=0,` +
      `setsar=1,noise=alls=6:allf=t,format=yuv420p[s${index}]`,
  );
  const all = stills.map((_, index) => `[s${index}]`).join("");
  return [
    "-y",
    "-nostdin",
    "-loglevel",
    "error",
    ...inputs,
    "-filter_complex",
    `${shots.join(";")};${all}concat=n=${stills.length}:v=1:a=0[out]`,
    "-map",
    "[out]",
    "-r",
    String(FPS),
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "27",
    "-movflags",
    "+faststart",
    file,
  ];
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], timeout: ENCODE_TIMEOUT_MS });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`ffmpeg could not make the demo video: ${said.trim()}`)),
    );
  });
}
