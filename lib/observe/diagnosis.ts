/** What a report about this package needs of the computer: versions, engines and networks, and nobody's data. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { packageFile } from "../assets";
import { findFfmpeg } from "../capture/ffmpeg";
import { listModels } from "../models/list";
import { ENGINES, judgeEngine } from "../tensor/engines";
import { countSchema } from "../validate";
import { render } from "../words/sentence";

export const versionsSchema = z.object({
  package: z.string(),
  node: z.string(),
  platform: z.string(),
  arch: z.string(),
  cores: countSchema,
  memoryMB: countSchema.describe("Of the computer"),
  ffmpeg: z.string().nullable().describe("Null where none was found"),
  modules: z.record(z.string(), z.string().nullable()).describe("Null where it is not installed"),
});
export type Versions = z.infer<typeof versionsSchema>;

export const engineStateSchema = z.object({
  engine: z.enum(ENGINES),
  usable: z.boolean(),
  installed: z.boolean(),
  reason: z
    .string()
    .nullable()
    .describe("Why it cannot be used, without paths; null where it can, or is not installed"),
});
export type EngineState = z.infer<typeof engineStateSchema>;

export const modelStateSchema = z.object({
  id: z.string().nullable().describe("Null of a pack that cannot be read"),
  kind: z.string().nullable(),
  from: z.string(),
  usable: z.boolean(),
  needs: z.string().nullable().describe("Code of what must be installed first"),
});
export type ModelState = z.infer<typeof modelStateSchema>;

/** Packages that decide what works here. */
const MODULES = [
  "@opencvjs/node",
  "@u4/opencv4nodejs",
  "@tensorflow/tfjs-core",
  "@tensorflow/tfjs-node",
  "onnxruntime-node",
  "heic-decode",
  "lmdb",
  "sharp",
];

export async function versions(): Promise<Versions> {
  const modules = await Promise.all(MODULES.map(async (name) => [name, await versionOf(name)] as const));
  return {
    package: await versionIn(packageFile("package.json")).then((version) => version ?? ""),
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    cores: availableParallelism(),
    memoryMB: Math.round(totalmem() / 2 ** 20),
    ffmpeg: await findFfmpeg().then(
      ({ version, bundled }) => (bundled ? `${version} (bundled)` : version),
      () => null,
    ),
    modules: Object.fromEntries(modules),
  };
}

export async function engineStates(): Promise<EngineState[]> {
  return Promise.all(
    ENGINES.map(async (engine) => {
      const { usable, installed, sentence } = await judgeEngine(engine);
      return {
        engine,
        usable,
        installed,
        reason: usable || !installed ? null : withoutPaths(render(sentence, "en-US")),
      };
    }),
  );
}

/** Networks that are here. What can be downloaded is the same for everybody. */
export async function modelStates(): Promise<ModelState[]> {
  return (await listModels())
    .filter(({ from }) => from !== "offered")
    .map(({ id, kind, from, problem, needs }) => ({
      id,
      kind,
      from,
      usable: problem === null,
      needs: needs?.code ?? null,
    }));
}

/** Paths tell who uses the computer: what lies in a package keeps its place there, of others only "…" is left. */
export function withoutPaths(text: string): string {
  return text.replace(/(?:[A-Za-z]:[\\/]|(?<![\w.@/\\])[\\/])[^\s"'<>|:*?()]+/g, (path) => {
    const at = path.search(/[\\/]node_modules[\\/](?!.*[\\/]node_modules[\\/])/);
    return at < 0 ? "…" : `…${path.slice(at)}`;
  });
}

async function versionOf(name: string): Promise<string | null> {
  for (const folder of createRequire(__filename).resolve.paths(name) ?? []) {
    const version = await versionIn(join(folder, name, "package.json"));
    if (version !== undefined) return version;
  }
  return null;
}

async function versionIn(path: string): Promise<string | undefined> {
  try {
    const { version } = JSON.parse(await readFile(path, "utf8")) as { version?: unknown };
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}
