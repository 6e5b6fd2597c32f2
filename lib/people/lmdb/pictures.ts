/**
 * Photos, thumbnails and strangers' pictures: one immutable file each, sealed, with a copy for the day the first one
 * is damaged.
 */
import { copyFile, link, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { asideIn, ignoreMissing, makePrivateFolder, namesIn, removeDurable, writeManyDurable } from "../../files";
import { storageReasonOf } from "../../storage";
import type { UnknownGroup } from "../people";
import type { Secret } from "./secret";
import { phrase, type Sentence } from "../../words/sentence";

export type PictureKind = "photos" | "thumbnails" | "unknowns";
const KINDS: readonly PictureKind[] = ["photos", "thumbnails", "unknowns"];

/** One that is to be written. */
export interface Picture<Kind extends string = PictureKind> {
  kind: Kind;
  id: string;
  bytes: Uint8Array;
}

const DAMAGED = ".damaged";

/** Of one of a stranger's. */
export function pictureId(unknownId: string, index: number): string {
  return `${unknownId}-${index}`;
}

export function pictureIdsOf({ id, pictures }: UnknownGroup): string[] {
  return Array.from({ length: pictures }, (_, index) => pictureId(id, index));
}

export class Pictures<Kind extends string = PictureKind> {
  readonly #folder: string;
  readonly #kinds: readonly Kind[];
  readonly #copies: string;
  readonly #tell: (sentence: Sentence) => void;
  #secret: Secret;

  /** @param folder of the store @param tell hears of damaged files @param kinds each in a folder of its own */
  constructor(
    folder: string,
    secret: Secret,
    tell: (sentence: Sentence) => void,
    kinds: readonly Kind[] = KINDS as readonly string[] as readonly Kind[],
  ) {
    this.#folder = folder;
    this.#kinds = kinds;
    this.#copies = join(folder, "backups");
    this.#secret = secret;
    this.#tell = tell;
  }

  /** On disk when it resolves. */
  async write(pictures: readonly Picture<Kind>[]): Promise<void> {
    const files = pictures.map(
      ({ kind, id, bytes }) => [this.#pathOf(kind, id), this.#secret.seal(bytes, `${kind} ${id}`)] as const,
    );
    for (const folder of new Set(files.map(([path]) => dirname(path)))) await makePrivateFolder(folder);
    await writeManyDurable(files);
  }

  /**
   * Undefined when there is none. A damaged one is told, set aside, and its copy takes its place where there is one.
   */
  async read(kind: Kind, id: string): Promise<Buffer | undefined> {
    const path = this.#pathOf(kind, id);
    const found = await this.#open(path, kind, id);
    if (found !== "damaged") return found;
    const copy = join(this.#copies, kind, basename(path));
    const restored = await this.#open(copy, kind, id);
    const isLost = restored === undefined || restored === "damaged";
    try {
      if (isLost) await rename(path, path + DAMAGED);
      else
        await copyWhole(copy, path, async () => {
          await link(path, path + DAMAGED).catch(() => rename(path, path + DAMAGED));
        });
    } catch (error) {
      // Where the disk takes nothing the copy is read from where it is, until it does.
      if (storageReasonOf(error) === undefined) throw error;
      return isLost ? undefined : restored;
    }
    const aside = { folder: dirname(path), file: `${basename(path)}${DAMAGED}` };
    this.#tell(phrase(isLost ? "people.pictureLost" : "people.pictureRestored", aside));
    return isLost ? undefined : restored;
  }

  /** Delete pictures with their copies. @returns how many there were */
  async remove(kind: Kind, ids: readonly string[]): Promise<number> {
    const paths = ids.map((id) => this.#pathOf(kind, id));
    const there = await Promise.all(
      paths.map((path) =>
        stat(path).then(
          () => 1,
          () => 0,
        ),
      ),
    );
    await removeDurable(paths.flatMap((path) => [path, path + DAMAGED, join(this.#copies, kind, basename(path))]));
    return there.reduce<number>((sum, one) => sum + one, 0);
  }

  /** Copy what has no copy yet. */
  async copyNew(): Promise<void> {
    for (const kind of this.#kinds) {
      const [files, copies] = await Promise.all([
        namesIn(join(this.#folder, kind)),
        namesIn(join(this.#copies, kind)),
      ]);
      const known = new Set(copies);
      const missing = files.filter((file) => !known.has(file) && !file.endsWith(DAMAGED));
      if (missing.length > 0) await makePrivateFolder(join(this.#copies, kind));
      // Not synced one by one: what a power cut takes of a copy is seen by its seal.
      for (const file of missing)
        await copyWhole(join(this.#folder, kind, file), join(this.#copies, kind, file)).catch(ignoreMissing);
    }
  }

  /** Delete files and copies that no record names: a crash left them. @param named ids by kind */
  async sweep(named: Record<Kind, ReadonlySet<string>>): Promise<void> {
    for (const kind of this.#kinds) {
      const wanted = new Set([...named[kind]].map((id) => basename(this.#pathOf(kind, id))));
      for (const folder of [join(this.#folder, kind), join(this.#copies, kind)]) {
        const orphans = (await namesIn(folder)).filter((file) => !wanted.has(file.replace(DAMAGED, "")));
        if (orphans.length > 0) await removeDurable(orphans.map((file) => join(folder, file)));
      }
    }
  }

  /** How many files no record names. */
  async countOthers(named: Record<Kind, ReadonlySet<string>>): Promise<number> {
    let count = 0;
    for (const kind of this.#kinds) {
      const wanted = new Set([...named[kind]].map((id) => basename(this.#pathOf(kind, id))));
      count += (await namesIn(join(this.#folder, kind))).filter((file) => !wanted.has(file)).length;
    }
    return count;
  }

  /** Seal every picture anew. @param ids of all there are, by kind */
  async reseal(secret: Secret, ids: Record<Kind, ReadonlySet<string>>): Promise<void> {
    const before = new Pictures<Kind>(this.#folder, this.#secret, this.#tell, this.#kinds);
    const old = this.#secret;
    for (const kind of this.#kinds) {
      const sealed: string[] = [];
      for (const id of ids[kind]) {
        this.#secret = secret;
        // Done before the last attempt was cut short.
        const done = await this.#open(this.#pathOf(kind, id), kind, id);
        if (Buffer.isBuffer(done)) {
          sealed.push(id);
          continue;
        }
        this.#secret = old;
        const bytes = await before.read(kind, id);
        this.#secret = secret;
        if (bytes !== undefined) await this.write([{ kind, id, bytes }]);
        sealed.push(id);
      }
      this.#secret = old;
      await before.remove(kind, sealed);
    }
    this.#secret = secret;
  }

  async #open(path: string, kind: Kind, id: string): Promise<Buffer | "damaged" | undefined> {
    let sealed: Buffer;
    try {
      sealed = await readFile(path);
    } catch (error) {
      ignoreMissing(error);
      return undefined;
    }
    try {
      return this.#secret.open(sealed, `${kind} ${id}`);
    } catch {
      return "damaged";
    }
  }

  #pathOf(kind: Kind, id: string): string {
    return join(this.#folder, kind, `${this.#secret.blind(id)}.bin`);
  }
}

/** Whole or not there, whatever ends the copying. @param before it has its name */
async function copyWhole(from: string, to: string, before = async (): Promise<void> => undefined): Promise<void> {
  const aside = asideIn(dirname(to));
  try {
    await copyFile(from, aside);
    await before();
    await rename(aside, to);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}
