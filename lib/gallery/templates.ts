/** One template a person, and how crowded the place is where it lies: what d' is measured to (lib/embed/normalise). */
import { setImmediate } from "node:timers/promises";
import { toUnitLength } from "../embed/distance";
import type { Normalisation } from "../embed/normalise";
import { meanOf, type OwnPhoto, setAside } from "./outliers";
import { StagePool } from "../workers/pool";
import { crowding, neighboursOf, nobodies, rateAll } from "./search/crowd";
import type { CrowdTask } from "./search/crowd-worker";
import { EmbeddingIndex } from "./search/embedding-index";
import type { Chunk, Hit } from "./search/scan";

/** How many people of the gallery join the cohort: of a larger one those who came first, so that what one more person costs stays bounded. */
const MOST_PEOPLE = 512;
/** Up to so many templates are rated at once by the main thread, in about a millisecond; more by a worker. */
const INLINE = 8;
/** Templates made before the event loop has its turn. */
const MADE_AT_ONCE = 100;
/** Templates rated in one task of a worker, in some seconds on a small computer. */
const RATED_AT_ONCE = 4096;
/** All are rated anew at most for this share of the time: strangers come all day, and a million templates take a minute. */
const SHARE = 0.1;
/** Farther than anybody: the place of somebody who left, until the cohort is made anew. */
const FAR = 1e3;

const pool = new StagePool<CrowdTask, Float32Array>(__dirname, "search/crowd-worker", 1);

/** A photo of a person, with its id. */
export interface PhotoOf extends OwnPhoto {
  id: string;
}

interface Made {
  owner: number;
  template: Float32Array;
  /** Number of the change after which it was made. */
  change: number;
}

/** Of the people of a gallery, in memory. */
export class Templates {
  readonly #normalisation: Normalisation;
  /** Photos of a person, in any order. */
  readonly #photosOf: (owner: number) => readonly PhotoOf[];
  /** Strangers who are kept, one embedding each. */
  readonly #strangers: () => readonly Float32Array[];
  /** One row a person, each distance less ½ R of the template. */
  readonly #index: EmbeddingIndex;
  readonly #rows = new Map<number, number>();
  /** Photos that are left out of their person's mean, with their d' to it; nobody is here of whom there is none. */
  readonly #aside = new Map<number, ReadonlyMap<string, number>>();
  /** People whose photos have changed since their template was made, with the number of that change. */
  readonly #changed = new Map<number, number>();
  #changes = 0;
  /** Built-in rows, people and strangers; undefined where it must be made anew. */
  #crowd: Chunk | undefined;
  /** Templates of the people of the crowd. */
  readonly #members = new Map<number, Float32Array>();
  #settling: Promise<void> | undefined;
  /** Whether R of the others must be measured anew, since the crowd is another one. */
  #outdated = false;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #acquired = false;

  constructor(normalisation: Normalisation, photosOf: (owner: number) => readonly PhotoOf[], strangers: () => readonly Float32Array[]) {
    this.#normalisation = normalisation;
    this.#photosOf = photosOf;
    this.#strangers = strangers;
    this.#index = new EmbeddingIndex(normalisation.dimensions, { biased: true });
  }

  /** Photos of a person came or went; their template is made when it is needed. */
  change(owner: number): void {
    this.#changes += 1;
    this.#changed.set(owner, this.#changes);
  }

  /** Somebody has no photo any more: nothing of them is found, nor stays in memory. */
  remove(owner: number): void {
    this.#changed.delete(owner);
    this.#aside.delete(owner);
    const row = this.#rows.get(owner);
    if (row !== undefined) this.#index.remove(row);
    this.#rows.delete(owner);
    if (!this.#members.delete(owner)) return;
    // Wiped at once, also where a worker reads it.
    const { dimensions } = this.#normalisation;
    const at = this.#crowd?.owners.indexOf(owner) ?? -1;
    if (at >= 0) this.#crowd?.values.fill(FAR, at * dimensions, (at + 1) * dimensions);
    this.#crowd = undefined;
    this.#refreshLater();
  }

  /** Strangers came or went. */
  changeStrangers(): void {
    this.#crowd = undefined;
    this.#refreshLater();
  }

  /** Once everybody's template is made. */
  async settle(): Promise<void> {
    while (this.#changed.size > 0 && !this.#closed) {
      this.#settling ??= this.#make().finally(() => {
        this.#settling = undefined;
      });
      await this.#settling;
    }
  }

  /**
   * The `count` people nearest by d', nearest first, at one distance the lower owner. Exact: whoever is not among the nearest of the probe's
   * cohort has the same R(p) as all others, so that the index's order is theirs; the few of the cohort are all looked at, each left out of it.
   */
  async nearest(probe: Float32Array, count: number): Promise<Hit[]> {
    await this.settle();
    const unit = toUnitLength(probe);
    const around = neighboursOf(this.#crowdNow(), unit);
    const found = new Map((await this.#index.nearest(unit, count)).map(({ owner, distance }) => [owner, distance]));
    for (const { owner } of around) if (owner >= 0 && !found.has(owner)) found.set(owner, this.#index.nearestOf(unit, owner));
    return [...found]
      .map(([owner, distance]) => ({ owner, distance: this.#normalised(distance, around, owner) }))
      .filter(({ distance }) => distance < Infinity)
      .sort((a, b) => a.distance - b.distance || a.owner - b.owner)
      .slice(0, count);
  }

  /** d' to one person; Infinity where there is no embedding of theirs. */
  distanceTo(probe: Float32Array, owner: number): number {
    if (this.#changed.has(owner)) this.#makeNow([owner]);
    const unit = toUnitLength(probe);
    return this.#normalised(this.#index.nearestOf(unit, owner), neighboursOf(this.#crowdNow(), unit), owner);
  }

  /** Photos of a person that are left out of the mean, by id, each with its d' to the mean of the others. */
  asideOf(owner: number): ReadonlyMap<string, number> {
    if (this.#changed.has(owner)) this.#makeNow([owner]);
    return this.#aside.get(owner) ?? new Map();
  }

  /** Once R of all templates was measured with the cohort of now. */
  async refreshed(): Promise<void> {
    await this.settle();
    while ((this.#outdated || this.#refreshing !== undefined) && !this.#closed) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#refreshing ??= this.#refresh();
      await this.#refreshing;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#index.close();
    if (this.#acquired) await pool.release();
    this.#acquired = false;
  }

  #normalised(distance: number, around: readonly Hit[], owner: number): number {
    const { mean } = this.#normalisation;
    return distance - crowding(around, owner, mean) / 2 + mean;
  }

  async #make(): Promise<void> {
    // Few are made at once: who was just enrolled is recognized in the next frame.
    if (this.#changed.size <= INLINE) {
      this.#makeNow([...this.#changed.keys()]);
      return;
    }
    const owners = [...this.#changed.keys()];
    // One task must not take minutes, however many there are.
    for (let from = 0; from < owners.length && !this.#closed; from += RATED_AT_ONCE) await this.#makeMany(owners.slice(from, from + RATED_AT_ONCE));
  }

  async #makeMany(owners: readonly number[]): Promise<void> {
    const made: Made[] = [];
    for (const owner of owners) {
      made.push(...this.#templateNow(owner));
      if (made.length % MADE_AT_ONCE === MADE_AT_ONCE - 1) await setImmediate();
    }
    // Then all are rated with the cohort of now.
    if (this.#rows.size === 0) this.#outdated = false;
    const rated = await this.#rate(this.#partOf(made));
    for (const [place, each] of made.entries()) this.#place(each, rated[place] as number);
  }

  #makeNow(owners: readonly number[]): void {
    const made = owners.flatMap((owner) => this.#templateNow(owner));
    if (made.length === 0) return;
    const rated = rateAll(this.#partOf(made), this.#crowdNow(), this.#normalisation.mean);
    for (const [place, each] of made.entries()) this.#place(each, rated[place] as number);
  }

  /** The template of a person, also in the crowd where there is room; none of one who left meanwhile. */
  #templateNow(owner: number): Made[] {
    const change = this.#changed.get(owner);
    if (change === undefined) return [];
    const template = this.#templateOf(owner);
    if (this.#members.has(owner) || this.#members.size < MOST_PEOPLE) {
      this.#members.set(owner, template);
      this.#crowd = undefined;
      this.#refreshLater();
    }
    return [{ owner, template, change }];
  }

  /** The mean of the photos that are not set aside. */
  #templateOf(owner: number): Float32Array {
    const photos = this.#photosOf(owner).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const aside = setAside(photos, this.#normalisation);
    if (aside.size === 0) this.#aside.delete(owner);
    else this.#aside.set(owner, new Map([...aside].map(([index, distance]) => [photos[index]?.id ?? "", distance])));
    return meanOf(photos.flatMap(({ embedding }, index) => (aside.has(index) ? [] : [toUnitLength(embedding)])));
  }

  #place({ owner, template, change }: Made, rated: number): void {
    // Photos have come or gone meanwhile: then it is made again.
    if (this.#changed.get(owner) !== change) return;
    this.#changed.delete(owner);
    const before = this.#rows.get(owner);
    this.#rows.set(owner, this.#index.add(owner, template, rated / 2));
    // Afterwards, so that nobody is a stranger in between.
    if (before !== undefined) this.#index.remove(before);
  }

  /** The cohort as it is now: built-in rows, people of this gallery, strangers. */
  #crowdNow(): Chunk {
    if (this.#crowd !== undefined) return this.#crowd;
    const { rows, dimensions } = this.#normalisation;
    const builtIn = rows.length / dimensions;
    // Another takes the place of one who left.
    for (const [owner, row] of this.#rows) {
      if (this.#members.size >= MOST_PEOPLE) break;
      if (!this.#members.has(owner)) this.#members.set(owner, this.#index.embedding(row));
    }
    const people = [...this.#members];
    const strangers = this.#strangers().filter(({ length }) => length === dimensions).map(toUnitLength);
    const total = builtIn + people.length + strangers.length;
    const values = new Float32Array(new SharedArrayBuffer(total * dimensions * Float32Array.BYTES_PER_ELEMENT));
    const owners = nobodies(total);
    values.set(rows);
    for (const [place, [owner, template]] of people.entries()) {
      values.set(template, (builtIn + place) * dimensions);
      owners[builtIn + place] = owner;
    }
    for (const [place, stranger] of strangers.entries()) values.set(stranger, (builtIn + people.length + place) * dimensions);
    this.#crowd = { values, owners, rows: total };
    return this.#crowd;
  }

  #partOf(made: readonly Made[]): Chunk {
    const { dimensions } = this.#normalisation;
    const values = new Float32Array(new SharedArrayBuffer(made.length * dimensions * Float32Array.BYTES_PER_ELEMENT));
    for (const [row, { template }] of made.entries()) values.set(template, row * dimensions);
    return { values, owners: Int32Array.from(made, ({ owner }) => owner), rows: made.length };
  }

  #rate(part: Chunk): Promise<Float32Array> {
    const task = { part, crowd: this.#crowdNow(), mean: this.#normalisation.mean };
    if (!this.#acquired) pool.acquire();
    this.#acquired = true;
    return pool.run(task);
  }

  #refreshLater(): void {
    this.#outdated = true;
    if (this.#refreshing !== undefined || this.#timer !== undefined || this.#closed) return;
    this.#refreshAfter(0);
  }

  /** @param ms from now */
  #refreshAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#outdated) this.#refreshing ??= this.#refresh();
    }, ms);
    this.#timer.unref();
  }

  /** Measure R of all templates with the cohort of now. Never rejects: where it fails, R stays as it was. */
  async #refresh(): Promise<void> {
    this.#outdated = false;
    const start = performance.now();
    const halves = async (part: Chunk): Promise<Float32Array> => (part.rows <= INLINE ? rateAll(part, this.#crowdNow(), this.#normalisation.mean) : await this.#rate(part)).map((rated) => rated / 2);
    await this.settle()
      .then(() => this.#index.rate(halves))
      .catch(() => undefined);
    this.#refreshing = undefined;
    if (this.#outdated && !this.#closed) this.#refreshAfter((performance.now() - start) / SHARE);
  }
}
