/**
 * How far the photos of a gallery are from its people by d' (lib/embed/normalise), each photo left out of the template
 * that it is
 * compared with. Pure; runs in a worker.
 */
import { euclideanDistance, toUnitLength } from "../embed/distance";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { meanOf, setAside } from "../search/outliers";
import { crowding, nobodies } from "../search/crowd";
import { type Chunk, FREE, type Hit, scan } from "../search/scan";
import { squared } from "./measure";

export interface SpaceTask {
  /** Embeddings one after the other, those of one person together, in the order of their ids. */
  vectors: Float32Array;
  dimensions: number;
  /** For each embedding the index of its person, from 0, ascending. */
  people: Int32Array;
  /** For each 1 where somebody said that it is this person: it is never set aside. */
  sure: Uint8Array;
  normalisation: Normalisation;
  /** Strangers who are kept, one after the other. */
  strangers: Float32Array;
}

/** Of a person with more photos one photo less sets no other aside, as far as is measured here. */
const FEW_PHOTOS = 20;

/** Of a probe two people may be left out: whose it is, and with whom it is compared. */
const LOOKED_AT = NEIGHBOURS + 2;

/** R of one embedding, whoever is left out. */
export class Around {
  readonly #hits: readonly Hit[];
  readonly #mean: number;
  /** R with nobody left out but `own`. */
  readonly all: number;
  /** Owners of the nearest. */
  readonly #near: readonly number[];

  /** @param hits the nearest of the crowd, nearest first @param own who is always left out @param mean R0 */
  constructor(hits: readonly Hit[], own: number, mean: number) {
    this.#hits = hits.filter(({ owner }) => owner !== own);
    this.#mean = mean;
    this.all = crowding(this.#hits, FREE, mean);
    this.#near = this.#hits.slice(0, NEIGHBOURS).map(({ owner }) => owner);
  }

  /** @param person an owner who is left out too */
  without(person: number): number {
    return this.#near.includes(person) ? crowding(this.#hits, person, this.#mean) : this.all;
  }
}

/** Photos and templates of a gallery, and how crowded it is around each. */
export class Space {
  readonly #task: SpaceTask;
  /** Built-in rows, strangers, and the template of each person. */
  readonly #crowd: Chunk;
  /** Photos at length 1, then templates. */
  readonly #values: Float32Array;
  /** The first row of each person, and the end. */
  readonly #starts: number[] = [];
  /** Rows that are left out of the mean of their person. */
  readonly #aside = new Set<number>();
  readonly #photos: Around[] = [];
  readonly #templates: Around[] = [];

  constructor(task: SpaceTask) {
    const { vectors, dimensions, people } = task;
    this.#task = task;
    const persons = people.length === 0 ? 0 : (people.at(-1) as number) + 1;
    this.#values = new Float32Array((people.length + persons) * dimensions);
    for (const [row, person] of people.entries()) {
      if (this.#starts.length <= person) this.#starts.push(row);
      const unit = toUnitLength(vectors.subarray(row * dimensions, (row + 1) * dimensions));
      this.#values.set(unit, row * dimensions);
    }
    this.#starts.push(people.length);
    for (let person = 0; person < persons; person += 1) {
      const { template, aside } = this.#templateOf(this.rowsOf(person));
      for (const row of aside) this.#aside.add(row);
      this.#values.set(template, (people.length + person) * dimensions);
    }
    this.#crowd = crowdOf(task, this.#values.subarray(people.length * dimensions));
    for (const [row, person] of people.entries()) this.#photos.push(this.#around(this.unit(row), person));
    for (let person = 0; person < persons; person += 1) {
      this.#templates.push(this.#around(this.unit(people.length + person), person));
    }
  }

  get photos(): number {
    return this.#task.people.length;
  }

  get persons(): number {
    return this.#templates.length;
  }

  personOf(row: number): number {
    return this.#task.people[row] as number;
  }

  rowsOf(person: number): number[] {
    const start = this.#starts[person] as number;
    return Array.from({ length: (this.#starts[person + 1] as number) - start }, (_, index) => start + index);
  }

  /** The embedding of a photo at length 1. */
  unit(row: number): Float32Array {
    const { dimensions } = this.#task;
    return this.#values.subarray(row * dimensions, (row + 1) * dimensions);
  }

  /** d' of a photo to the template of the other photos of that person; undefined where there are none. */
  own(row: number): number | undefined {
    const person = this.personOf(row);
    const others = this.rowsOf(person).filter((each) => each !== row);
    if (others.length === 0) return undefined;
    const template = this.#templateWithout(others);
    const distance = euclideanDistance(this.unit(row), template);
    return this.#normalised(distance, (this.#photos[row] as Around).all, this.#around(template, person).all);
  }

  /**
   * d' of a photo to another person, as if the photo was of a stranger: its own person is in no cohort.
   * @param limit what is above it is merely above it
   */
  other(row: number, person: number, limit = Infinity): number {
    const own = this.personOf(row);
    const [ofPhoto, ofTemplate] = [this.#photos[row] as Around, this.#templates[person] as Around];
    const [first, second] = [ofPhoto.without(person), ofTemplate.without(own)];
    const reach = limit - this.#normalised(0, first, second);
    // Nothing is nearer than 0.
    if (reach < 0) return Infinity;
    const square = squared(this.#values, this.#task.dimensions, row, this.photos + person, reach ** 2);
    return this.#normalised(Math.sqrt(square), first, second);
  }

  /**
   * d' of a stranger who is kept to each person, as if they came for the first time: they are not in their own cohort.
   */
  strangerDistances(stranger: number): Float64Array {
    const { strangers, dimensions, normalisation } = this.#task;
    const unit = strangers.subarray(stranger * dimensions, (stranger + 1) * dimensions);
    const itself = FREE - 1 - (normalisation.rows.length / dimensions + stranger);
    const around = this.#around(unit, itself);
    return Float64Array.from(this.#templates, (template, person) => {
      const distance = euclideanDistance(unit, this.unit(this.photos + person));
      return this.#normalised(distance, around.without(person), template.without(itself));
    });
  }

  /** Euclidean distance of two photos at length 1. */
  apart(row: number, other: number): number {
    return euclideanDistance(this.unit(row), this.unit(other));
  }

  /** The photo of a person that is nearest to another photo. */
  nearestRow(row: number, person: number): number {
    let [best, least] = [-1, Infinity];
    for (const each of this.rowsOf(person)) {
      const square = squared(this.#values, this.#task.dimensions, row, each, least);
      if (square < least) [best, least] = [each, square];
    }
    return best;
  }

  /** The mean of photos of one person, as the gallery makes it. */
  #templateOf(rows: readonly number[]): { template: Float32Array; aside: number[] } {
    const { sure, normalisation } = this.#task;
    const photos = rows.map((row) => ({ embedding: this.unit(row), sure: sure[row] === 1 }));
    const out = setAside(photos, normalisation);
    const used = photos.flatMap(({ embedding }, place) => (out.has(place) ? [] : [embedding]));
    return { template: meanOf(used), aside: [...out.keys()].map((place) => rows[place] as number) };
  }

  /** The mean that a person would have of some of their photos. */
  #templateWithout(rows: readonly number[]): Float32Array {
    if (rows.length <= FEW_PHOTOS) return this.#templateOf(rows).template;
    return meanOf(rows.filter((row) => !this.#aside.has(row)).map((row) => this.unit(row)));
  }

  #around(unit: Float32Array, own: number): Around {
    return new Around(scan([this.#crowd], unit, LOOKED_AT), own, this.#task.normalisation.mean);
  }

  #normalised(distance: number, first: number, second: number): number {
    return distance - (first + second) / 2 + this.#task.normalisation.mean;
  }
}

/** Built-in rows, strangers and people, the latter with their index as owner. */
function crowdOf({ normalisation, strangers, dimensions }: SpaceTask, templates: Float32Array): Chunk {
  const others = (normalisation.rows.length + strangers.length) / dimensions;
  const rows = others + templates.length / dimensions;
  const values = new Float32Array(rows * dimensions);
  values.set(normalisation.rows);
  values.set(strangers, normalisation.rows.length);
  values.set(templates, others * dimensions);
  return { values, owners: nobodies(rows).map((nobody, row) => (row < others ? nobody : row - others)), rows };
}
