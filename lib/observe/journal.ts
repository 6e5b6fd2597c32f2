/** The newest events: who came, where and why it was decided so. In memory only, for the editor and for listeners. */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { z } from "zod";
import { bareIdentitySchema, type Face, type Identity, type Quality } from "../message";
import { idSchema, timeSchema } from "../people/people";
import { SerialQueue } from "../workers/serial-queue";
import { BoundedMap } from "../bounded-map";
import { failures } from "./failures";

export const seenEventSchema = bareIdentitySchema
  .omit({ groups: true })
  .extend({
    id: idSchema.describe("12 hex digits"),
    at: timeSchema.describe("Milliseconds since the epoch"),
    source: z.string().describe("Names the camera"),
    picture: z.boolean().describe("Whether one is kept"),
    weight: z
      .number()
      .nullable()
      .describe("How much the face counts beside a clear one, over 0 to 1: small and blurred ones less"),
  })
  .meta({ id: "SeenEvent" });
/** One change of who is seen. */
export type SeenEvent = z.infer<typeof seenEventSchema>;

interface Entry {
  event: SeenEvent;
  face: Pick<Face, "embedding" | "model" | "quality">;
  picture: Buffer | undefined;
}

interface JournalEvents {
  seen: [SeenEvent];
}

/** Events kept; with their pictures a few megabytes. */
const MOST_EVENTS = 200;
/** Whoever was away for so long comes anew. */
const ABSENCE_MS = 10_000;
/** Strangers have no name to tell them apart: who comes so long after the last one is another. */
const STRANGER_ABSENCE_MS = 5000;
/** Faces followed at once: people times cameras. */
const MOST_PRESENT = 1000;
/**
 * Pictures are cut one after the other; each that waits holds its frame in memory. An event beyond so many has none …
 */
const MOST_CROPS = 8;
/** … nor has one beyond so many in a second: a crowd, or a camera that names each of its frames anew. */
const MOST_CROPS_A_SECOND = 10;
const ID_BYTES = 6;

export class Journal extends EventEmitter<JournalEvents> {
  /** Oldest first. */
  readonly #entries = new BoundedMap<string, Entry>(MOST_EVENTS);
  /** When whoever is there was seen last, by ticks. */
  readonly #present = new BoundedMap<string, number>(MOST_PRESENT);
  /** Pictures that are being cut. */
  readonly #cutting = new SerialQueue();
  /** When the pictures of the last second were asked for, by ticks. */
  #asked: number[] = [];
  #closed = false;

  constructor() {
    super();
    // Every open editor listens.
    this.setMaxListeners(0);
  }

  /**
   * The faces of a frame were decided: keep what is news. Nothing waits for it, and it never throws.
   * @param when ms since the epoch, and the same moment by a clock that is never put forward or back
   * @param crop cuts a face out of the frame; may fail, then the event has no picture
   */
  offer(
    source: string,
    faces: readonly Face[],
    { at, tick }: { at: number; tick: number },
    crop: (face: Face) => Promise<Buffer | undefined>,
  ): void {
    if (this.#closed) return;
    for (const face of faces) {
      const { identity } = face;
      // Of a track that has not decided yet there is nothing to tell.
      if (
        identity === undefined ||
        identity.outcome === "noface" ||
        identity.reason === "undecided" ||
        !this.#isNews(source, identity, tick)
      )
        continue;
      const entry: Entry = {
        event: eventOf(source, face, identity, at),
        face: { embedding: face.embedding, model: face.model, quality: face.quality },
        picture: undefined,
      };
      // A listener that throws is no reason to end Node-RED.
      this.#keep(entry, tick, () => crop(face)).catch((error: unknown) => failures.note("journal", error));
    }
  }

  /** Newest first. */
  get recent(): SeenEvent[] {
    return [...this.#entries.values()].map(({ event }) => event).reverse();
  }

  event(id: string): SeenEvent | undefined {
    return this.#entries.get(id)?.event;
  }

  picture(id: string): Buffer | undefined {
    return this.#entries.get(id)?.picture;
  }

  /** Of the face that was seen, to say whom it is not. Undefined where another model than the gallery's made it. */
  embedding(id: string, model: string): Float32Array | undefined {
    const face = this.#entries.get(id)?.face;
    return face?.model === model ? face.embedding : undefined;
  }

  /** Of the face that was seen, where it was measured. */
  quality(id: string): Quality | undefined {
    return this.#entries.get(id)?.face.quality;
  }

  /** A person was deleted: nothing tells of them any more. */
  forget(personId: string, name: string): void {
    for (const [id, { event }] of this.#entries) {
      if (event.person === personId) this.#entries.delete(id);
      else event.candidates = event.candidates.filter((candidate) => candidate.name !== name);
    }
  }

  /** Two people turned out to be one: events tell of the second. */
  rename(personId: string, { id, name }: { id: string; name: string }): void {
    for (const { event } of this.#entries.values())
      if (event.person === personId) Object.assign(event, { person: id, name });
  }

  close(): void {
    this.#closed = true;
    this.#entries.clear();
    this.#present.clear();
    this.removeAllListeners();
  }

  #isNews(source: string, { outcome, person, reason }: Identity, tick: number): boolean {
    // A newline is in no name of a camera, so that no two keys are the same by chance.
    const key = [source, outcome, person ?? "", reason].join("\n");
    const before = this.#present.get(key);
    this.#present.set(key, tick);
    return before === undefined || tick - before > (person === null ? STRANGER_ABSENCE_MS : ABSENCE_MS);
  }

  async #keep(entry: Entry, tick: number, crop: () => Promise<Buffer | undefined>): Promise<void> {
    this.#entries.set(entry.event.id, entry);
    entry.picture = await this.#cut(entry.event.id, tick, crop);
    // The person was deleted, or the journal closed, while the picture was cut.
    if (!this.#entries.has(entry.event.id)) return;
    entry.event.picture = entry.picture !== undefined;
    this.emit("seen", entry.event);
  }

  async #cut(id: string, tick: number, crop: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    this.#asked = this.#asked.filter((each) => each > tick - 1000);
    if (this.#cutting.length >= MOST_CROPS || this.#asked.length >= MOST_CROPS_A_SECOND) return undefined;
    this.#asked.push(tick);
    return this.#cutting.run(() => (this.#entries.has(id) ? crop() : undefined)).catch(() => undefined);
  }
}

function eventOf(
  source: string,
  { quality }: Face,
  { groups: _groups, ...identity }: Identity,
  at: number,
): SeenEvent {
  return {
    ...identity,
    candidates: [...identity.candidates],
    id: randomBytes(ID_BYTES).toString("hex"),
    at,
    source,
    picture: false,
    weight: quality?.weight ?? null,
  };
}
