/** Fetches the networks of the catalogue, each on somebody's word, and makes packs of them. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { asSentence, sentenceOf, UserError } from "../errors";
import { writeDurable } from "../files";
import { redact } from "../redact";
import { asStorageError, StorageError } from "../storage";
import { countSchema } from "../validate";
import { type Language, phrase, render, type Sentence } from "../words/sentence";
import { CATALOGUE, type Offer } from "./catalogue";
import { download, type DownloadLimits } from "./download";
import { DOWNLOAD_PROBLEMS, DownloadError } from "./errors";
import { PACK_FILE, type packSchema } from "./pack";
import { modelsFolder } from "./packs";

export const downloadStateSchema = z
  .object({
    state: z.enum(["running", "failed", "cancelled", "done"]),
    received: countSchema.describe("Bytes that are here"),
    size: countSchema.describe("Bytes of the whole"),
    error: z.string().nullable().describe("Why it failed"),
    code: z.enum(DOWNLOAD_PROBLEMS).nullable().describe("The same for programs"),
  })
  .meta({ id: "Download" });
/** How far a download is; or how the last one ended, until another begins. */
export type DownloadState = z.infer<typeof downloadStateSchema>;

export interface DownloadsOptions {
  catalogue?: readonly Offer[];
  limits?: Partial<DownloadLimits>;
  /** For a test's own server: see DownloadOptions. */
  plainOrigins?: readonly string[];
}

interface Running {
  state: DownloadState;
  /** Why it failed. */
  why: Sentence | undefined;
  ended: AbortController;
  work: Promise<void>;
}

const LICENCE_FILE = "LICENSE";
/** Several at once would only share the line. */
const MOST_AT_ONCE = 2;

/** Another one must end first. */
export class TooManyDownloads extends UserError {}

/** Downloads of this process, by the network's id: one at a time of each. */
export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #all = new Map<string, Running>();

  constructor(options: DownloadsOptions = {}) {
    this.#options = options;
  }

  get offers(): readonly Offer[] {
    return this.#options.catalogue ?? CATALOGUE;
  }

  stateOf(id: string, language: Language = "en-US"): DownloadState | undefined {
    const found = this.#all.get(id);
    return found?.why === undefined ? found?.state : { ...found.state, error: redact(render(found.why, language)) };
  }

  /**
   * Begin, or go on where an earlier one broke off; one that runs already goes on.
   * @returns undefined where the catalogue has no such network
   * @throws a sentence when it cannot begin
   */
  start(id: string): DownloadState | undefined {
    const offer = this.offers.find((each) => each.id === id);
    if (offer === undefined) return undefined;
    const before = this.#all.get(id)?.state;
    if (before?.state === "running") return before;
    const running = [...this.#all.values()].filter(({ state }) => state.state === "running").length;
    if (running >= MOST_AT_ONCE) throw new TooManyDownloads("models.tooMany", { running });
    const folder = join(modelsFolder(), id);
    const state: DownloadState = { state: "running", received: 0, size: offer.size, error: null, code: null };
    const ended = new AbortController();
    const begun: Running = { state, why: undefined, ended, work: Promise.resolve() };
    this.#all.set(id, begun);
    begun.work = this.#run(offer, folder, begun, ended.signal);
    return state;
  }

  /** End one, and remove what came of it. @returns once it has ended; undefined where nothing runs */
  async cancel(id: string): Promise<DownloadState | undefined> {
    const found = this.#all.get(id);
    if (found?.state.state !== "running") return undefined;
    found.ended.abort();
    await found.work;
    return found.state;
  }

  /** Once this one has ended, however. */
  async ended(id: string): Promise<void> {
    await this.#all.get(id)?.work;
  }

  /** Never rejects: its state tells how it ended. */
  async #run(offer: Offer, folder: string, running: Running, signal: AbortSignal): Promise<void> {
    const { state } = running;
    try {
      await this.#fetch(offer, folder, state, signal);
      state.state = "done";
    } catch (error) {
      state.state = signal.aborted ? "cancelled" : "failed";
      if (signal.aborted) return;
      running.why = asSentence(error);
      state.error = sentenceOf(error);
      state.code = error instanceof StorageError ? "disk" : error instanceof DownloadError ? error.code : null;
    }
  }

  async #fetch(offer: Offer, folder: string, state: DownloadState, signal: AbortSignal): Promise<void> {
    const { limits, plainOrigins } = this.#options;
    try {
      await download(offer, {
        file: join(folder, offer.file),
        signal,
        limits,
        plainOrigins,
        onProgress: (received) => {
          state.received = received;
        },
      });
      const text = await readFile(offer.licenceText, "utf8");
      await writeDurable(join(folder, LICENCE_FILE), Buffer.from(`${offer.notice}\nFrom ${offer.origin}\n\n${text}`));
      await writeDurable(join(folder, PACK_FILE), Buffer.from(`${JSON.stringify(packOf(offer), undefined, 2)}\n`));
    } catch (error) {
      if (signal.aborted) await rm(folder, { recursive: true, force: true });
      throw asStorageError(error, folder, phrase("models.notDownloaded", { name: offer.name }));
    }
  }
}

/** What the pack of a downloaded network says: no cohort and no statistics, which need photos of people. */
function packOf(offer: Offer): z.input<typeof packSchema> {
  const { id, name, file, sha256, size, origin, licence } = offer;
  const common = { facenetPack: 1, name, licence: { id: licence, file: LICENCE_FILE }, size, origin } as const;
  if (offer.kind === "detector") return { ...common, kind: "detector", id, format: "onnx", file, sha256 };
  return {
    ...common,
    kind: "embedder",
    descriptor: { ...offer.descriptor, id, format: "onnx", file, sha256, licence },
  };
}

/** Those of this Node-RED. */
export let downloads = new Downloads();

/** For tests, in code: another catalogue, and a server of their own. */
export function downloadInstead(options: DownloadsOptions): Downloads {
  downloads = new Downloads(options);
  return downloads;
}
