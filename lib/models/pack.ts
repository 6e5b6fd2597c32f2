/**
 * A model pack: a network with all that is needed to use it, in one folder. It holds
 *
 * - `facenet-pack.json`, as `packSchema` says;
 * - the network's file (.onnx, .tflite, or a TF.js model.json with its weights), with its sha256 in the descriptor;
 * - the text of its licence;
 * - for d', a cohort as lib/embed/cohort.ts packs it: rows of 8-bit numbers;
 * - what was measured of it, as a ModelStatistics in JSON.
 *
 * It lies in Node-RED's user folder under `facenet/models/`, or is an npm package whose package.json has `"facenet": {
 * "pack": "facenet-pack.json" }`. Every file of a pack lies in the pack's own folder.
 */
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { z } from "zod";
import type { ModelStatistics } from "../calibrate/calibration";
import { statisticsSchema } from "../calibrate/model-statistics";
import { BUILT_IN_MODELS, descriptorSchema, type ModelDescriptor } from "../embed/descriptor";
import { reasonOf, UserError } from "../errors";
import { own, parseOptions } from "../validate";
import { phrase, type Sentence } from "../words/sentence";
import { PackError } from "./errors";

export const PACK_FILE = "facenet-pack.json";
/** Packs of a later form are refused with a sentence, not misread. */
const PACK_VERSION = 1;

/** A network's own file is checked where it is loaded; these are small, and are read whole. */
const MAX_PACK_BYTES = 256 * 1024;
const MAX_COHORT_BYTES = 64 * 1024 * 1024;
const MAX_STATISTICS_BYTES = 4 * 1024 * 1024;

const MAX_TEXT = 300;

/** A file of the pack, as people write it in facenet-pack.json. */
export const inside = z
  .string()
  .max(MAX_TEXT)
  .regex(/^(?!\/)[\w.+ -]+(\/[\w.+ -]+)*$/, own("models.packFile"))
  .refine((path) => !path.split("/").includes(".."), own("models.packOnly"));
const hash = z.string().regex(/^[0-9a-f]{64}$/, own("models.sha256"));
const text = z.string().min(1).max(MAX_TEXT);

const common = {
  /** Version of this form. */
  facenetPack: z.literal(PACK_VERSION),
  /** For people to read: "SFace (OpenCV Zoo)". */
  name: text,
  /** SPDX's name of the licence of the weights, and the file with its text. */
  licence: z.strictObject({ id: text, file: inside }),
  /** Bytes of the network's file. */
  size: z.number().int().positive(),
  /** Where the network comes from, for people to read. */
  origin: text.optional(),
};

export const packSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    ...common,
    kind: z.literal("embedder"),
    /** As of a model of one's own (docs/models.md); `file` is a file of the pack, `sha256` must be there. */
    descriptor: descriptorSchema.extend({ file: inside, sha256: hash }),
    /** Without it embeddings of this network are compared by Euclidean distance. */
    cohort: z
      .strictObject({
        file: inside,
        sha256: hash,
        /** R0: the mean R of faces in general. */
        mean: z.number().positive(),
        /** Default τ of d'. */
        threshold: z.number().positive(),
      })
      .optional(),
    statistics: z.strictObject({ file: inside, sha256: hash }).optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal("detector"),
    id: descriptorSchema.shape.id,
    format: z.literal("onnx"),
    file: inside,
    sha256: hash,
  }),
]);

/** What facenet-pack.json holds. */
export type PackFile = z.infer<typeof packSchema>;
export type PackKind = PackFile["kind"];

interface PackBase {
  id: string;
  name: string;
  /** SPDX. */
  licence: string;
  /** Of the file with its text. */
  licenceFile: string;
  /** Bytes of the network's file. */
  size: number;
  origin: string | undefined;
  folder: string;
}

/** Of a cohort, with its file's path. */
export interface PackCohort {
  file: string;
  sha256: string;
  dimensions: number;
  /** R0. */
  mean: number;
  /** Default τ of d'. */
  threshold: number;
}

/** An embedding network, with the paths of its files. */
export interface EmbedderPack extends PackBase {
  kind: "embedder";
  descriptor: ModelDescriptor;
  cohort: PackCohort | undefined;
  statistics: ModelStatistics | undefined;
}

/** A detector's network. */
export interface DetectorPack extends PackBase {
  kind: "detector";
  file: string;
  sha256: string;
}

export type Pack = EmbedderPack | DetectorPack;

/**
 * Read a pack and check all of it but the network's own content, which is checked where it is loaded.
 * @param path of its facenet-pack.json
 * @throws a sentence: what is wrong with it, and the mend
 */
export async function readPack(path: string): Promise<Pack> {
  const [what, folder] = [phrase("models.pack", { path }), dirname(path)];
  const json = parseJson(await readSmall(what, path, MAX_PACK_BYTES), what);
  const version = (json as { facenetPack?: unknown } | null)?.facenetPack;
  if (typeof version === "number" && version > PACK_VERSION)
    throw new PackError("later_form", phrase("models.laterForm", { pack: what, version }));
  const pack = parseOptions(packSchema, json, phrase("models.malformed", { pack: what }));
  const at = (file: string): Promise<string> => fileInside(what, folder, file);
  const { name, size, origin } = pack;
  const base = { name, size, origin, folder, licence: pack.licence.id, licenceFile: await at(pack.licence.file) };
  if (pack.kind === "detector")
    return {
      ...base,
      kind: "detector",
      id: pack.id,
      file: await network(what, await at(pack.file), size),
      sha256: pack.sha256,
    };
  const { descriptor, cohort, statistics } = pack;
  const { id, dimensions } = descriptor;
  if (descriptor.format === "dlib-resnet")
    throw new PackError("malformed", phrase("models.wrongFormat", { pack: what }));
  if (BUILT_IN_MODELS.includes(id)) throw new PackError("malformed", phrase("models.builtInId", { pack: what, id }));
  const file = await at(descriptor.file);
  // The weights of a TF.js graph model lie in files of their own.
  if (descriptor.format !== "tfjs-graph") await network(what, file, size);
  return {
    ...base,
    kind: "embedder",
    id,
    descriptor: { ...descriptor, file },
    cohort:
      cohort === undefined
        ? undefined
        : await readCohort(what, { ...cohort, dimensions, file: await at(cohort.file) }),
    statistics:
      statistics === undefined
        ? undefined
        : await readStatistics(what, { ...statistics, file: await at(statistics.file) }, id),
  };
}

/** @throws a sentence when it is not there, or not of the size that the pack says */
async function network(what: Sentence, file: string, size: number): Promise<string> {
  const found = (await stat(file)).size;
  if (found !== size)
    throw new PackError("not_whole", phrase("models.notWhole", { pack: what, file, bytes: found, size }));
  return file;
}

async function readCohort(what: Sentence, cohort: PackCohort): Promise<PackCohort> {
  const bytes = await readChecked(what, cohort, MAX_COHORT_BYTES);
  if (bytes.length === 0 || bytes.length % cohort.dimensions !== 0)
    throw new PackError(
      "malformed",
      phrase("models.cohortRows", { pack: what, file: cohort.file, dimensions: cohort.dimensions }),
    );
  return cohort;
}

async function readStatistics(
  what: Sentence,
  statistics: { file: string; sha256: string },
  id: string,
): Promise<ModelStatistics> {
  const json = parseJson(
    await readChecked(what, statistics, MAX_STATISTICS_BYTES),
    phrase("models.statistics", { file: statistics.file }),
  );
  const found = parseOptions(
    statisticsSchema,
    json,
    phrase("models.statisticsMalformed", { pack: what, file: statistics.file }),
  );
  if (found.model !== id)
    throw new PackError("malformed", phrase("models.otherStatistics", { pack: what, model: found.model, id }));
  return found;
}

async function readChecked(
  what: Sentence,
  { file, sha256 }: { file: string; sha256: string },
  most: number,
): Promise<Buffer> {
  const bytes = await readSmall(what, file, most);
  if (createHash("sha256").update(bytes).digest("hex") !== sha256)
    throw new PackError("damaged", phrase("models.damaged", { pack: what, file }));
  return bytes;
}

/** A whole file, if it is not larger than expected. */
async function readSmall(what: Sentence, path: string, most: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > most)
      throw new PackError("malformed", phrase("models.tooLarge", { pack: what, file: path, bytes: size, most }));
    return await readFile(path);
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(what, path, error);
  }
}

function parseJson(bytes: Buffer, what: Sentence): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new PackError("not_json", phrase("models.noJson", { what, reason: reasonOf(error) }), { cause: error });
  }
}

function unreadable(what: Sentence, path: string, error: unknown): PackError {
  const { code = "error" } = error as NodeJS.ErrnoException;
  return new PackError("unreadable", phrase("models.unreadable", { pack: what, file: path, code }), { cause: error });
}

/** The path of a pack's file, which no link may lead out of the pack. */
async function fileInside(what: Sentence, folder: string, file: string): Promise<string> {
  const path = join(folder, file);
  let [home, real]: [string, string] = ["", ""];
  try {
    [home, real] = await Promise.all([realpath(folder), realpath(path)]);
    if (!(await stat(real)).isFile()) throw Object.assign(new Error("no file"), { code: "EISDIR" });
  } catch (error) {
    throw unreadable(what, path, error);
  }
  const way = relative(home, real);
  if (way.split(sep)[0] === ".." || isAbsolute(way))
    throw new PackError("link_outside", phrase("models.linkOutside", { pack: what, file }));
  return path;
}
