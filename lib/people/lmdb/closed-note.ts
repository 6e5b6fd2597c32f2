/** Tells that a database was closed well, and is as it was then: it need not be read from end to end. */
import { readFile, rm, stat } from "node:fs/promises";
import { z } from "zod";
import { writeDurable } from "../../files";
import { storageReasonOf } from "../../storage";

const noteSchema = z.object({ size: z.number(), mtimeMs: z.number() });

export class ClosedNote {
  readonly #database: string;
  readonly #path: string;

  /** @param database its file @param path of the note */
  constructor(database: string, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Nothing is written any more. Without room the database is read when it is opened. */
  async write(): Promise<void> {
    const { size, mtimeMs } = await stat(this.#database);
    await writeDurable(this.#path, Buffer.from(JSON.stringify({ size, mtimeMs }))).catch((error: unknown) => {
      if (storageReasonOf(error) === undefined) throw error;
    });
  }

  /** Whether the database is new, or is as it was when it was closed. */
  async holds(): Promise<boolean> {
    const now = await stat(this.#database).catch(() => undefined);
    if (now === undefined) return true;
    const noted = noteSchema.safeParse(
      await readFile(this.#path, "utf8")
        .then(JSON.parse)
        .catch(() => undefined),
    );
    return noted.success && noted.data.size === now.size && noted.data.mtimeMs === now.mtimeMs;
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
