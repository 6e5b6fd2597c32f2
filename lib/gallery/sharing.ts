/** A gallery as a site of a shared one: what its people store and its sites ask of each other. */
import type { Ledger } from "../attendance/ledger";
import { SharedCheckIns } from "../attendance/shared";
import { forgetNote } from "../enrol/folder-keeper";
import type { Problem } from "../enrol/photo-folder";
import { asSentence } from "../errors";
import { NotFound } from "../people/errors";
import type { Photo } from "../people/people";
import type { PeopleStore } from "../people/store";
import type { Site, SiteOptions } from "../sites/site";
import type { Verified } from "../sites/verified";
import { StorageError } from "../storage";
import { phrase, type Sentence, worded } from "../words/sentence";
import type { Sites, SiteSummary } from "./sites";

/** Opens the gallery's site: where its log is, and what it is called, the gallery does not know. */
export type OpenSite = (
  host: Required<Pick<SiteOptions, "exclusively" | "uses" | "merge" | "wipe" | "unwiped">> &
    Pick<SiteOptions, "book"> & { keepPictures: boolean },
) => Promise<Site>;

/** How often it is tried to open what the disk refuses. */
const RETRY_MS = 3000;
/** How long a start waits for what was deleted elsewhere: a site that cannot ask recognizes people all the same. */
const WIPE_MS = 5000;

export interface SharingHost {
  readonly store: PeopleStore;
  readonly keepsPhotos: boolean;
  /** Fingerprint of the network that decides. */
  fingerprint: () => string;
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Two people are one at another site. Called exclusively. */
  takeOver: NonNullable<SiteOptions["merge"]>;
  /** The attendance books, where the sites share their check-ins. */
  ledger: (() => Promise<Ledger | undefined>) | undefined;
  /** Delete people's check-ins. */
  wipeCheckIns: (people: readonly string[]) => Promise<void>;
  /** Whether some that were deleted may still be on the disk. */
  unwiped: () => boolean;
  /** Delete a file of the photo folder. */
  removeFile: (file: string) => Promise<void>;
  problem: (problem: Problem) => void;
  /** Its state is another. */
  changed: () => void;
}

export class Sharing {
  readonly #host: SharingHost;
  readonly #open: OpenSite | undefined;
  #site: Site | undefined;
  #opening: Promise<void> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Why there is no site though there should be one. */
  #failure: Sentence | undefined;
  #told = false;

  constructor(open: OpenSite | undefined, host: SharingHost) {
    this.#open = open;
    this.#host = host;
  }

  /** Once what others have deleted is wiped here, or a while has passed. Never rejects. */
  async start(): Promise<void> {
    if (this.#open === undefined) return;
    this.#opening = this.#join(this.#open);
    await this.#opening;
    await this.#site?.wiped(WIPE_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    await this.#opening;
    this.#site?.off("state", this.#follow);
    await this.#site?.close();
  }

  get problems(): Problem[] {
    const reason = this.#failure ?? this.#site?.state.reason;
    const unreadable = this.#site?.state.unreadable ?? 0;
    return [
      ...(reason === undefined ? [] : [problemOf(phrase("sites.away", { reason }))]),
      ...(unreadable === 0 ? [] : [problemOf(phrase("sites.unreadable", { number: unreadable }))]),
    ];
  }

  /** Null where the gallery is this computer's alone. */
  get summary(): SiteSummary | null {
    if (this.#site === undefined) return null;
    const {
      id: _id,
      reason: _reason,
      unreadable: _unreadable,
      followed = null,
      head = null,
      ...state
    } = this.#site.state;
    return { ...state, followed, head, sites: this.#site.sites.length, conflicts: this.#site.conflicts.length };
  }

  /** @throws NotFound where the gallery is this computer's alone */
  async list(): Promise<Sites> {
    const site = this.#shared();
    // As they were seen last, where the database is away.
    if (site.state.reachable) await site.readSites().catch(() => undefined);
    const { sites } = site;
    const nameOf = (id: string): string => sites.find((each) => each.id === id)?.name ?? id;
    return {
      site: this.summary as SiteSummary,
      sites: sites.map((each) => ({ ...each, here: each.id === site.state.id })),
      deletions: site.deletions.map((deletion) => {
        const has = (each: { followed: number }): boolean => each.followed >= deletion.number;
        return {
          ...deletion,
          answered: sites.filter(has).map(({ name }) => name),
          missing: sites.filter((each) => !has(each)).map(({ name }) => name),
        };
      }),
      conflicts: site.conflicts.map((conflict) => ({
        ...conflict,
        name: (conflict.person === null ? undefined : this.#host.store.person(conflict.person)?.name) ?? null,
        siteName: nameOf(conflict.site),
      })),
    };
  }

  /** @throws NotFound; a sentence where the database does not answer */
  async removeSite(id: string): Promise<void> {
    const site = this.#shared();
    if (!(await site.readSites()).some((each) => each.id === id) || id === site.state.id)
      throw new NotFound("sites.noSite");
    await site.removeSite(id);
  }

  /** Two people are one here, and the first is about to be deleted. */
  async merged(from: string, into: string): Promise<void> {
    await this.#site?.merged(from, into);
  }

  /** @throws NotFound; a sentence where the database does not answer */
  async verify(): Promise<Verified> {
    return this.#shared().verify();
  }

  #shared(): Site {
    if (this.#site === undefined) throw new NotFound("sites.notShared");
    return this.#site;
  }

  async #join(open: OpenSite): Promise<void> {
    const { exclusively, keepsPhotos, fingerprint, takeOver, unwiped, ledger: openLedger } = this.#host;
    try {
      const ledger = await openLedger?.();
      this.#site = await open({
        exclusively,
        keepPictures: keepsPhotos,
        uses: (used) => used === fingerprint(),
        merge: takeOver,
        wipe: async ({ people, photos }) => {
          await this.#wipe(photos);
          // Whoever is deleted is not recognized any more, whatever the disk refuses; the receipt waits.
          await this.#host.wipeCheckIns(people.map(({ id }) => id)).catch((error: unknown) => {
            if (!(error instanceof StorageError)) throw error;
          });
        },
        unwiped,
        book: ledger && ((site) => new SharedCheckIns(ledger, site)),
      });
      this.#site.on("state", this.#follow);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = asSentence(error);
      if (error instanceof StorageError && !this.#closed)
        this.#retryTimer = setTimeout(() => {
          this.#opening = this.#join(open);
        }, RETRY_MS).unref();
    }
    this.#follow();
  }

  /** What lies in the photo folder would come back from there. */
  async #wipe(photos: readonly Photo[]): Promise<void> {
    for (const { origin } of photos) {
      if (origin.by !== "folder") continue;
      await this.#host.removeFile(origin.file);
      await forgetNote(this.#host.store, origin.file);
    }
  }

  readonly #follow = (): void => {
    const [problem] = this.problems;
    if (problem !== undefined && !this.#told) this.#host.problem(problem);
    this.#told = problem !== undefined;
    this.#host.changed();
  };
}

const problemOf = (sentence: Sentence): Problem => ({ file: "", code: "site", ...worded(sentence) });
