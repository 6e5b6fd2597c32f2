/** Embeddings, which are read from the disk each time: a large gallery's would fill the memory twice. */
import { setImmediate as turn } from "node:timers/promises";
import { phrase, worded } from "../../words/sentence";
import type { PhotoEmbedding } from "../people";
import { unpackEmbedding } from "../records";
import type { Space } from "../store";
import type { Core } from "./core";
import { endingOf, kindOf } from "./keys";
import { Unsealable } from "./secret";

/** Embeddings read before the event loop gets a turn. */
const BATCH = 500;

export class Embeddings {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** All that were made alike, or all there are. The event loop gets its turns. */
  async *all(fingerprint?: string): AsyncGenerator<PhotoEmbedding> {
    const { folder, health } = this.#core;
    const ending = fingerprint === undefined ? "" : endingOf(fingerprint);
    const all = await this.#core.exclusively(async () =>
      this.#core
        .opened()
        .keys("embedding:")
        .filter((key) => key.endsWith(ending)),
    );
    for (const keys of batchesOf(all)) {
      yield* await this.#core.exclusively(async () => keys.flatMap((key) => this.#read(key) ?? []));
      await turn();
    }
    health.tellOfBad(folder, kindOf);
  }

  async ofPhoto(photoId: string): Promise<PhotoEmbedding[]> {
    return this.#core.exclusively(async () =>
      this.#core
        .opened()
        .keys(this.#core.keys.beforeEmbeddingsOf(photoId))
        .flatMap((key) => this.#read(key) ?? []),
    );
  }

  /** By fingerprint: as the first one here that can be read has it. */
  async spaces(): Promise<Map<string, Space>> {
    const spaces = new Map<string, Space>();
    const learn = (
      { fingerprint, model }: Pick<PhotoEmbedding, "fingerprint" | "model">,
      vector: Float32Array | undefined,
    ): void => {
      if (vector !== undefined && !spaces.has(fingerprint))
        spaces.set(fingerprint, { model, dimensions: vector.length });
    };
    const seen = new Set<string>();
    for (const key of await this.#core.exclusively(async () => this.#core.opened().keys("embedding:"))) {
      const ending = key.slice(key.lastIndexOf(":"));
      const embedding = seen.has(ending) ? undefined : this.#read(key);
      if (embedding === undefined) continue;
      seen.add(ending);
      learn(embedding, embedding.vector);
    }
    const { anchors, unknowns } = this.#core.memory;
    for (const anchor of anchors.values()) learn(anchor, anchor.vector);
    for (const group of unknowns.values()) learn(group, group.vectors[0]);
    return spaces;
  }

  /** One embedding; a damaged one is left out, and told. */
  #read(key: string): PhotoEmbedding | undefined {
    const { folder, health } = this.#core;
    try {
      const value = this.#core.opened().get(key);
      return value === undefined ? undefined : unpackEmbedding(value);
    } catch (error) {
      if (!(error instanceof Unsealable)) {
        health.bad.add(key);
        return undefined;
      }
      if (!health.damaged)
        health.tell({
          code: "damaged_record",
          ...worded(phrase("people.damagedRecord", { folder, reason: error.why })),
        });
      health.damaged = true;
      return undefined;
    }
  }
}

function* batchesOf(keys: readonly string[]): Generator<string[]> {
  for (let at = 0; at < keys.length; at += BATCH) yield keys.slice(at, at + BATCH);
}
