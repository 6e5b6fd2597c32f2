/** All networks that there are here, or could be, with what is known of each. */
import { z } from "zod";
import { statisticsOf } from "../calibrate/model-statistics";
import type { ModelStatistics } from "../calibrate/calibration";
import { shareSchema } from "../calibrate/figures";
import { rateCurve } from "../calibrate/statistics";
import { BUILT_IN_MODELS, builtInModel, type ModelDescriptor } from "../embed/descriptor";
import { normalisationOf } from "../embed/normalise";
import { UserError } from "../errors";
import { redact } from "../redact";
import { installationOf } from "../tensor/engines";
import { countSchema } from "../validate";
import { type Language, phrase, render, type Sentence } from "../words/sentence";
import type { Offer } from "./catalogue";
import { downloads, type DownloadState, downloadStateSchema } from "./downloads";
import { PACK_PROBLEMS } from "./errors";
import type { Pack, PackKind } from "./pack";
import { findPacks, type Place } from "./packs";

const measuredFiguresSchema = z
  .object({
    source: z.string().describe("On what, when, by which command"),
    people: countSchema,
    photos: countSchema,
    threshold: z.number().min(0).describe("τ of these rates"),
    fmr: shareSchema.nullable().describe("null without pairs of two people"),
    fnmr: shareSchema.nullable().describe("null without pairs of one person"),
  })
  .describe("What was measured of a network, at its own τ of the Euclidean distance");
export type MeasuredFigures = z.infer<typeof measuredFiguresSchema>;

const needSchema = z
  .object({
    code: z.enum(["onnx-runtime", "tfjs-converter"]),
    message: z.string().describe("A sentence: what to do"),
  })
  .describe("A package that is not installed");
export type Need = z.infer<typeof needSchema>;

export const listedModelSchema = z
  .object({
    id: z.string().nullable().describe("null of a pack that cannot be read"),
    kind: z.enum(["embedder", "detector"] satisfies PackKind[]).nullable(),
    name: z.string().nullable().describe("null of those that come with this package"),
    from: z
      .enum(["built-in", "folder", "package", "offered"] satisfies ("built-in" | Place | "offered")[])
      .describe("offered: not here, but can be downloaded"),
    path: z.string().nullable().describe("Of its facenet-pack.json"),
    licence: z.string().nullable().describe("Of the weights"),
    origin: z.string().nullable().describe("A page about it"),
    size: countSchema.nullable().describe("Bytes; null of those that come with this package"),
    dimensions: countSchema.nullable().describe("Numbers a face"),
    threshold: z.number().min(0).nullable().describe("τ of the Euclidean distance"),
    cohortThreshold: z
      .number()
      .nullable()
      .describe("τ of the cohort-normalised distance; null where the model has no cohort"),
    measured: measuredFiguresSchema.nullable(),
    problem: z.string().nullable().describe("Why it cannot be used"),
    problemCode: z.enum(PACK_PROBLEMS).nullable().describe("The same for programs"),
    needs: needSchema.nullable().describe("What must be installed first"),
    download: downloadStateSchema.nullable().describe("How far it is, or how the last one ended"),
  })
  .meta({ id: "Model" });
export type ListedModel = z.infer<typeof listedModelSchema>;

/**
 * Those that come with the package, then packs, then what can be downloaded and is not here.
 * @param language of the sentences
 */
export async function listModels(
  findInstallation = installationOf,
  language: Language = "en-US",
): Promise<ListedModel[]> {
  const needs = await needsByFormat(findInstallation, language);
  const builtIn = await Promise.all(BUILT_IN_MODELS.map((id) => listBuiltIn(builtInModel(id) as ModelDescriptor)));
  // Before the packs are looked for: one that has come by now is among these.
  const states = new Map(
    downloads.offers.flatMap(({ id }) => {
      const state = downloads.stateOf(id, language);
      return state === undefined ? [] : [[id, { ...state }] as const];
    }),
  );
  const packs = (await findPacks()).map((found) =>
    found.pack === undefined
      ? {
          ...NOTHING,
          from: found.place,
          path: found.path,
          problem: redact(render(found.sentence, language)),
          problemCode: found.code,
        }
      : listPack(found.pack, found.place, found.path, needs),
  );
  const here = new Set(packs.map(({ id }) => id));
  const offered = downloads.offers
    .filter(({ id }) => !here.has(id))
    .map((offer) => listOffer(offer, needs, states.get(offer.id)));
  return [...builtIn, ...packs, ...offered];
}

const NOTHING = {
  id: null,
  kind: null,
  name: null,
  path: null,
  licence: null,
  origin: null,
  size: null,
  dimensions: null,
  threshold: null,
  cohortThreshold: null,
  measured: null,
  problem: null,
  problemCode: null,
  needs: null,
  download: null,
} as const;

type Format = ModelDescriptor["format"];

async function listBuiltIn(model: ModelDescriptor): Promise<ListedModel> {
  const { id, dimensions, threshold, licence } = model;
  const normalisation = await normalisationOf(model).catch((error: unknown) => {
    // A damaged installation is told by whoever uses the model.
    if (error instanceof UserError) return undefined;
    throw error;
  });
  return {
    ...NOTHING,
    id,
    kind: "embedder",
    from: "built-in",
    licence,
    dimensions,
    threshold,
    cohortThreshold: normalisation?.threshold ?? null,
    measured: figuresOf(statisticsOf(id), threshold),
  };
}

function listPack(pack: Pack, from: Place, path: string, needs: (format: Format) => Need | null): ListedModel {
  const { id, kind, name, licence, size, origin = null } = pack;
  const base = { ...NOTHING, id, kind, name, from, path, licence, size, origin };
  if (pack.kind === "detector") return { ...base, needs: needs("onnx") };
  const {
    descriptor: { dimensions, threshold, format },
    cohort,
    statistics,
  } = pack;
  return {
    ...base,
    dimensions,
    threshold,
    cohortThreshold: cohort?.threshold ?? null,
    measured: figuresOf(statistics, threshold),
    needs: needs(format),
  };
}

function listOffer(
  offer: Offer,
  needs: (format: Format) => Need | null,
  state: DownloadState | undefined,
): ListedModel {
  const { id, kind, name, licence, size, origin } = offer;
  const { dimensions, threshold } =
    offer.kind === "embedder" ? offer.descriptor : { dimensions: null, threshold: null };
  return {
    ...NOTHING,
    id,
    kind,
    name,
    from: "offered",
    licence,
    size,
    origin,
    dimensions,
    threshold,
    needs: needs("onnx"),
    download: state ?? null,
  };
}

function figuresOf(statistics: ModelStatistics | undefined, threshold: number): MeasuredFigures | null {
  if (statistics === undefined) return null;
  const { source, people, photos, genuine, impostor } = statistics;
  // The curve's points lie on the edges of bins; the last one at or below τ.
  const point = rateCurve(genuine, impostor).findLast((each) => each.threshold <= threshold);
  return {
    source,
    people,
    photos,
    threshold: point?.threshold ?? threshold,
    fmr: point?.fmr ?? null,
    fnmr: point?.fnmr ?? null,
  };
}

const NEEDS: Readonly<Record<Need["code"], Sentence>> = {
  "onnx-runtime": phrase("models.needsOnnx"),
  "tfjs-converter": phrase("models.needsConverter"),
};

/** What a format needs that is not installed. */
async function needsByFormat(
  findInstallation: typeof installationOf,
  language: Language,
): Promise<(format: Format) => Need | null> {
  const need = (code: Need["code"]): Need => ({ code, message: render(NEEDS[code], language) });
  const missing = async (name: string): Promise<boolean> => (await findInstallation(name)) === "";
  const noOnnx = (await missing("onnxruntime-node")) && (await missing("onnxruntime-web"));
  const noConverter = await missing("@tensorflow/tfjs-converter");
  return (format) => {
    if (format === "onnx" && noOnnx) return need("onnx-runtime");
    return format === "tfjs-graph" && noConverter ? need("tfjs-converter") : null;
  };
}
