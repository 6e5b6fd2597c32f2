/** A room before a camera, and what may happen in it: for tests of what is to be searched for faces. */
import sharp from "sharp";
import type { Picture } from "../../lib/message";
import { type PORTRAITS, portrait } from "./photos";

export const FPS = 10;

/** Grey levels of a room, row by row; to be changed by what happens in it. */
export interface Room {
  data: Float32Array;
  width: number;
  height: number;
}

export type Happening = (room: Room, second: number) => void;

/** The same numbers on every run, 0..1 (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Walls, furniture with edges, and the grain of a carpet. */
export function emptyRoom(width = 640, height = 480): Room {
  const random = numbers(7);
  const data = new Float32Array(width * height);
  const pieces = Array.from({ length: 30 }, () => ({
    x: random() * width,
    y: random() * height,
    width: 20 + random() * 160,
    height: 20 + random() * 120,
    grey: 40 + random() * 160,
  }));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) data[y * width + x] = 90 + (60 * x) / width + (40 * y) / height;
  for (const piece of pieces)
    for (let y = Math.floor(piece.y); y < Math.min(height, piece.y + piece.height); y += 1)
      for (let x = Math.floor(piece.x); x < Math.min(width, piece.x + piece.width); x += 1)
        data[y * width + x] = piece.grey + 12 * Math.sin(x / 3) * Math.cos(y / 4);
  return { data, width, height };
}

/** Frame after frame of a room, as a camera with 10 frames a second sends them. */
export async function film(
  seconds: number,
  happenings: readonly Happening[],
  { quality = 80, size = [640, 480] }: { quality?: number; size?: [number, number] } = {},
): Promise<Picture[]> {
  const empty = emptyRoom(...size);
  const { width, height } = empty;
  const pictures: Picture[] = [];
  for (let sequence = 0; sequence < seconds * FPS; sequence += 1) {
    const room = { data: empty.data.slice(), width, height };
    for (const happening of happenings) happening(room, sequence / FPS);
    const bytes = await sharp(Uint8ClampedArray.from(room.data), { raw: { width, height, channels: 1 } })
      .jpeg({ quality })
      .toBuffer();
    const capturedAt = 1_000_000 + (sequence * 1000) / FPS;
    pictures.push({ bytes, frame: { source: "room", sequence, capturedAt, width, height } });
  }
  return pictures;
}

/** Grain of a sensor, normal, in grey levels. */
export function grain(sigma: number, seed = 3): Happening {
  const random = numbers(seed);
  const field = Float32Array.from({ length: 500_009 }, () => {
    const [u, v] = [Math.max(1e-9, random()), random()];
    return sigma * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
  return ({ data }) => {
    let at = Math.floor(random() * field.length);
    for (let index = 0; index < data.length; index += 1) {
      (data[index] as number) += field[at] as number;
      at = at + 1 === field.length ? 0 : at + 1;
    }
  };
}

/** All becomes so many times as bright. */
export function light(ratio: (second: number, row: number) => number): Happening {
  return ({ data, width, height }, second) => {
    for (let y = 0; y < height; y += 1) {
      const times = ratio(second, y);
      for (let index = y * width; index < (y + 1) * width; index += 1) (data[index] as number) *= times;
    }
  };
}

/** A grey picture with its size, to be hung somewhere. */
export interface Cutting {
  data: Uint8Array;
  side: number;
}

export async function cutting(who: keyof typeof PORTRAITS, side: number): Promise<Cutting> {
  const data = await sharp(await portrait(who))
    .resize(side, side)
    .greyscale()
    .raw()
    .toBuffer();
  return { data, side };
}

/** Somebody, from `since` to `until`. @param place left and top at a time */
export function somebody(
  { data: face, side }: Cutting,
  place: (second: number) => readonly [number, number],
  since = 0,
  until = Infinity,
): Happening {
  return ({ data, width, height }, second) => {
    if (second < since || second >= until) return;
    const [left, top] = place(second).map(Math.round) as [number, number];
    for (let y = Math.max(0, -top); y < Math.min(side, height - top); y += 1)
      for (let x = Math.max(0, -left); x < Math.min(side, width - left); x += 1)
        data[(top + y) * width + left + x] = face[y * side + x] as number;
  };
}

/** Streaks of rain or snow, each in one frame. */
export function rain(drops: number, seed = 5): Happening {
  const random = numbers(seed);
  return ({ data, width, height }) => {
    for (let drop = 0; drop < drops; drop += 1) {
      const [x, y] = [Math.floor(random() * width), Math.floor(random() * height)];
      for (let row = y; row < Math.min(height, y + 18); row += 1) (data[row * width + x] as number) += 60;
    }
  };
}

/** The seconds in a corner, as cameras write them into their pictures: two digits of 16 × 24 pixels. */
export function clock(): Happening {
  const [high, wide] = [24, 16];
  return ({ data, width, height }, second) => {
    [Math.floor(second / 10) % 6, Math.floor(second) % 10].forEach((digit, place) => {
      for (let y = 0; y < high; y += 1)
        for (let x = 0; x < wide; x += 1) {
          const lit = (digit * 7 + Math.floor(y / 5) * 3 + Math.floor(x / 4) * 5) % 3 === 0;
          data[(height - 40 + y) * width + width - 60 + place * 20 + x] = lit ? 250 : 15;
        }
    });
  };
}

/** The camera turns: all that is in the room moves to the left, round and round, in pixels a second. */
export function turning(speed: number): Happening {
  return ({ data, width, height }, second) => {
    const by = Math.round(second * speed) % width;
    for (let y = 0; y < height; y += 1) {
      const row = data.slice(y * width, (y + 1) * width);
      for (let x = 0; x < width; x += 1) data[y * width + x] = row[(x + by) % width] as number;
    }
  };
}
