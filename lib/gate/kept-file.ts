/** A small file of a gate: whole or not there, its owner's alone, and sealed where the gallery has a pass phrase. */
import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import type { z } from "zod";
import { UserError } from "../errors";
import { readIfThere, writeDurable } from "../files";
import { makeSecret, noSecret, SALT_BYTES, type Secret, Unsealable } from "../people/lmdb/secret";

const SALT_FILE = "salt";

/**
 * What seals the files of a folder.
 * @param key the gallery's pass phrase; undefined guards against damage alone
 * @throws a sentence when what it is made of is damaged; the system's error
 */
export async function secretOf(folder: string, key: string | undefined): Promise<Secret> {
  if (key === undefined || key === "") return noSecret;
  const path = join(folder, SALT_FILE);
  let salt = await readIfThere(path);
  if (salt === undefined) {
    salt = randomBytes(SALT_BYTES);
    await writeDurable(path, salt);
  }
  // Another one would open nothing of what is there.
  if (salt.length !== SALT_BYTES) throw new UserError("gate.damaged", { file: path });
  return makeSecret(key, salt);
}

export class KeptFile<T> {
  readonly #path: string;
  readonly #secret: Secret;
  readonly #schema: z.ZodType<T>;

  constructor(path: string, secret: Secret, schema: z.ZodType<T>) {
    this.#path = path;
    this.#secret = secret;
    this.#schema = schema;
  }

  /**
   * @returns undefined where there is none
   * @throws a sentence when it is damaged, or sealed with another pass phrase
   */
  async read(): Promise<T | undefined> {
    const sealed = await readIfThere(this.#path);
    if (sealed === undefined) return undefined;
    try {
      return this.#schema.parse(JSON.parse(this.#secret.open(sealed, basename(this.#path)).toString()));
    } catch (error) {
      if (error instanceof Unsealable && error.how === "encrypted")
        throw new UserError("gate.encrypted", { file: this.#path }, { cause: error });
      throw new UserError("gate.damaged", { file: this.#path }, { cause: error });
    }
  }

  /** On disk when it resolves. */
  async write(value: T): Promise<void> {
    await writeDurable(this.#path, this.#secret.seal(Buffer.from(JSON.stringify(value)), basename(this.#path)));
  }
}
