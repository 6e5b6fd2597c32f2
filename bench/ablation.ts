/**
 * What each lever is worth: one at a time changed from what the package does, on the same photos, paired. The stages
 * are those of the
 * package; they are called here one by one, so that each can be exchanged.
 */
import sharp from "sharp";
import { alignFaces } from "../lib/align/aligner";
import { fitChip } from "../lib/align/chip";
import { LANDMARK_COUNT, LANDMARK_INPUT, LandmarkNet } from "../lib/align/landmark-net";
import { apply, type Similarity, warp } from "../lib/image/transform";
import { overlap } from "../lib/detect/boxes";
import type { Detection } from "../lib/detect/detector";
import { type HaarOptions, haarOptionsSchema } from "../lib/detect/haar/options";
import { PRESETS } from "../lib/detect/haar/presets";
import { WasmDetector } from "../lib/detect/haar/wasm";
import { euclideanDistance } from "../lib/embed/distance";
import { CHIP_SIDE, DlibResNet } from "../lib/embed/dlib-resnet";
import { decode } from "../lib/image/decode";
import type { Pixels } from "../lib/image/pixels";
import type { Box, Point } from "../lib/message";
import { tensorEngine } from "../lib/tensor/engine";
import { groupPhoto } from "../test/support/photos";
import { countEyes, type EyeCheck, eyeChecks, ENLARGED } from "./eyes";
import { prominence, readable, readFolders } from "./photos";
import { byGroups, equalErrorRate, mcnemar, mean, operatingPoint, rankOne } from "./statistics";

type Search =
  "default" | "fine" | "eager" | "doubled" | "alt2" | "profile" | "profile, mirrored" | "from 40 px" | "live";
type Choice = keyof typeof CHOICES | "mean face";

interface Lever {
  name: string;
  searches: readonly Search[];
  /**
   * How landmarks are found: by one look at the box, as the mean of two, or of two and then again on the upright face.
   */
  looks: "one" | "two" | "upright";
  /** Mean with the embedding of the mirrored chip. */
  flip: "no" | "at enrolment" | "always";
  /** Mean of five shifted, turned and scaled chips, at enrolment only. */
  jitter: boolean;
  choice: Choice;
  /** A box without eyes does not count. */
  eyes?: EyeCheck;
}

const BASE: Lever = {
  name: "as it is",
  searches: ["default"],
  looks: "upright",
  flip: "no",
  jitter: false,
  choice: "large and central",
};

const LEVERS: readonly Lever[] = [
  BASE,
  { ...BASE, name: "one look at the landmarks", looks: "one" },
  { ...BASE, name: "mean of two looks, none upright", looks: "two" },
  { ...BASE, name: "mean with the mirrored chip", flip: "always" },
  { ...BASE, name: "the same at enrolment only", flip: "at enrolment" },
  { ...BASE, name: "five jitters at enrolment", jitter: true },
  { ...BASE, name: "jitters and mirrored, at enrolment", jitter: true, flip: "at enrolment" },
  { ...BASE, name: "jitters, always mirrored", jitter: true, flip: "always" },
  { ...BASE, name: "scale step 1.05", searches: ["fine"] },
  { ...BASE, name: "3 neighbours instead of 5", searches: ["eager"] },
  { ...BASE, name: "faces from 40 px only", searches: ["from 40 px"] },
  { ...BASE, name: "as live frames are searched", searches: ["live"] },
  { ...BASE, name: "also at twice the size", searches: ["default", "doubled"] },
  { ...BASE, name: "also cascade alt2", searches: ["default", "alt2"] },
  { ...BASE, name: "also profiles, both ways", searches: ["default", "profile", "profile, mirrored"] },
  { ...BASE, name: "choice by score", choice: "score" },
  { ...BASE, name: "choice by size", choice: "size" },
  { ...BASE, name: "choice by the picture's centre", choice: "centre" },
  { ...BASE, name: "choice by landmark fit", choice: "landmark fit" },
  { ...BASE, name: "choice by distance to the mean face", choice: "mean face" },
];

const SEARCHES: Record<Search, Partial<HaarOptions>> = {
  default: {},
  fine: { scaleFactor: 1.05 },
  eager: { minNeighbors: 3 },
  doubled: {},
  alt2: { cascade: "frontalface_alt2" },
  profile: { cascade: "profileface" },
  "profile, mirrored": { cascade: "profileface" },
  "from 40 px": { minSize: 40 },
  live: { ...PRESETS.tracking, minSize: 40 },
};

/** The group photos are scaled to this width, in pixels. */
const GROUP_WIDTH = 960;
/** Boxes that overlap more than this are one face. */
const SAME_FACE = 0.4;
/** As in lib/align: two looks at the box, and how well landmarks must fit. */
const BOX_LOOKS = [
  { side: 1, right: 0, down: 0.05 },
  { side: 1.15, right: 0.05, down: 0.02 },
] as const;
const MAX_RESIDUAL = 0.085;
/** Five ways to lay the chip: turned by degrees, shifted by a fraction of its side, scaled. */
const JITTERS = [
  { turn: 0, x: 0, y: 0, scale: 1 },
  { turn: 4, x: 0.02, y: 0, scale: 1 },
  { turn: -4, x: -0.02, y: 0, scale: 1 },
  { turn: 0, x: 0, y: 0.02, scale: 1.05 },
  { turn: 0, x: 0, y: -0.02, scale: 0.95 },
] as const;

interface Timed<T> {
  value: T;
  milliseconds: number;
}

/** Each step of each photo is done once and remembered with what it cost, so that every lever pays for all it uses. */
class Steps {
  readonly #known = new Map<string, Timed<unknown>>();

  async get<T>(key: string, work: () => T | Promise<T>): Promise<Timed<T>> {
    const known = this.#known.get(key);
    if (known !== undefined) return known as Timed<T>;
    const start = performance.now();
    const timed = { value: await work(), milliseconds: performance.now() - start };
    this.#known.set(key, timed);
    return timed;
  }
}

interface Placed {
  detection: Detection;
  key: string;
  landmarks: Point[];
}

/** What one lever makes of one photo. */
interface Encoded {
  probe: Float32Array;
  enrolled: Float32Array;
}

class Bench {
  readonly #detector: WasmDetector;
  readonly #landmarks: LandmarkNet;
  readonly #resnet: DlibResNet;
  /** Mean embedding of the faces in the group photos, which are none of the photos that are judged on. */
  #meanFace: Float32Array | undefined;

  private constructor(detector: WasmDetector, landmarks: LandmarkNet, resnet: DlibResNet) {
    this.#detector = detector;
    this.#landmarks = landmarks;
    this.#resnet = resnet;
  }

  static async load(): Promise<Bench> {
    const tf = await tensorEngine("wasm");
    const bench = new Bench(await WasmDetector.load(), await LandmarkNet.load(tf), await DlibResNet.load(tf));
    bench.#meanFace = average(await bench.#groupFaces());
    return bench;
  }

  async encode(
    bytes: Buffer,
    lever: Lever,
    steps: Steps,
  ): Promise<{ encoded: Encoded | undefined; milliseconds: number }> {
    let milliseconds = 0;
    const paid = async <T>(key: string, work: () => T | Promise<T>): Promise<T> => {
      const timed = await steps.get(key, work);
      milliseconds += timed.milliseconds;
      return timed.value;
    };
    const pixels = await paid("pixels", () => decode({ bytes: Uint8Array.from(bytes), raw: undefined }));
    const found: Detection[][] = [];
    for (const search of lever.searches)
      found.push(await paid(`search ${search}`, () => this.#search(bytes, pixels, search)));
    const placed: Placed[] = [];
    for (const detection of merge(found.flat())) {
      const { x, y, width } = detection.box;
      const { eyes } = lever;
      if (
        eyes !== undefined &&
        (await paid(`eyes ${eyes.cascade} ${eyes.enlarged} ${x},${y},${width}`, () =>
          countEyes(this.#detector, pixels, detection.box, eyes),
        )) < eyes.least
      )
        continue;
      const key = `${lever.looks} ${x},${y},${width}`;
      const landmarks = await paid(`landmarks ${key}`, () => this.#place(pixels, detection.box, lever.looks));
      if (landmarks !== undefined) placed.push({ detection, key, landmarks });
    }
    const embedding = (face: Placed): Promise<Float32Array> =>
      paid(`embedding ${face.key}`, () => this.#embed(pixels, face, JITTERS.slice(0, 1), false));
    let chosen: Placed | undefined;
    let best = -Infinity;
    for (const face of placed) {
      const worth =
        lever.choice === "mean face"
          ? -euclideanDistance(await embedding(face), this.#meanFace as Float32Array)
          : CHOICES[lever.choice](face, pixels);
      if (worth > best) [best, chosen] = [worth, face];
    }
    if (chosen === undefined) return { encoded: undefined, milliseconds };
    const face = chosen;
    const plain = await embedding(face);
    const mirrored = (): Float32Array => this.#embed(pixels, face, JITTERS.slice(0, 1), true);
    const probe = lever.flip === "always" ? average([plain, await paid(`mirrored ${face.key}`, mirrored)]) : plain;
    if (!lever.jitter && lever.flip !== "at enrolment") return { encoded: { probe, enrolled: probe }, milliseconds };
    // Enrolment is not what a frame pays for.
    const { value: enrolled } = await steps.get(`enrolled ${lever.jitter} ${lever.flip} ${face.key}`, () => {
      const straight = lever.jitter ? this.#embed(pixels, face, JITTERS, false) : plain;
      return lever.flip === "no"
        ? straight
        : average([straight, lever.jitter ? this.#embed(pixels, face, JITTERS, true) : mirrored()]);
    });
    return { encoded: { probe, enrolled }, milliseconds };
  }

  async #search(bytes: Buffer, pixels: Pixels, search: Search): Promise<Detection[]> {
    const options = haarOptionsSchema.parse(SEARCHES[search]);
    if (search === "doubled") {
      const doubled = await decode({
        bytes: Uint8Array.from(
          await sharp(bytes)
            .resize({ width: 2 * pixels.width, kernel: "cubic" })
            .png()
            .toBuffer(),
        ),
        raw: undefined,
      });
      return this.#detector.detect(doubled, options).map(({ box: { x, y, width, height }, score }) => ({
        box: { x: x / 2, y: y / 2, width: width / 2, height: height / 2 },
        score,
      }));
    }
    if (search === "profile, mirrored") {
      const mirrored = await decode({
        bytes: Uint8Array.from(await sharp(bytes).flop().png().toBuffer()),
        raw: undefined,
      });
      return this.#detector
        .detect(mirrored, options)
        .map(({ box, score }) => ({ box: { ...box, x: pixels.width - box.x - box.width }, score }));
    }
    return this.#detector.detect(pixels, options);
  }

  /** Landmarks, or undefined where they do not fit a face. */
  async #place(pixels: Pixels, box: Box, looks: Lever["looks"]): Promise<Point[] | undefined> {
    if (looks === "upright") {
      const [aligned] = await alignFaces(this.#landmarks, pixels, [{ box }], { minSize: 20, minSharpness: 0 });
      return aligned === undefined || aligned.rejected !== undefined ? undefined : aligned.landmarks;
    }
    const found = BOX_LOOKS.slice(0, looks === "one" ? 1 : 2).map(({ side, right, down }) => {
      const a = (Math.max(box.width, box.height) * side) / LANDMARK_INPUT;
      const half = (a * (LANDMARK_INPUT - 1)) / 2;
      return this.#look(pixels, {
        a,
        b: 0,
        tx: box.x + box.width * (0.5 + right) - half,
        ty: box.y + box.height * (0.5 + down) - half,
      });
    });
    const landmarks = (found[0] as Point[]).map((_, index) => ({
      x: mean(found.map((points) => (points[index] as Point).x)),
      y: mean(found.map((points) => (points[index] as Point).y)),
    }));
    return fitChip(landmarks, CHIP_SIDE).residual <= MAX_RESIDUAL ? landmarks : undefined;
  }

  #look(pixels: Pixels, look: Similarity): Point[] {
    const [fractions] = this.#landmarks.run([warp(pixels, look, LANDMARK_INPUT)]) as [Float32Array];
    return Array.from({ length: LANDMARK_COUNT }, (_, index) =>
      apply(look, {
        x: (fractions[2 * index] as number) * LANDMARK_INPUT - 0.5,
        y: (fractions[2 * index + 1] as number) * LANDMARK_INPUT - 0.5,
      }),
    );
  }

  #embed(
    pixels: Pixels,
    { landmarks }: Placed,
    jitters: readonly (typeof JITTERS)[number][],
    mirrored: boolean,
  ): Float32Array {
    const { toPicture } = fitChip(landmarks, CHIP_SIDE);
    const chips = jitters.map((jitter) => warp(pixels, compose(toPicture, jitter, CHIP_SIDE), CHIP_SIDE));
    return average(this.#resnet.run(mirrored ? chips.map(mirror) : chips));
  }

  async #groupFaces(): Promise<Float32Array[]> {
    const faces: Float32Array[] = [];
    for (const { pixels, detection } of await this.#groupBoxes()) {
      const landmarks = await this.#place(pixels, detection.box, "upright");
      if (landmarks !== undefined)
        faces.push(this.#embed(pixels, { detection, key: "", landmarks }, JITTERS.slice(0, 1), false));
    }
    return faces;
  }

  async #groupBoxes(): Promise<{ pixels: Pixels; detection: Detection }[]> {
    const boxes: { pixels: Pixels; detection: Detection }[] = [];
    for (const index of [1, 2, 3, 4, 5, 6] as const) {
      const pixels = await decode({
        bytes: Uint8Array.from(await sharp(groupPhoto(index)).resize(GROUP_WIDTH).jpeg().toBuffer()),
        raw: undefined,
      });
      for (const detection of this.#detector.detect(pixels, haarOptionsSchema.parse({})))
        boxes.push({ pixels, detection });
    }
    return boxes;
  }

  /** What eye checks take away on the group photos, beside the alignment gate, which says what is a face there. */
  async eyesOnGroups(checks: readonly EyeCheck[]): Promise<string> {
    const boxes = await Promise.all(
      (await this.#groupBoxes()).map(async ({ pixels, detection: { box } }) => {
        const [aligned] = await alignFaces(this.#landmarks, pixels, [{ box }], { minSize: 0, minSharpness: 0 });
        return {
          isFace: aligned?.rejected === undefined,
          passed: checks.map((check) => countEyes(this.#detector, pixels, box, check) >= check.least),
        };
      }),
    );
    const [faces, falses] = [true, false].map((wanted) => boxes.filter(({ isFace }) => isFace === wanted)) as [
      typeof boxes,
      typeof boxes,
    ];
    const without = (of: typeof boxes, index: number): number =>
      of.filter(({ passed }) => passed[index] !== true).length;
    return [
      `Six group photos, ${GROUP_WIDTH} px wide: ${boxes.length} boxes, of which the alignment gate alone ` +
        `takes ${faces.length} for faces and removes ${falses.length} as false. The eye check in its stead:`,
      ...checks.map(
        ({ name }, index) =>
          `${name.padEnd(NAME_WIDTH)} ${String(without(falses, index)).padStart(3)} of the false boxes ` +
          `removed, ${without(faces, index)} of the faces lost`,
      ),
    ].join("\n");
  }
}

/** The similarity after the chip was turned, scaled and shifted about its middle. */
function compose(
  place: Similarity,
  { turn, x, y, scale }: { turn: number; x: number; y: number; scale: number },
  side: number,
): Similarity {
  const angle = (turn * Math.PI) / 180;
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const middle = (side - 1) / 2;
  const [shiftX, shiftY] = [
    middle + x * side - (c * middle - s * middle),
    middle + y * side - (s * middle + c * middle),
  ];
  const moved = apply(place, { x: shiftX, y: shiftY });
  return { a: place.a * c - place.b * s, b: place.b * c + place.a * s, tx: moved.x, ty: moved.y };
}

function mirror(chip: Float32Array): Float32Array {
  return chip.map((_, index) => {
    const pixel = Math.floor(index / 3);
    const row = Math.floor(pixel / CHIP_SIDE);
    return chip[(row * CHIP_SIDE + CHIP_SIDE - 1 - (pixel - row * CHIP_SIDE)) * 3 + (index % 3)] as number;
  });
}

function average(vectors: readonly Float32Array[]): Float32Array {
  return (vectors[0] as Float32Array).map((_, index) => mean(vectors.map((vector) => vector[index] as number)));
}

/** Boxes of one face from several searches become the surest of them, with all their scores. */
function merge(detections: readonly Detection[]): Detection[] {
  const merged: Detection[] = [];
  for (const detection of detections.toSorted((a, b) => b.score - a.score)) {
    const same = merged.find(({ box }) => overlap(box, detection.box) > SAME_FACE);
    if (same === undefined) merged.push({ ...detection });
    else same.score += detection.score;
  }
  return merged;
}

/** What makes a face of several the one that is meant; the largest worth wins. */
const CHOICES = {
  "large and central": ({ detection: { box } }: Placed, pixels: Pixels): number => prominence(box, pixels),
  score: ({ detection: { score } }: Placed): number => score,
  size: ({ detection: { box } }: Placed): number => box.width,
  centre: ({ detection: { box } }: Placed, { width, height }: Pixels): number =>
    -Math.hypot(box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2),
  "landmark fit": ({ landmarks }: Placed): number => -fitChip(landmarks, CHIP_SIDE).residual,
};

const FMRS = [0.01, 0.001] as const;
/** Of a lever's name in the table, in characters. */
const NAME_WIDTH = 42;
const DRAWS = 20;

interface Judged {
  people: readonly string[];
  genuine: { a: number; b: number; distance: number }[];
  /** Ascending. */
  impostor: Float32Array;
  rankOne: number;
}

function judge(people: readonly string[], photos: readonly (Encoded | undefined)[]): Judged {
  const distance = (probe: number, enrolled: number): number => {
    const [a, b] = [photos[probe], photos[enrolled]];
    return a === undefined || b === undefined ? Infinity : euclideanDistance(a.probe, b.enrolled);
  };
  const genuine: Judged["genuine"] = [];
  const impostor: number[] = [];
  people.forEach((person, a) => {
    for (let b = 0; b < a; b += 1) {
      if (person === people[b]) genuine.push({ a, b, distance: distance(a, b) });
      else impostor.push(distance(a, b));
    }
  });
  return {
    people,
    genuine,
    impostor: Float32Array.from(impostor).sort(),
    rankOne: mean(rankOne({ people, distance }, DRAWS).shares),
  };
}

/** 95 % interval of the difference of two TMRs on the same pairs, drawing people with replacement. */
function differenceByPeople(
  ours: Judged,
  base: Judged,
  taus: readonly [number, number],
): { low: number; high: number } {
  // Hits gained less hits lost, which may be below 0.
  const groups = new Map<string, { hits: number; total: number }>();
  ours.genuine.forEach(({ a, distance }, index) => {
    const group = groups.get(ours.people[a] as string) ?? { hits: 0, total: 0 };
    const before = (base.genuine[index] as { distance: number }).distance;
    group.hits += Number(distance <= taus[0]) - Number(before <= taus[1]);
    group.total += 1;
    groups.set(ours.people[a] as string, group);
  });
  return byGroups([...groups.values()]);
}

const percent = (share: number): string => (100 * share).toFixed(2);
const signed = (points: number): string => `${points < 0 ? "−" : "+"}${(100 * Math.abs(points)).toFixed(1)}`;

/**
 * Print the table of levers.
 * @param root a folder with a folder of photos for each person
 * @param eyes paths of OpenCV's eye cascades; without any, eyes as a check are left out
 */
export async function ablate(root: string, eyes: readonly string[]): Promise<void> {
  const bench = await Bench.load();
  const checks = eyeChecks(eyes);
  const levers = [...LEVERS, ...checks.map((check) => ({ ...BASE, name: check.name, eyes: check }))];
  const files = await readable(readFolders(root));
  const people = files.map(({ person }) => person);
  const results: { encoded: (Encoded | undefined)[]; milliseconds: number }[] = levers.map(() => ({
    encoded: [],
    milliseconds: 0,
  }));
  for (const { bytes } of files) {
    // Photo by photo, so that only one photo's steps are remembered.
    const steps = new Steps();
    for (const [index, lever] of levers.entries()) {
      const result = results[index] as (typeof results)[number];
      const { encoded, milliseconds } = await bench.encode(bytes, lever, steps);
      result.encoded.push(encoded);
      result.milliseconds += milliseconds;
    }
  }
  console.log(
    `${files.length} photos of ${new Set(people).size} people; each lever alone against the first line, on ` +
      `the same pairs. "As it is": one cascade, two looks and an upright one, of several faces the large and ` +
      "central one.",
  );
  console.log(
    '"As live frames are searched": faces from 40 px, 3 neighbours, the working width taken from that face.',
  );
  if (checks.length > 0)
    console.log(
      `"Eyes": a box counts only if an eye (or two) is found in its upper part; "enlarged" to a box of ` +
        `${ENLARGED} px before, since the eyes of a face of 100 px are but as large as the cascade's window.`,
    );
  console.log(
    "won, lost: genuine pairs at that FMR, with McNemar's p; then the difference in points of TMR with its 95 " +
      "% interval by people: one that holds 0 is noise. Time without enrolment.",
  );
  console.log(
    `${"".padEnd(NAME_WIDTH)} no face  EER %  rank-1 %      ms ` +
      FMRS.map((fmr) => `| ${`TMR@${100 * fmr} %`.padStart(9)}  won lost     p          difference `).join(""),
  );
  const judged = results.map(({ encoded }) => judge(people, encoded));
  for (const [index, { name }] of levers.entries()) {
    const { encoded, milliseconds } = results[index] as (typeof results)[number];
    const now = judged[index] as Judged;
    const genuine = Float32Array.from(now.genuine, ({ distance }) => distance).sort();
    const cells = [
      name.padEnd(NAME_WIDTH),
      String(encoded.filter((photo) => photo === undefined).length).padStart(7),
      percent(equalErrorRate(genuine, now.impostor).eer).padStart(6),
      percent(now.rankOne).padStart(9),
      (milliseconds / files.length).toFixed(0).padStart(7),
    ];
    console.log(cells.join(" "), FMRS.map((fmr) => compare(now, judged[0] as Judged, fmr)).join(" "));
  }
  console.log(
    eyes.length === 0
      ? "Eyes as a check are left out: they need --eyes FILE, an eye cascade of OpenCV's (haarcascade_eye.xml)."
      : await bench.eyesOnGroups(checks),
  );
}

/** TMR of one lever at an FMR, and how it differs from the other's on the same pairs. */
function compare(now: Judged, before: Judged, fmr: number): string {
  const taus = [operatingPoint(now.impostor, fmr).threshold, operatingPoint(before.impostor, fmr).threshold] as const;
  let [hits, won, lost] = [0, 0, 0];
  now.genuine.forEach(({ distance }, pair) => {
    const is = distance <= taus[0];
    const was = (before.genuine[pair] as { distance: number }).distance <= taus[1];
    hits += Number(is);
    won += Number(is && !was);
    lost += Number(!is && was);
  });
  const { low, high } = differenceByPeople(now, before, taus);
  return (
    `| ${percent(hits / now.genuine.length).padStart(9)} ${String(won).padStart(4)} ${String(lost).padStart(4)} ` +
    `${mcnemar(won, lost).toFixed(3)} ` +
    `${signed((won - lost) / now.genuine.length)} [${signed(low)}, ${signed(high)}]`.padStart(19)
  );
}
