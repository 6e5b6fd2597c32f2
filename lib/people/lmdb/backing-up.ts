/** When backups are made, and that nothing of what was deleted is left in them and in old pages. */
import { stat } from "node:fs/promises";
import { reasonOf } from "../../errors";
import { heard } from "../../observe/heard";
import { asStorageError, StorageError } from "../../storage";
import { phrase, worded } from "../../words/sentence";
import type { Refusal } from "../store";
import type { Core } from "./core";
import type { Database } from "./database";
import { refusalOf } from "./health";

/** A backup is made so long after a change, … */
const SETTLE_MS = 60_000;
/** … and so long after one that comes with every visitor: it writes the whole database, and memory cards wear out. */
export const VISIT_SETTLE_MS = 15 * 60_000;
/** How often a backup that the disk refused is tried: it needs more room than a record. */
const WIPE_RETRY_MS = 10_000;
/**
 * A larger database is not copied while it closes: Node-RED waits fifteen seconds, and a slow memory card writes ten
 * megabytes in one.
 */
const MOST_COPIED_BYTES = 32 * 2 ** 20;

export class BackingUp {
  readonly #core: Core;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, as performance.now() tells. */
  #due = Infinity;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Something changed: a backup follows once there are no more changes for a while. */
  settle(ms = SETTLE_MS): void {
    const due = performance.now() + ms;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    // What the disk refuses is told as a refusal.
    this.#timer = setTimeout(() => heard("people", this.make()), ms).unref();
  }

  /** Wipes what was deleted first. @throws StorageError, which is told too */
  async make(): Promise<void> {
    try {
      await this.#core.exclusively(() => this.#backUp());
    } catch (error) {
      this.tell(error);
      throw asStorageError(error, this.#core.folder);
    }
  }

  /**
   * No backup is made any more. @returns what is left to do before the database closes: what is left out of it is made
   * up for after the next start (pictures are copied then, and a database that takes long)
   */
  end(): () => Promise<void> {
    const pending = this.#timer !== undefined;
    clearTimeout(this.#timer);
    return async () => {
      if (!pending) return;
      try {
        const { size } = await stat(this.#core.databasePath);
        if (size <= MOST_COPIED_BYTES) await this.#backUp(false);
      } catch (error) {
        this.tell(error);
      }
    };
  }

  /** A backup, or the wiping before it, failed: it is told, and tried again. */
  tell(error: unknown): void {
    const { folder, health, closed } = this.#core;
    const refused = asStorageError(error, folder, phrase("people.noBackupPossible"));
    if (refused instanceof StorageError) this.refused("unwritable_backup", refused);
    else
      health.tell({
        code: "unwritable_backup",
        ...worded(phrase("people.backupFailed", { folder, reason: reasonOf(error) })),
      });
    if (!closed) this.settle(refused instanceof StorageError ? WIPE_RETRY_MS : SETTLE_MS);
  }

  refused(code: Refusal["code"], error: StorageError): void {
    this.#core.health.refused(code, error, () => this.#retry());
  }

  /**
   * Nothing that was deleted or changed is left in old pages, nor what was deleted in a backup.
   * @returns how many backups held it
   */
  async purge(database: Database): Promise<number> {
    const gone = database.gone();
    if (gone === undefined) return 0;
    const held = gone.length === 0 ? 0 : await this.#core.backups.purge(gone);
    await database.rewrite();
    return held;
  }

  async #backUp(pictures = true): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
    const { health, backups } = this.#core;
    const database = this.#core.opened();
    await this.purge(database);
    // A good one must not make room for this.
    if (health.damaged) return;
    await backups.make(database, Date.now());
    health.isOver("unwritable_backup");
    if (pictures) await this.#core.pictures.copyNew();
    health.taken("unwritable_backup");
  }

  /** Whether the disk takes anything again. Never rejects. */
  async #retry(): Promise<void> {
    const { folder, health } = this.#core;
    await this.#core.exclusively(async () => {
      if (this.#core.closed) return;
      const refused = await refusalOf(folder, this.#core.opened());
      if (refused !== undefined) {
        this.refused("unwritable_store", refused);
        return;
      }
      // What could not be backed up or wiped meanwhile.
      if (health.refuses("unwritable_backup")) this.settle(0);
      health.taken("unwritable_store");
    });
  }
}
