/** A network by whatever names it: built in, of a model pack, or described by a file of somebody's own. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { learnStatistics } from "../calibrate/model-statistics";
import {
  BUILT_IN_MODELS,
  builtInModel,
  descriptorSchema,
  MODEL_OF_OLD_NODES,
  type ModelDescriptor,
} from "../embed/descriptor";
import { learnNormalisation } from "../embed/normalise";
import { oneAfterOther, reasonOf, UserError } from "../errors";
import { parseOptions } from "../validate";
import { phrase } from "../words/sentence";
import { type EmbedderPack, type Pack, readPack } from "./pack";
import { findPacks, rememberPack } from "./packs";

/**
 * A model by the id of a built-in one or of a pack, or by the path of its descriptor or facenet-pack.json. Empty is
 * MODEL_OF_OLD_NODES, not the default of new ones. What a pack knows of its model, its cohort and statistics, is known
 * from then on.
 * @throws a sentence when there is none, or it is malformed
 */
export async function findModel(model: string | undefined): Promise<ModelDescriptor> {
  if (model === undefined || model === "") return MODEL_OF_OLD_NODES;
  const builtIn = builtInModel(model);
  if (builtIn !== undefined) return builtIn;
  return model.endsWith(".json") ? byPath(model) : byId(model);
}

async function byId(id: string): Promise<ModelDescriptor> {
  const found = await findPacks();
  const pack = found.find((each) => each.pack?.id === id)?.pack;
  if (pack !== undefined) return learn(pack);
  const ids = [...BUILT_IN_MODELS, ...found.flatMap((each) => (each.pack?.kind === "embedder" ? [each.pack.id] : []))];
  const none = phrase("models.noModel", { id, ids: ids.slice(0, -1), last: ids.at(-1) ?? "" });
  const broken = found.flatMap((each) =>
    each.problem === undefined ? [] : [phrase("models.brokenPack", { problem: each.sentence })],
  );
  throw new UserError(oneAfterOther([none, ...broken]) ?? none);
}

function learn(pack: Pack): ModelDescriptor {
  if (pack.kind !== "embedder") throw new UserError("models.isDetector", { id: pack.id });
  const { id, descriptor, cohort, statistics }: EmbedderPack = pack;
  learnNormalisation(id, cohort);
  learnStatistics(id, statistics);
  return descriptor;
}

async function byPath(path: string): Promise<ModelDescriptor> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    throw new UserError("models.descriptorUnreadable", { path, code }, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError("models.descriptorNoJson", { path, reason: reasonOf(error) }, { cause: error });
  }
  if (typeof json === "object" && json !== null && "facenetPack" in json) {
    const descriptor = learn(await readPack(path));
    rememberPack(path);
    return descriptor;
  }
  const descriptor = parseOptions(descriptorSchema, json, phrase("models.descriptorMalformed", { path }));
  if (descriptor.format === "dlib-resnet") return descriptor;
  if (descriptor.file === "") throw new UserError("models.descriptorNoFile", { path });
  if (descriptor.sha256 === undefined) throw new UserError("models.descriptorNoHash", { path });
  return { ...descriptor, file: isAbsolute(descriptor.file) ? descriptor.file : join(dirname(path), descriptor.file) };
}
