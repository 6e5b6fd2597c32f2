/** What all parts of an open store stand on. */
import { join } from "node:path";
import { Fault } from "../../errors";
import { SerialQueue } from "../../workers/serial-queue";
import { worded } from "../../words/sentence";
import { Backups } from "./backups";
import type { Database } from "./database";
import { Health, type HealthHost } from "./health";
import { Keys } from "./keys";
import { Memory } from "./memory";
import { Pictures } from "./pictures";
import { noSecret, type Secret } from "./secret";

/** The database's file. */
const DATABASE = "people.mdb";

export class Core {
  readonly folder: string;
  readonly backups: Backups;
  readonly memory = new Memory();
  readonly health: Health;
  readonly #work = new SerialQueue();
  database: Database | undefined;
  closed = false;
  #secret: Secret = noSecret;
  #keys = new Keys(noSecret);
  #pictures: Pictures;

  constructor(folder: string, host: HealthHost) {
    this.folder = folder;
    this.backups = new Backups(folder);
    this.health = new Health(host);
    this.#pictures = this.picturesWith(noSecret);
  }

  get secret(): Secret {
    return this.#secret;
  }

  get keys(): Keys {
    return this.#keys;
  }

  get pictures(): Pictures {
    return this.#pictures;
  }

  /** From now on everything is sealed with it. */
  sealWith(secret: Secret): void {
    this.#secret = secret;
    this.#keys = new Keys(secret);
    this.#pictures = this.picturesWith(secret);
  }

  picturesWith(secret: Secret): Pictures {
    return new Pictures(this.folder, secret, (sentence) =>
      this.health.tell({ code: "damaged_picture", ...worded(sentence) }),
    );
  }

  /** @throws Fault before it is open */
  opened(): Database {
    if (this.database === undefined) throw new Fault("the gallery is not open.");
    return this.database;
  }

  /** One after the other: whatever reads or writes the database. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#work.run(work);
  }

  get databasePath(): string {
    return this.pathOf(DATABASE);
  }

  pathOf(file: string): string {
    return join(this.folder, file);
  }
}
