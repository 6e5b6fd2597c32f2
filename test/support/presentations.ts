/**
 * Pictures of heads that turn and of flat or bent pictures that are turned before a camera, rendered from photos. No
 * camera saw them: what is measured on them is simulated. A photo is laid over a surface, the surface is turned, and
 * seen in perspective with a sensor's noise.
 */
import sharp from "sharp";
import { eyesIn } from "../../lib/align/chip";
import type { Pixels } from "../../lib/image/pixels";
import type { Point } from "../../lib/message";
import { numbers } from "./moving-scene";

/** A photo of somebody who looks into the camera, and their landmarks in it. */
export interface Sitter {
  pixels: Pixels;
  landmarks: readonly Point[];
}

export const SPECIES = ["head", "print", "bent print", "screen"] as const;
export type Species = (typeof SPECIES)[number];

/** Degrees; yaw over 0 turns to the right of the picture, pitch over 0 up, roll over 0 clockwise. */
export interface Turn {
  yaw: number;
  pitch: number;
  roll: number;
}

/** Millimetres: x to the right, y down, z to the camera; the origin lies between the eyes. */
type Place = readonly [x: number, y: number, z: number];

/** Mean distance between the pupils, millimetres (Dodgson 2004, Variation and extrema of human IPD). */
const EYES_MM = 63;
/** Side of the frames, pixels. */
export const SIDE = 400;
/** Between points of the surface, pixels of the photo at a distance of 60 pixels between the eyes. */
const STEP = 4;
const CHANNELS = 3;

/** What differs from head to head, and from presentation to presentation. */
interface Build {
  /** How far the nose's tip stands out, millimetres: about 20 in adults (Farkas 1994, sn-prn). */
  nose: number;
  /** Half of the head's width, height and depth before the ears. */
  half: Place;
  /** Of the bend, millimetres, and its axis in degrees: 0 is upright. */
  radius: number;
  axis: number;
  /** From the camera, millimetres. */
  distance: number;
  /** Pixels a unit of x/z. */
  focal: number;
  noise: number;
  moire: { strength: number; angle: number; period: number };
  banding: number;
}

interface Mesh {
  places: Place[];
  photo: Point[];
  columns: number;
  rows: number;
  inside: boolean[];
}

/** A presentation: renders it as it is turned. The same seed gives the same pictures. */
export class Presentation {
  readonly #sitter: Sitter;
  readonly #species: Species;
  readonly #random: () => number;
  readonly #build: Build;
  readonly #mesh: Mesh;
  readonly #backdrop: Promise<Pixels>;
  #count = 0;

  constructor(sitter: Sitter, species: Species, seed: number) {
    this.#sitter = sitter;
    this.#species = species;
    this.#random = numbers(seed);
    const between = (low: number, high: number): number => low + (high - low) * this.#random();
    const distance = between(450, 800);
    this.#build = {
      nose: between(15, 21),
      half: [between(68, 76), between(105, 118), between(60, 80)],
      radius: between(45, 120),
      axis: this.#random() < 0.7 ? between(-15, 15) : between(-90, 90),
      distance,
      focal: (between(48, 75) * distance) / EYES_MM,
      noise: between(1, 4),
      moire: { strength: between(0.05, 0.2), angle: between(0, Math.PI), period: between(3, 12) },
      banding: between(0.03, 0.12),
    };
    this.#mesh = this.#meshOf();
    this.#backdrop = this.#blurred();
  }

  /** The next frame, as a JPEG. */
  async frame(turn: Turn): Promise<Buffer> {
    const data = Uint8Array.from((await this.#backdrop).data);
    this.#draw(data, turn);
    if (this.#species === "screen") this.#glow(data);
    this.#grain(data);
    this.#count += 1;
    return sharp(data, { raw: { width: SIDE, height: SIDE, channels: CHANNELS } })
      .jpeg({ quality: 85 })
      .toBuffer();
  }

  /** How deep the surface is there. */
  #depth(x: number, y: number): number {
    const { nose, half } = this.#build;
    const [a, b, c] = half;
    const inside = 1 - (x / a) ** 2 - ((y - 20) / b) ** 2;
    const bump = (dx: number, dy: number, w: number, h: number): number => Math.exp(-((dx / w) ** 2 + (dy / h) ** 2));
    const head = c * Math.sqrt(Math.max(0, inside));
    const sockets = -3 * (bump(x - EYES_MM / 2, y, 14, 8) + bump(x + EYES_MM / 2, y, 14, 8));
    const at = (index: number): Point => this.#inMillimetres(this.#sitter.landmarks[index] as Point);
    const [root, tip, base, lip] = [27, 30, 33, 51].map(at) as [Point, Point, Point, Point];
    const along = (from: Point, to: Point): number => (y - from.y) / (to.y - from.y);
    const height =
      y < root.y
        ? 4 * Math.exp(-(((y - root.y) / 12) ** 2))
        : y < tip.y
          ? 4 + (nose - 4) * along(root, tip)
          : y < base.y
            ? nose + (0.4 * nose - nose) * along(tip, base)
            : 0.4 * nose * Math.max(0, 1 - along(base, lip));
    const ridge = y < tip.y ? root.x + (tip.x - root.x) * Math.max(0, along(root, tip)) : tip.x;
    const width = 8 + 5 * Math.min(1, Math.max(0, along(root, tip)));
    const mouth = this.#inMillimetres(this.#sitter.landmarks[66] as Point);
    return (
      head + sockets + height * Math.exp(-(((x - ridge) / width) ** 2)) + 4 * bump(x - mouth.x, y - mouth.y, 25, 12)
    );
  }

  #inMillimetres({ x, y }: Point): Point {
    const { leftEye, rightEye } = eyesIn(this.#sitter.landmarks);
    const scale = EYES_MM / Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y);
    return { x: (x - (leftEye.x + rightEye.x) / 2) * scale, y: (y - (leftEye.y + rightEye.y) / 2) * scale };
  }

  #meshOf(): Mesh {
    const { width, height } = this.#sitter.pixels;
    const { leftEye, rightEye } = eyesIn(this.#sitter.landmarks);
    const step = (STEP * Math.hypot(rightEye.x - leftEye.x, rightEye.y - leftEye.y)) / 60;
    const columns = Math.floor((width - 2) / step) + 1;
    const rows = Math.floor((height - 2) / step) + 1;
    const photo = Array.from({ length: columns * rows }, (_, index) => ({
      x: (index % columns) * step,
      y: Math.floor(index / columns) * step,
    }));
    const flat = photo.map((point) => this.#inMillimetres(point));
    const [a, b] = this.#build.half;
    const inside = flat.map(({ x, y }) => this.#species !== "head" || (x / a) ** 2 + ((y - 20) / b) ** 2 < 0.97);
    const top = this.#species === "head" ? this.#depth(0, 0) : 0;
    const places = flat.map(({ x, y }): Place => {
      if (this.#species === "head") return [x, y, this.#depth(x, y) - top];
      return this.#species === "bent print" ? this.#bent(x, y) : [x, y, 0];
    });
    return { places, photo, columns, rows, inside };
  }

  /** On a cylinder, its ridge through the middle of the face. */
  #bent(x: number, y: number): Place {
    const { radius, axis } = this.#build;
    const [cos, sin] = [Math.cos((axis * Math.PI) / 180), Math.sin((axis * Math.PI) / 180)];
    const middle = 30;
    const across = x * cos + (y - middle) * sin;
    const along = -x * sin + (y - middle) * cos;
    // Nobody rolls a print up further.
    const angle = Math.max(-1.4, Math.min(1.4, across / radius));
    const over = across - angle * radius;
    const bentAcross = radius * Math.sin(angle) + over * Math.cos(angle);
    const z = radius * (Math.cos(angle) - 1) - Math.abs(over) * Math.sin(Math.abs(angle));
    return [bentAcross * cos - along * sin, middle + bentAcross * sin + along * cos, z];
  }

  async #blurred(): Promise<Pixels> {
    const { data, width, height } = this.#sitter.pixels;
    const shown = await sharp(data, { raw: { width, height, channels: CHANNELS } })
      .resize(SIDE, SIDE, { fit: "fill" })
      .blur(14)
      .raw()
      .toBuffer();
    return { data: Uint8Array.from(shown), width: SIDE, height: SIDE };
  }

  #draw(out: Uint8Array, { yaw, pitch, roll }: Turn): void {
    const { distance, focal } = this.#build;
    const { places, photo, columns, rows, inside } = this.#mesh;
    const radians = Math.PI / 180;
    const [cy, sy] = [Math.cos(yaw * radians), Math.sin(yaw * radians)];
    const [cp, sp] = [Math.cos(pitch * radians), Math.sin(pitch * radians)];
    const [cr, sr] = [Math.cos(roll * radians), Math.sin(roll * radians)];
    // A head turns about the neck.
    const pivot = this.#species === "head" ? -80 : 0;
    const seen = places.map(([x, y, z]): Place => {
      const depth = z - pivot;
      const [x1, z1] = [x * cy + depth * sy, -x * sy + depth * cy];
      const [y2, z2] = [y * cp - z1 * sp, y * sp + z1 * cp];
      const [x3, y3] = [x1 * cr - y2 * sr, x1 * sr + y2 * cr];
      const away = distance - (z2 + pivot);
      return [SIDE / 2 + (focal * x3) / away, SIDE * 0.42 + (focal * y3) / away, away];
    });
    const nearest = new Float32Array(SIDE * SIDE).fill(Infinity);
    for (let row = 0; row < rows - 1; row += 1)
      for (let column = 0; column < columns - 1; column += 1) {
        const at = row * columns + column;
        const corners = [at, at + 1, at + columns, at + columns + 1];
        if (!corners.every((corner) => inside[corner])) continue;
        for (const [i, j, k] of [
          [0, 1, 2],
          [1, 3, 2],
        ] as const) {
          const ids = [corners[i], corners[j], corners[k]] as [number, number, number];
          fill(
            out,
            nearest,
            this.#sitter.pixels,
            ids.map((id) => seen[id] as Place),
            ids.map((id) => photo[id] as Point),
          );
        }
      }
  }

  /** Rows of the screen against those of the sensor, and its refresh against the exposure. */
  #glow(out: Uint8Array): void {
    const { moire, banding } = this.#build;
    const phase = this.#count * 1.7;
    for (let y = 0, at = 0; y < SIDE; y += 1)
      for (let x = 0; x < SIDE; x += 1) {
        const along = x * Math.cos(moire.angle) + y * Math.sin(moire.angle);
        const factor =
          1 +
          moire.strength * Math.sin((2 * Math.PI * along) / moire.period + phase) +
          banding * Math.sin((2 * Math.PI * y) / 90 + phase * 2.3);
        for (let channel = 0; channel < CHANNELS; channel += 1, at += 1)
          out[at] = Math.max(0, Math.min(255, (out[at] as number) * factor));
      }
  }

  #grain(out: Uint8Array): void {
    const { noise } = this.#build;
    const random = this.#random;
    for (let at = 0; at < out.length; at += 1)
      out[at] = Math.max(0, Math.min(255, (out[at] as number) + noise * (random() + random() + random() - 1.5) * 2));
  }
}

/** A triangle of the surface, its photo's pixels read bilinearly. */
function fill(
  out: Uint8Array,
  nearest: Float32Array,
  photo: Pixels,
  at: readonly Place[],
  from: readonly Point[],
): void {
  const [a, b, c] = at as [Place, Place, Place];
  const [p, q, r] = from as [Point, Point, Point];
  const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  // Seen from behind.
  if (!(area > 1e-9)) return;
  const left = Math.max(0, Math.ceil(Math.min(a[0], b[0], c[0])));
  const right = Math.min(SIDE - 1, Math.floor(Math.max(a[0], b[0], c[0])));
  const top = Math.max(0, Math.ceil(Math.min(a[1], b[1], c[1])));
  const bottom = Math.min(SIDE - 1, Math.floor(Math.max(a[1], b[1], c[1])));
  for (let y = top; y <= bottom; y += 1)
    for (let x = left; x <= right; x += 1) {
      const wb = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area;
      const wc = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area;
      const wa = 1 - wb - wc;
      if (wa < -1e-6 || wb < -1e-6 || wc < -1e-6) continue;
      const away = wa * a[2] + wb * b[2] + wc * c[2];
      const to = y * SIDE + x;
      if (away >= (nearest[to] as number)) continue;
      nearest[to] = away;
      read(photo, wa * p.x + wb * q.x + wc * r.x, wa * p.y + wb * q.y + wc * r.y, out, to * CHANNELS);
    }
}

function read({ data, width, height }: Pixels, x: number, y: number, out: Uint8Array, to: number): void {
  const left = Math.max(0, Math.min(width - 2, Math.floor(x)));
  const top = Math.max(0, Math.min(height - 2, Math.floor(y)));
  const fx = Math.max(0, Math.min(1, x - left));
  const fy = Math.max(0, Math.min(1, y - top));
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    const at = (top * width + left) * CHANNELS + channel;
    const below = at + width * CHANNELS;
    out[to + channel] =
      (1 - fy) * ((1 - fx) * (data[at] as number) + fx * (data[at + CHANNELS] as number)) +
      fy * ((1 - fx) * (data[below] as number) + fx * (data[below + CHANNELS] as number));
  }
}
