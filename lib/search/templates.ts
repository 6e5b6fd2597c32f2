/** One template a person, and how crowded the place is where it lies: what d' is measured to (lib/embed/normalise). */
import { setImmediate } from "node:timers/promises";
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { Again } from "../workers/again";
import { StagePool } from "../workers/pool";
import { THREADS } from "../workers/threads";
import type { OwnPhoto } from "./outliers";
import { crowding, nearestOf, neighboursOf, nobodies } from "./crowd";
import { EmbeddingIndex } from "./embedding-index";
import {
  ALL_WITH_ALL,
  make,
  type MakeTask,
  middlesOf,
  order,
  rate,
  type RatingAnswer,
  type RatingTask,
  type Shelves,
} from "./rating";
import type { Chunk, Hit } from "./scan";

/**
 * Up to so many templates are made one by one and at once, and up to so many rated, by the main thread, in a
 * millisecond or a few.
 */
const INLINE = 8;
/** … of so many photos in all. */
const INLINE_PHOTOS = 40;
/** Of so many whom somebody new lies beside R is measured at once. */
const BESIDE = 4;
/** Templates made in one task of a worker. */
const MADE_AT_ONCE = 512;
/** Photos are copied for it so many people at a time, before the event loop has its turn. */
const COPIED_AT_ONCE = 100;
/** Templates put on shelves, and rated, in one task. */
const SHELVED_AT_ONCE = 8192;
const RATED_AT_ONCE = 2048;
/**
 * A search waits for the templates of so many people; of more it does where nobody was known before, or fewer than
 * those who come.
 */
const FEW = 512;
/**
 * All are rated anew at most for this share of the time: strangers come all day, and a million templates take minutes.
 */
const SHARE = 0.1;
/** Putting all on shelves is about so much of rating all. */
const SHELVING = 0.3;
/** Farther than anybody: the place of a stranger who left, until the cohort is made anew. */
const FAR = 1e3;

const pool = new StagePool<RatingTask, RatingAnswer>(__dirname, "rating-worker", THREADS.search);

/** A photo of a person, with its id. */
export interface PhotoOf extends OwnPhoto {
  id: string;
}

interface Made {
  owner: number;
  template: Float32Array;
  /** Ids of photos that are set aside, with their distances. */
  aside: ReadonlyMap<string, number>;
  /** Number of the change after which it was made. */
  change: number;
}

export interface TemplatesOptions {
  normalisation: Normalisation;
  /** Photos of a person, in any order. */
  photosOf: (owner: number) => readonly PhotoOf[];
  /** Strangers who are kept, one embedding each. */
  strangers?: () => readonly Float32Array[];
  /** People of whom many are made and rated, while searches wait for it. */
  onProgress?: (done: number, total: number) => void;
  /** As EmbeddingIndex has it. */
  codedFrom?: number;
}

/** Of the people of a gallery, in memory. */
export class Templates {
  readonly #options: Required<Omit<TemplatesOptions, "codedFrom">>;
  readonly #normalisation: Normalisation;
  /** One row a person, each distance less ½ R of the template. */
  readonly #index: EmbeddingIndex;
  readonly #rows = new Map<number, number>();
  /** Photos that are left out of their person's mean, with their d' to it; nobody is here of whom there is none. */
  readonly #aside = new Map<number, ReadonlyMap<string, number>>();
  /** People whose photos have changed since their template was made, with the number of that change. */
  readonly #changed = new Map<number, number>();
  #changes = 0;
  /** Built-in rows and strangers; undefined where it must be made anew. */
  #fixed: Chunk | undefined;
  #settling: Promise<void> | undefined;
  /** Whether so many come to a large gallery that searches do not wait for them. */
  #flooded = false;
  /** ½ R by row of whom somebody new came near to, since R of all was last begun to be measured. */
  readonly #lowered = new Map<number, number>();
  /** R of the others is measured anew where the crowd is another one; where it fails, R stays as it was. */
  readonly #refresh = new Again(async () => {
    await this.settle();
    await this.#rateAll(1);
  }, SHARE);
  #closed = false;
  #acquired = false;

  constructor({ codedFrom, ...options }: TemplatesOptions) {
    this.#options = { strangers: () => [], onProgress: () => undefined, ...options };
    this.#normalisation = options.normalisation;
    this.#index = new EmbeddingIndex(this.#normalisation.dimensions, { biased: true, codedFrom });
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
    if (row === undefined) return;
    this.#index.remove(row);
    this.#rows.delete(owner);
    this.#refresh.later();
  }

  /** Strangers came or went. */
  changeStrangers(): void {
    // Who left is wiped at once, also where a worker reads it.
    this.#fixed?.values.fill(FAR, this.#normalisation.rows.length);
    this.#fixed = undefined;
    this.#refresh.later();
  }

  /** Once everybody's template is made. */
  async settle(): Promise<void> {
    while ((this.#changed.size > 0 || this.#settling !== undefined) && !this.#closed) {
      this.#settling ??= this.#make().finally(() => {
        this.#settling = undefined;
        this.#flooded = false;
      });
      await this.#settling;
    }
  }

  /**
   * The `count` people nearest by d', nearest first, at one distance the lower owner. Exact: the probe's cohort are
   * the built-in rows, the
   * strangers and everybody of the gallery. Whoever is not among the nearest of them has the same R(p) as all others,
   * so that the index's order
   * is theirs; the few who are have a larger one, being left out of it themselves, and are all looked at.
   */
  async nearest(probe: Float32Array, count: number): Promise<Hit[]> {
    await this.#settleForSearch();
    const unit = toUnitLength(probe);
    const { biased, plain } = await this.#index.nearestBoth(unit, count, NEIGHBOURS + 1);
    const around = this.#around(unit, plain);
    const found = new Map(biased.map(({ owner, distance }) => [owner, distance]));
    for (const { owner } of around)
      if (owner >= 0 && !found.has(owner)) found.set(owner, this.#index.nearestOf(unit, owner));
    return [...found]
      .map(([owner, distance]) => ({ owner, distance: this.#normalised(distance, around, owner) }))
      .filter(({ distance }) => distance < Infinity)
      .sort((a, b) => a.distance - b.distance || a.owner - b.owner)
      .slice(0, count);
  }

  /** d' to one person; Infinity where there is no embedding of theirs. */
  async distanceTo(probe: Float32Array, owner: number): Promise<number> {
    await this.#settleForSearch();
    const unit = toUnitLength(probe);
    const { plain } = await this.#index.nearestBoth(unit, 1, NEIGHBOURS + 1);
    return this.#normalised(this.#index.nearestOf(unit, owner), this.#around(unit, plain), owner);
  }

  /** Whether searches pass over most of them by their 8-bit numbers. */
  get coded(): boolean {
    return this.#index.coded;
  }

  /** R of a person's template, as searches take it now; undefined where they have none yet. */
  crowdingOf(owner: number): number | undefined {
    const row = this.#rows.get(owner);
    return row === undefined ? undefined : 2 * this.#index.bias(row);
  }

  /** Photos of a person that are left out of the mean, by id, each with its d' to the mean of the others. */
  asideOf(owner: number): ReadonlyMap<string, number> {
    const change = this.#changed.get(owner);
    return (change === undefined ? this.#aside.get(owner) : this.#madeOf(owner, change).aside) ?? new Map();
  }

  /** Once R of all templates was measured with the cohort of now. */
  async refreshed(): Promise<void> {
    await this.settle();
    await this.#refresh.settled();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#refresh.close();
    await this.#index.close();
    if (this.#acquired) await pool.release();
    this.#acquired = false;
  }

  /** Whoever is known already does not wait for thousands who come; each of these is known once compared. */
  async #settleForSearch(): Promise<void> {
    const settled = this.settle();
    if (!this.#flooded) return settled;
    // Told to whoever waits for all of them.
    settled.catch(() => undefined);
  }

  /** The nearest of everybody to whom a face is compared. @param people the nearest of the gallery's */
  #around(unit: Float32Array, people: readonly Hit[]): Hit[] {
    return nearestOf(neighboursOf(this.#fixedNow(), unit), people);
  }

  #normalised(distance: number, around: readonly Hit[], owner: number): number {
    const { mean } = this.#normalisation;
    return distance - crowding(around, owner, mean) / 2 + mean;
  }

  async #make(): Promise<void> {
    const owners = [...this.#changed.keys()];
    // Few are made at once: who was just enrolled is recognized in the next frame.
    const few =
      owners.length <= INLINE &&
      owners.reduce((sum, owner) => sum + this.#options.photosOf(owner).length, 0) <= INLINE_PHOTOS;
    if (few) {
      for (const owner of owners) await this.#compare(this.#madeOf(owner, this.#changed.get(owner) ?? 0));
      this.#refresh.later();
      return;
    }
    // Where most are new, or all can be compared with all, everybody is rated once they are there. Else who is known
    // must not wait for that.
    const together = owners.length > this.#rows.size || this.#rows.size + owners.length <= ALL_WITH_ALL;
    this.#flooded = !together && owners.length > FEW;
    const { onProgress } = this.#options;
    await inTurn(owners.length, MADE_AT_ONCE, THREADS.search, {
      work: async (from, to) => {
        if (this.#closed) return;
        for (const made of await this.#makeMany(owners.slice(from, to))) {
          if (together) this.#place(made, this.#normalisation.mean);
          else await this.#compare(made);
        }
      },
      // Half of the way, where the rest is to rate them.
      onDone: (done) => onProgress(Math.floor(done / (together ? 2 : 1)), owners.length),
    });
    if (!together) this.#refresh.later();
    else
      await this.#rateAll(THREADS.search, (share) =>
        onProgress(Math.floor((owners.length * (1 + share)) / 2), owners.length),
      );
    onProgress(owners.length, owners.length);
  }

  /** In a worker. */
  async #makeMany(owners: readonly number[]): Promise<Made[]> {
    const people: { owner: number; change: number; photos: PhotoOf[] }[] = [];
    for (const [index, owner] of owners.entries()) {
      const change = this.#changed.get(owner);
      if (change !== undefined) people.push({ owner, change, photos: this.#sorted(owner) });
      if (index % COPIED_AT_ONCE === COPIED_AT_ONCE - 1) await setImmediate();
    }
    const { values, aside } = await this.#run(this.#makeTaskOf(people.map(({ photos }) => photos)));
    const { dimensions } = this.#normalisation;
    const out = new Map<number, Map<string, number>>();
    for (const [person, photo, distance] of aside)
      out.set(
        person,
        (out.get(person) ?? new Map<string, number>()).set(people[person]?.photos[photo]?.id ?? "", distance),
      );
    return people.map(({ owner, change }, person) => ({
      owner,
      change,
      aside: out.get(person) ?? new Map(),
      template: values.subarray(person * dimensions, (person + 1) * dimensions),
    }));
  }

  #makeTaskOf(people: readonly (readonly PhotoOf[])[]): MakeTask {
    const { dimensions } = this.#normalisation;
    const photos = people.flat();
    const values = new Float32Array(
      new SharedArrayBuffer(photos.length * dimensions * Float32Array.BYTES_PER_ELEMENT),
    );
    for (const [place, { embedding }] of photos.entries()) values.set(embedding, place * dimensions);
    return {
      what: "make",
      values,
      counts: Int32Array.from(people, ({ length }) => length),
      sure: Uint8Array.from(photos, ({ sure }) => Number(sure)),
      normalisation: this.#normalisation,
    };
  }

  /** The template of a person, made here and now. */
  #madeOf(owner: number, change: number): Made {
    const photos = this.#sorted(owner);
    const { values, aside } = make(this.#makeTaskOf([photos]));
    return {
      owner,
      change,
      template: values,
      aside: new Map(aside.map(([, photo, distance]) => [photos[photo]?.id ?? "", distance])),
    };
  }

  /** Always in one order, whatever the order in which they came. */
  #sorted(owner: number): PhotoOf[] {
    return this.#options.photosOf(owner).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Rate a template beside everybody who is there. */
  async #compare(made: Made): Promise<void> {
    const { plain } = await this.#index.nearestBoth(made.template, 1, NEIGHBOURS + 1);
    await this.#lowerBeside(made, plain);
    this.#place(made, crowding(this.#around(made.template, plain), made.owner, this.#normalisation.mean));
  }

  /**
   * Whoever the new one lies beside is in a more crowded place from now on. Until R of all is measured again a face of
   * the new one would be nearer by d' to the other, with a margin, and get the name of somebody who can hardly be told
   * apart from them. So R of the nearest is measured before the new one is found.
   */
  async #lowerBeside({ owner, template }: Made, plain: readonly Hit[]): Promise<void> {
    const beside = plain.filter((hit) => hit.owner !== owner && hit.distance < (this.crowdingOf(hit.owner) ?? 0));
    const lowered: (readonly [other: number, row: number, half: number])[] = [];
    for (const other of beside.slice(0, BESIDE)) {
      const row = this.#rows.get(other.owner);
      if (row === undefined) continue;
      const unit = this.#index.embedding(row);
      const { plain: near } = await this.#index.nearestBoth(unit, 1, NEIGHBOURS + 2);
      const people = [
        ...near.filter((hit) => hit.owner !== owner),
        { owner, distance: euclideanDistance(unit, template) },
      ];
      const around = this.#around(
        unit,
        people.sort((a, b) => a.distance - b.distance),
      );
      lowered.push([other.owner, row, crowding(around, other.owner, this.#normalisation.mean) / 2]);
    }
    for (const [other, row, measured] of lowered) {
      // They may have left, or have another template, meanwhile.
      if (this.#rows.get(other) !== row) continue;
      const half = Math.min(this.#index.bias(row), measured);
      this.#lowered.set(row, half);
      this.#index.setBias(row, half);
    }
  }

  #place({ owner, template, change, aside }: Made, rated: number): void {
    // Photos have come or gone meanwhile: then it is made again.
    if (this.#changed.get(owner) !== change) return;
    this.#changed.delete(owner);
    if (aside.size === 0) this.#aside.delete(owner);
    else this.#aside.set(owner, aside);
    const before = this.#rows.get(owner);
    this.#rows.set(owner, this.#index.add(owner, template, rated / 2));
    // Afterwards, so that nobody is a stranger in between.
    if (before !== undefined) this.#index.remove(before);
  }

  /** Of the cohort who is not of this gallery's people: built-in rows, and strangers. */
  #fixedNow(): Chunk {
    if (this.#fixed !== undefined) return this.#fixed;
    const { rows, dimensions } = this.#normalisation;
    const strangers = this.#options
      .strangers()
      .filter(({ length }) => length === dimensions)
      .map(toUnitLength);
    const total = rows.length / dimensions + strangers.length;
    const values = new Float32Array(new SharedArrayBuffer(total * dimensions * Float32Array.BYTES_PER_ELEMENT));
    values.set(rows);
    for (const [place, stranger] of strangers.entries()) values.set(stranger, rows.length + place * dimensions);
    this.#fixed = { values, owners: nobodies(total), rows: total };
    return this.#fixed;
  }

  async #run(task: RatingTask): Promise<RatingAnswer> {
    if (!this.#acquired) pool.acquire();
    this.#acquired = true;
    return pool.run(task);
  }

  /** Measure R of everybody with the cohort of now. @param threads how many workers may be at it */
  async #rateAll(threads: number, onProgress: (share: number) => void = () => undefined): Promise<void> {
    this.#refresh.done();
    this.#lowered.clear();
    const { mean } = this.#normalisation;
    const handles = this.#index.handles();
    if (handles.length === 0) return;
    const shelves = await this.#shelve(handles, threads, (share) => onProgress(share * SHELVING));
    const few = handles.length <= INLINE;
    const begun = shelves.middles.length === 1 ? 0 : SHELVING;
    await inTurn(handles.length, RATED_AT_ONCE, threads, {
      work: async (from, to) => {
        if (this.#closed) return;
        await this.#index.rate(shelves.handles.subarray(from, to), async (chunks) => {
          const task = { what: "rate", chunks, shelves, from, to, fixed: this.#fixedNow(), mean } as const;
          const halves = (few ? rate(task) : (await this.#run(task)).values).map((rated) => rated / 2);
          // Who came meanwhile is not among those whom they were rated beside.
          return halves.map((half, place) =>
            Math.min(half, this.#lowered.get(shelves.handles[from + place] as number) ?? Infinity),
          );
        });
      },
      onDone: (done) => onProgress(begun + (1 - begun) * (done / handles.length)),
    });
  }

  async #shelve(handles: Int32Array, threads: number, onProgress: (share: number) => void): Promise<Shelves> {
    const middles = middlesOf(handles);
    const shelfOf = new Float32Array(handles.length);
    if (middles.length > 1) {
      await inTurn(handles.length, SHELVED_AT_ONCE, threads, {
        work: async (from, to) => {
          if (this.#closed) return;
          const { values } = await this.#index.look((chunks) =>
            this.#run({ what: "shelve", chunks, handles: handles.subarray(from, to), middles }),
          );
          shelfOf.set(values, from);
        },
        onDone: (done) => onProgress(done / handles.length),
      });
    }
    return order(handles, shelfOf, middles);
  }
}

/** Parts of many, a few at a time. */
async function inTurn(
  total: number,
  size: number,
  atOnce: number,
  { work, onDone }: { work: (from: number, to: number) => Promise<void>; onDone: (done: number) => void },
): Promise<void> {
  let next = 0;
  let done = 0;
  const one = async (): Promise<void> => {
    while (next < total) {
      const from = next;
      const to = Math.min(total, from + size);
      next = to;
      await work(from, to);
      done += to - from;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}
