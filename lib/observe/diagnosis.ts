/** What a report about this package needs of the computer: versions, engines and networks, and nobody's data. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { packageFile } from "../assets";
import { findFfmpeg } from "../capture/ffmpeg";
import { listModels } from "../models/list";
import { ENGINES, type EngineName, judgeEngine } from "../tensor/engines";
import { render } from "../words/sentence";

export interface Versions {
  package: string;
  node: string;
  platform: string;
  arch: string;
  cores: number;
  /** Of the computer. */
  memoryMB: number;
  ffmpeg: string | null;
  /** Packages that decide what works here, and their versions; null of one that is not installed. */
  modules: Record<string, string | null>;
}

export interface EngineState {
  engine: EngineName;
  usable: boolean;
  installed: boolean;
  /** Why it cannot be used; null where it can, or is not installed. */
  reason: string | null;
}

export interface ModelState {
  /** Null of a pack that cannot be read. */
  id: string | null;
  kind: string | null;
  from: string;
  usable: boolean;
  /** Code of what must be installed first. */
  needs: string | null;
}

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
