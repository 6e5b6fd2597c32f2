/**
 * Where model packs are, and what was found there. Nothing is remembered: a pack that was installed a moment ago is
 * found.
 */
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { asSentence, sentenceOf, UserError } from "../errors";
import { PackError, type PackProblem } from "./errors";
import { inside, type Pack, PACK_FILE, readPack } from "./pack";
import { phrase, type Sentence } from "../words/sentence";

/** A folder of a user folder in which each folder is a pack. */
const MODELS_FOLDER = ["facenet", "models"] as const;
/** What a download left unfinished. */
const PART = /\.part(\.json)?$/;
/** More packages than a Node-RED has; of a folder with more, the others are not looked at. */
const MOST_PACKAGES = 5000;
const MAX_MANIFEST_BYTES = 1024 * 1024;
/** Where Node.js looks is the same for every name that is none of its own. */
const ANY_PACKAGE = "facenet-pack";
/** Manifests read at once. */
const AT_ONCE = 32;

export type Place = "folder" | "package";

/** A pack, or what should be one and why it is not. */
export type Found = { place: Place; path: string } & (
  | { pack: Pack; problem: undefined }
  | { pack: undefined; problem: string; sentence: Sentence; code: PackProblem | null }
);

let userFolder: string | undefined;
/** Packs that somebody named by their path. */
const named = new Set<string>();

/** Where a pack should be, or why it cannot be there. */
interface Candidate {
  place: Place;
  path: string;
  problem?: PackError;
}

/** Tell where Node-RED keeps what is its user's. */
export function lookForPacksIn(userDir: string): void {
  userFolder = userDir;
}

/** The folder for downloaded packs. @throws a sentence when there is no user folder */
export function modelsFolder(): string {
  if (userFolder === undefined) throw new UserError("models.noUserFolder");
  return join(userFolder, ...MODELS_FOLDER);
}

/** Let a pack that lies elsewhere be found by its id, too. @param path of its facenet-pack.json */
export function rememberPack(path: string): void {
  named.add(path);
}

/**
 * Every pack that is here, those of the user folder first. Of two with one id the second cannot be used. Never throws.
 */
export async function findPacks(): Promise<Found[]> {
  const elsewhere = [...named].map((path): Candidate => ({ place: "folder", path }));
  const candidates = [...(await packFolders()), ...elsewhere, ...(await packPackages())];
  const found: Found[] = [];
  const paths = new Set<string>();
  for (const { place, path, problem } of candidates) {
    if (paths.has(path)) continue;
    paths.add(path);
    try {
      if (problem !== undefined) throw problem;
      const pack = await readPack(path);
      const other = found.find(({ pack: first }) => first?.id === pack.id);
      if (other !== undefined)
        throw new PackError(
          "same_id",
          phrase("models.sameId", { pack: phrase("models.pack", { path }), id: pack.id, other: other.path }),
        );
      found.push({ place, path, pack, problem: undefined });
    } catch (error) {
      const [sentence, code] = [asSentence(error), codeOf(error)];
      found.push({ place, path, pack: undefined, problem: sentenceOf(error), sentence, code });
    }
  }
  return found;
}

function codeOf(error: unknown): PackProblem | null {
  if (error instanceof PackError) return error.code;
  // A schema's complaint.
  return error instanceof UserError ? "malformed" : null;
}

async function packFolders(): Promise<Candidate[]> {
  if (userFolder === undefined) return [];
  const folder = modelsFolder();
  const entries = await foldersIn(folder);
  const packs = await Promise.all(
    entries.map(async (name) => {
      const files = await readdir(join(folder, name)).catch((): string[] => []);
      // One that is being downloaded is none yet.
      return !files.includes(PACK_FILE) && (files.length === 0 || files.some((file) => PART.test(file)))
        ? []
        : [join(folder, name, PACK_FILE)];
    }),
  );
  return packs.flat().map((path) => ({ place: "folder", path }));
}

const manifestSchema = z.object({ facenet: z.object({ pack: z.string() }) });

/** Packages that say that they are a pack, in the user folder and wherever this package finds its own. */
async function packPackages(): Promise<Candidate[]> {
  const own = createRequire(__filename).resolve.paths(ANY_PACKAGE) ?? [];
  const roots = new Set([...(userFolder === undefined ? [] : [join(userFolder, "node_modules")]), ...own]);
  const folders: string[] = [];
  for (const root of roots) {
    for (const name of await foldersIn(root)) {
      if (name.startsWith("@"))
        folders.push(...(await foldersIn(join(root, name))).map((inner) => join(root, name, inner)));
      else folders.push(join(root, name));
    }
  }
  const packs: Candidate[] = [];
  for (let from = 0; from < Math.min(folders.length, MOST_PACKAGES); from += AT_ONCE) {
    packs.push(...(await Promise.all(folders.slice(from, from + AT_ONCE).map(packOf))).flat());
  }
  return packs;
}

/** The pack of a package that has one. */
async function packOf(folder: string): Promise<Candidate[]> {
  try {
    const path = join(folder, "package.json");
    if ((await stat(path)).size > MAX_MANIFEST_BYTES) return [];
    const text = await readFile(path, "utf8");
    const manifest = text.includes('"facenet"') ? manifestSchema.safeParse(JSON.parse(text)).data : undefined;
    if (manifest === undefined) return [];
    const { pack } = manifest.facenet;
    if (inside.safeParse(pack).success) return [{ place: "package", path: join(folder, pack) }];
    return [
      {
        place: "package",
        path,
        problem: new PackError("malformed", phrase("models.packOutside", { folder, path: pack })),
      },
    ];
  } catch {
    // No package, or a broken one: npm's to tell.
    return [];
  }
}

/** Names of the folders in a folder, links to folders among them; none where it cannot be read. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
}
