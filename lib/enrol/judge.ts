/** Is a photo good enough to be kept as a person's? Pure; the bounds were measured on the photos the comments name. */
import { z } from "zod";
import { distanceText } from "../format";
import { euclideanDistance } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import { FOUND_BY, type Candidate, type Face, type Quality } from "../message";
import { measureOf } from "../search/crowd";
import { phrase, type Sentence, worded, type Worded } from "../words/sentence";

const findingCodeSchema = z.enum([
  "no_face",
  "several_faces",
  "too_small",
  "blurry",
  "turned_away",
  "too_dark",
  "too_bright",
  "near_duplicate",
  "near_left_out",
  "resembles",
  "unlike",
]);
export type FindingCode = z.infer<typeof findingCodeSchema>;

const severitySchema = z
  .enum(["refuse", "ask"])
  .describe("refuse: the photo is not kept; ask: it is kept when somebody says so");
export type Severity = z.infer<typeof severitySchema>;

const findingSchema = z.object({
  code: findingCodeSchema,
  message: z.string().describe("A sentence that says what to do"),
  severity: severitySchema,
});

export type ToldFinding = z.infer<typeof findingSchema>;

export interface Finding extends ToldFinding, Worded {
  /** The same without a name, for logs, where the sentence has one. */
  unnamed?: Sentence;
}

/** A judgement as it is told: without the face it is about. */
export const toldJudgementSchema = z
  .object({
    findings: z.array(findingSchema).describe("All that was found, accepted or not"),
    accepted: z.array(findingCodeSchema).describe("Codes of findings that the caller accepts"),
    verdict: z
      .enum(["keep", "refuse", "ask"])
      .describe("What is left to do when the accepted findings are passed over"),
    foundBy: z
      .enum(FOUND_BY)
      .optional()
      .describe(
        "How the face was found where at first there was none: margin (room around it), larger, lighter or turned",
      ),
  })
  .meta({ id: "Judgement" });
export type ToldJudgement = z.infer<typeof toldJudgementSchema>;

export interface Judgement extends Omit<ToldJudgement, "findings"> {
  /** The one face of the photo that has an embedding; undefined when there is none, or several. */
  face: Face | undefined;
  findings: Finding[];
}

export interface JudgeInput {
  /** Every detection of the photo, as an encoder gives them. */
  faces: readonly Face[];
  /** Embeddings of the person's other photos, of the same model; none for a new person. */
  own: readonly Float32Array[];
  /** … and of those that somebody left out of recognition. */
  leftOut?: readonly Float32Array[];
  /** The person of the gallery nearest to the photo who is somebody else. */
  nearestOther: Pick<Candidate, "name" | "distance"> | null;
  /** τ of the Euclidean distance: how near two photos may be to count as two. */
  threshold: number;
  /** The model's share of τ within which a photo is nearly the same as another. */
  nearDuplicate?: number | undefined;
  /** With it d' and its τ decide whom the face resembles. */
  normalisation?: Normalisation | undefined;
  /** Codes of findings that are to be passed over; it may be anything. */
  accept: readonly string[];
}

/**
 * Least distance between the eyes, in pixels. LFW's photos have 28 to 47; made so small that 20 to 24 are left,
 * embeddings move by
 * 0.12 (median; 0.07 at 24 to 33). In a camera's frame a face may be much smaller; one that others are compared with
 * must be good.
 */
export const MIN_SIZE = 24;

/** Nobody means a face whose eyes are nearer to each other than so many pixels: it is somebody in the background. */
const LEAST_MEANT = 20;

/**
 * Least Quality.blur. Of 100 LFW photos the softest has 8.3; where a Gaussian blur leaves 4 to 6 embeddings move by
 * 0.27, at 10 to 15 by 0.13 (medians).
 */
export const MIN_BLUR = 6;

/**
 * Most degrees from the camera to the side, and up or down. 100 LFW photos have up to 49 and 38, and even these are
 * recognized; the
 * pose is estimated to some ten degrees. Roll is not judged: the chip is turned upright.
 */
export const MAX_YAW = 50;
export const MAX_PITCH = 45;

/**
 * Bounds of Quality.exposure. 100 LFW photos have 84 to 185, a face against the light 60. Underexposed by five stops
 * (to 21),
 * 12 of 30 faces are not found and the others' embeddings move by 0.24; overexposed to 220 to 230 they move by 0.33
 * (medians).
 */
export const MIN_EXPOSURE = 25;
export const MAX_EXPOSURE = 220;

/**
 * A photo this near to one that is there adds nothing, as a share of τ, where the model does not say (descriptor.ts
 * has the figures).
 */
export const NEAR_DUPLICATE = 0.32;

/** Nothing can be embedded, it is not clear whom, or nothing is gained: nobody can wish these away. */
const FINAL: ReadonlySet<FindingCode> = new Set(["no_face", "several_faces", "near_duplicate"]);

/**
 * The faces of a photo as enrolment sees them: a small one, which could be recognized, is no face to know somebody by.
 */
export function forEnrolment(faces: readonly Face[]): Face[] {
  return faces.map((face) =>
    face.embedding !== undefined && face.quality !== undefined && face.quality.size < LEAST_MEANT
      ? { ...face, embedding: undefined, model: undefined, rejected: "too_small" }
      : face,
  );
}

/** @throws a sentence when embeddings differ in length */
export function judgePhoto({
  faces,
  own,
  leftOut = [],
  nearestOther,
  threshold,
  nearDuplicate = NEAR_DUPLICATE,
  normalisation,
  accept,
}: JudgeInput): Judgement {
  const usable = faces.filter(({ embedding }) => embedding !== undefined);
  const [face] = usable;
  if (face === undefined) return judgement(undefined, [refuse("no_face", noFace(faces))], []);
  if (usable.length > 1)
    return judgement(undefined, [refuse("several_faces", phrase("enrol.severalFaces", { faces: usable.length }))], []);
  const findings = [
    ...(face.quality === undefined ? [] : judgeQuality(face.quality)),
    ...judgeLikeness(face.embedding as Float32Array, {
      own,
      leftOut,
      nearestOther,
      threshold,
      nearDuplicate,
      normalisation,
    }),
  ];
  return judgement(face, findings, accept);
}

function refuse(code: FindingCode, sentence: Sentence): Finding {
  return { code, ...worded(sentence), severity: "refuse" };
}

function ask(code: FindingCode, sentence: Sentence): Finding {
  return { code, ...worded(sentence), severity: "ask" };
}

function judgement(face: Face | undefined, findings: Finding[], accept: readonly string[]): Judgement {
  const passes = ({ code }: Finding): boolean => accept.includes(code) && !FINAL.has(code);
  const left = findings.filter((finding) => !passes(finding)).map(({ severity }) => severity);
  return {
    face,
    findings,
    ...(face?.foundBy === undefined ? {} : { foundBy: face.foundBy }),
    accepted: findings.filter(passes).map(({ code }) => code),
    verdict: left.includes("refuse") ? "refuse" : (left[0] ?? "keep"),
  };
}

/** Why there is none: what the alignment gate said of the detections. */
function noFace(faces: readonly Face[]): Sentence {
  const reasons = new Set(faces.map(({ rejected }) => rejected));
  if (reasons.has("too_small")) return phrase("enrol.noLargeFace");
  if (reasons.has("blurry")) return phrase("enrol.noSharpFace");
  if (reasons.has("too_dark")) return phrase("enrol.noLitFace");
  if (reasons.has("occluded")) return phrase("enrol.noBareFace");
  return phrase("enrol.noFace");
}

/** The pose and light of a face that has been aligned. */
export function judgeQuality({ size, blur, exposure, pose }: Quality): Finding[] {
  const findings: Finding[] = [];
  // Written so that a NaN is refused too.
  if (!(size >= MIN_SIZE))
    findings.push(refuse("too_small", phrase("enrol.tooSmall", { pixels: Math.floor(size), least: MIN_SIZE })));
  if (!(blur >= MIN_BLUR))
    findings.push(refuse("blurry", phrase("enrol.blurry", { sharpness: blur.toFixed(1), least: MIN_BLUR })));
  if (!(Math.abs(pose.yaw) <= MAX_YAW && Math.abs(pose.pitch) <= MAX_PITCH))
    findings.push(refuse("turned_away", phrase("enrol.turnedAway", { turned: turned(pose) })));
  if (!(exposure >= MIN_EXPOSURE))
    findings.push(refuse("too_dark", phrase("enrol.tooDark", { level: Math.floor(exposure), least: MIN_EXPOSURE })));
  if (exposure > MAX_EXPOSURE)
    findings.push(refuse("too_bright", phrase("enrol.tooBright", { level: Math.ceil(exposure), most: MAX_EXPOSURE })));
  return findings;
}

function turned({ yaw, pitch }: Quality["pose"]): Sentence {
  const [aside, tilted] = [Math.abs(yaw), Math.abs(pitch)].map(Math.round) as [number, number];
  const toTheSide = phrase("enrol.turnedAside", { degrees: aside, most: MAX_YAW });
  const upOrDown = phrase(pitch > 0 ? "enrol.turnedUp" : "enrol.turnedDown", { degrees: tilted, most: MAX_PITCH });
  if (!(Math.abs(yaw) > MAX_YAW)) return upOrDown;
  return Math.abs(pitch) > MAX_PITCH ? phrase("enrol.turnedBoth", { aside: toTheSide, pitch: upOrDown }) : toTheSide;
}

function judgeLikeness(
  embedding: Float32Array,
  {
    own,
    leftOut,
    nearestOther,
    threshold,
    nearDuplicate,
    normalisation,
  }: Pick<JudgeInput, "own" | "nearestOther" | "threshold" | "normalisation"> & {
    leftOut: readonly Float32Array[];
    nearDuplicate: number;
  },
): Finding[] {
  const toNearest = (others: readonly Float32Array[]): number =>
    Math.min(...others.map((other) => euclideanDistance(embedding, other)));
  const apart = toNearest(own);
  if (apart <= nearDuplicate * threshold)
    return [refuse("near_duplicate", phrase("enrol.nearDuplicate", { distance: distanceText(apart) }))];
  // The photo that is kept has been judged by all else when it came.
  const again = toNearest(leftOut);
  if (again <= nearDuplicate * threshold)
    return [ask("near_left_out", phrase("enrol.nearLeftOut", { distance: distanceText(again) }))];
  const measure = measureOf(normalisation);
  const nearestOwn = Math.min(...own.map((other) => measure(embedding, other)));
  const tau = normalisation?.threshold ?? threshold;
  const findings: Finding[] = [];
  // In a large gallery somebody is always below τ; it is a likeness only if the person's own photos do not lie nearer.
  if (nearestOther !== null && nearestOther.distance <= tau && nearestOther.distance <= nearestOwn) {
    const { name } = nearestOther;
    const measured = { distance: distanceText(nearestOther.distance), threshold: tau };
    findings.push({
      ...ask("resembles", phrase("enrol.resembles", { name, ...measured })),
      unnamed: phrase("enrol.resemblesSomebody", measured),
    });
  }
  if (own.length > 0 && nearestOwn > tau)
    findings.push(ask("unlike", phrase("enrol.unlike", { distance: distanceText(nearestOwn), threshold: tau })));
  return findings;
}

/** The face that most raw detections agreed on, of those with an embedding. */
export function bestOf(faces: readonly Face[]): Face | undefined {
  return faces.filter(({ embedding }) => embedding !== undefined).toSorted((a, b) => b.score - a.score)[0];
}
