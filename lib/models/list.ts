/** All networks that there are here, or could be, with what is known of each. */
import { statisticsOf } from "../calibrate/model-statistics";
import type { ModelStatistics } from "../calibrate/calibration";
import { rateCurve, type Share } from "../calibrate/statistics";
import { BUILT_IN_MODELS, builtInModel, type ModelDescriptor } from "../embed/descriptor";
import { normalisationOf } from "../embed/normalise";
import { UserError } from "../errors";
import { installationOf } from "../tensor/engines";
import type { Offer } from "./catalogue";
import { downloads, type DownloadState } from "./downloads";
import type { PackProblem } from "./errors";
import type { Pack, PackKind } from "./pack";
import { findPacks, type Place } from "./packs";

/** What was measured of a network, at its own τ of the Euclidean distance. */
export interface MeasuredFigures {
  /** On what, when, by which command. */
  source: string;
  people: number;
  photos: number;
  /** τ. */
  threshold: number;
  /** Null without pairs of two people, or of one. */
  fmr: Share | null;
  fnmr: Share | null;
}

export interface ListedModel {
  /** Null of a pack that cannot be read. */
  id: string | null;
  kind: PackKind | null;
  name: string | null;
  /** "offered": it is not here, but can be downloaded. */
  from: "built-in" | Place | "offered";
  /** Path of its facenet-pack.json; null where it has none. */
  path: string | null;
  /** Of the weights; null where it is unknown. */
  licence: string | null;
  /** Page about it, for people. */
  origin: string | null;
  /** Bytes; null of one that comes with this package. */
  size: number | null;
  /** Numbers a face. */
  dimensions: number | null;
  /** τ of the Euclidean distance, … */
  threshold: number | null;
  /** … and of d'; null where the model has no cohort. */
  cohortThreshold: number | null;
  measured: MeasuredFigures | null;
  /** Why it cannot be used, as a sentence. */
  problem: string | null;
  /** The same for programs; null where no code says it. */
  problemCode: PackProblem | null;
  /** What must be installed before it can be used. */
  needs: Need | null;
  download: DownloadState | null;
}

/** A package that is not installed. */
export interface Need {
  code: "onnx-runtime" | "tfjs-converter";
  /** A sentence: what to do. */
  message: string;
}

/** Those that come with the package, then packs, then what can be downloaded and is not here. */
export async function listModels(findInstallation = installationOf): Promise<ListedModel[]> {
  const needs = await needsByFormat(findInstallation);
  const builtIn = await Promise.all(BUILT_IN_MODELS.map((id) => listBuiltIn(builtInModel(id) as ModelDescriptor)));
  // Before the packs are looked for: one that has come by now is among these.
  const states = new Map(
    downloads.offers.flatMap(({ id }) => {
      const state = downloads.stateOf(id);
      return state === undefined ? [] : [[id, { ...state }] as const];
    }),
  );
  const packs = (await findPacks()).map((found) =>
    found.pack === undefined
      ? { ...NOTHING, from: found.place, path: found.path, problem: found.problem, problemCode: found.code }
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

const NEEDS: Readonly<Record<Need["code"], Need>> = {
  "onnx-runtime": {
    code: "onnx-runtime",
    message:
      'an ONNX model needs an ONNX runtime: run "npm install --onnxruntime-node-install=skip onnxruntime-node" ' +
      "(fast) " +
      'or "npm install onnxruntime-web" in the Node-RED user folder, then deploy.',
  },
  "tfjs-converter": {
    code: "tfjs-converter",
    message:
      'a TF.js graph model needs its reader: run "npm install @tensorflow/tfjs-converter" in the Node-RED user ' +
      "folder, " +
      "then deploy.",
  },
};

/** What a format needs that is not installed. */
async function needsByFormat(findInstallation: typeof installationOf): Promise<(format: Format) => Need | null> {
  const missing = async (name: string): Promise<boolean> => (await findInstallation(name)) === "";
  const noOnnx = (await missing("onnxruntime-node")) && (await missing("onnxruntime-web"));
  const noConverter = await missing("@tensorflow/tfjs-converter");
  return (format) => {
    if (format === "onnx" && noOnnx) return NEEDS["onnx-runtime"];
    return format === "tfjs-graph" && noConverter ? NEEDS["tfjs-converter"] : null;
  };
}
