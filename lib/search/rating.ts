/**
 * Many templates at once: made of photos, and rated, each by how crowded the place is where it lies (R, see
 * lib/embed/normalise). In a worker.
 * To compare each of a large gallery with all others would grow with its square. So they are put on shelves, each with
 * what is nearest to one
 * of some templates chosen from all; each is then compared with those of its shelf and of the shelves nearest to that,
 * up to a bound.
 */
import { dotOf, squaredUpTo, toUnitLength } from "../embed/distance";
import { NEIGHBOURS, type Normalisation } from "../embed/normalise";
import { canSetAside, distanceTo, farthestOf, meanOf, setAsideOf, weigh } from "./outliers";
import { nobodies } from "./crowd";
import { type Chunk, CHUNK_ROWS, FREE } from "./scan";

/** Up to so many people each is compared with all others: exact. */
export const ALL_WITH_ALL = 2048;
/** In a larger gallery each is compared with so many, chosen by nearness. */
const POOL = 1024;
/** So many of a shelf are rated together, beside the same others. */
const SEGMENT = 512;
/** A shelf has about so many … */
const ON_A_SHELF = 64;
/** … but there are no more than these. */
const MOST_SHELVES = 1024;
const ROUNDING = 1e-5;

export interface MakeTask {
  what: "make";
  /** Photo after photo, of one person after the other. */
  values: Float32Array;
  /** Photos of each person. */
  counts: Int32Array;
  /** By photo; 1 where somebody is sure. */
  sure: Uint8Array;
  normalisation: Normalisation;
}

/** Templates by their handles, ordered by shelf. */
export interface Shelves {
  handles: Int32Array;
  /** Where in `handles` each shelf begins, and at last where they end. */
  starts: Int32Array;
  /** A template in the middle of each shelf, by its handle. */
  middles: Int32Array;
}

export interface ShelveTask {
  what: "shelve";
  chunks: readonly Chunk[];
  handles: Int32Array;
  middles: Int32Array;
}

export interface RateTask {
  what: "rate";
  chunks: readonly Chunk[];
  shelves: Shelves;
  /** Which places in `shelves.handles`. */
  from: number;
  to: number;
  /** Others than the people of the gallery. */
  fixed: Chunk;
  /** R0. */
  mean: number;
}

export type RatingTask = MakeTask | ShelveTask | RateTask;

export interface RatingAnswer {
  /** Templates one after the other; the shelf of each; or R of each. */
  values: Float32Array;
  /** Of "make": photos that are set aside, by person and photo, with their distance. */
  aside: (readonly [person: number, photo: number, distance: number])[];
}

/** The mean of each person's photos, without those that are set aside. */
export function make({ values, counts, sure, normalisation }: Omit<MakeTask, "what">): RatingAnswer {
  const { dimensions, mean, threshold } = normalisation;
  const templates = new Float32Array(counts.length * dimensions);
  let first = 0;
  const all = Array.from(counts, (count) => {
    const photos = Array.from({ length: count }, (_, photo) => ({
      embedding: values.subarray((first + photo) * dimensions, (first + photo + 1) * dimensions),
      sure: sure[first + photo] === 1,
    }));
    first += count;
    return { photos, units: photos.map(({ embedding }) => toUnitLength(embedding)), able: canSetAside(photos) };
  });
  const halves = halvesOf(
    all.flatMap(({ units, able }) => (able ? units : [])),
    normalisation,
  );
  let weighing = 0;
  const people = all.map(({ photos, units, able }) => {
    const begin = weighing;
    if (able) weighing += photos.length;
    const weighed = weigh(photos, units, (_, photo) => (able ? (halves[begin + photo] as number) : 0));
    return { weighed, farthest: able ? farthestOf(weighed) : undefined };
  });
  // Of most people no photo is set aside: whether the farthest is is asked of all of them together, and only then
  // which ones.
  const means = people.flatMap(({ farthest }) => farthest?.others ?? []);
  const halvesOfMeans = halvesOf(means, normalisation);
  let asked = 0;
  const aside: [number, number, number][] = [];
  for (const [person, { weighed, farthest }] of people.entries()) {
    const begin = asked;
    asked += farthest?.others.length ?? 0;
    // What rounding may differ by, where it is just τ.
    const far =
      farthest !== undefined &&
      distanceTo(farthest.photo, farthest.others, mean, (_, other) => halvesOfMeans[begin + other] as number) >
        threshold - ROUNDING;
    const out = far ? setAsideOf(weighed, normalisation) : new Map<number, number>();
    for (const [photo, distance] of out) aside.push([person, photo, distance]);
    templates.set(meanOf(weighed.flatMap(({ unit, index }) => (out.has(index) ? [] : [unit]))), person * dimensions);
  }
  return { values: templates, aside };
}

/** ½ R of many embeddings, by the built-in cohort alone. */
function halvesOf(units: readonly Float32Array[], { rows, dimensions, mean }: Normalisation): Float32Array {
  const values = new Float32Array(units.length * dimensions);
  for (const [place, unit] of units.entries()) values.set(unit, place * dimensions);
  const builtIn = rows.length / dimensions;
  return rateTogether(
    { values, owners: Int32Array.from(units.keys()), rows: units.length },
    [{ values: rows, owners: nobodies(builtIn), rows: builtIn }],
    mean,
  ).map((rated) => rated / 2);
}

/** Handles of templates that are to be the middles of shelves: spread over all, few for few. */
export function middlesOf(handles: Int32Array): Int32Array {
  const count = handles.length <= ALL_WITH_ALL ? 1 : Math.min(MOST_SHELVES, Math.ceil(handles.length / ON_A_SHELF));
  return Int32Array.from(
    { length: count },
    (_, shelf) => handles[Math.floor((shelf * handles.length) / count)] as number,
  );
}

/** The shelf of each template: that of the nearest middle. */
export function shelve({ chunks, handles, middles }: Omit<ShelveTask, "what">): Float32Array {
  const all = gather(chunks, handles);
  const to = gather(chunks, middles);
  const found = new Float32Array(handles.length);
  eachFour(all, to, (row, dots, first) => {
    let best = -Infinity;
    for (let shelf = 0, place = first; shelf < middles.length; shelf += 1, place += AT_ONCE) {
      const dot = dots[place] as number;
      if (dot > best) [best, found[row]] = [dot, shelf];
    }
  });
  return found;
}

/** Templates in the order of their shelves. @param shelfOf of each of `handles` */
export function order(handles: Int32Array, shelfOf: Float32Array, middles: Int32Array): Shelves {
  const starts = shared(middles.length + 1);
  for (const shelf of shelfOf) starts[shelf + 1] = (starts[shelf + 1] as number) + 1;
  for (let shelf = 0; shelf < middles.length; shelf += 1)
    starts[shelf + 1] = (starts[shelf + 1] as number) + (starts[shelf] as number);
  const next = Int32Array.from(starts);
  const sorted = shared(handles.length);
  for (let place = 0; place < handles.length; place += 1) {
    const shelf = shelfOf[place] as number;
    sorted[next[shelf] as number] = handles[place] as number;
    next[shelf] = (next[shelf] as number) + 1;
  }
  return { handles: sorted, starts, middles };
}

function shared(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}

/** R of some templates, each person left out of their own crowd. */
export function rate({ chunks, shelves, from, to, fixed, mean }: Omit<RateTask, "what">): Float32Array {
  const rated = new Float32Array(to - from);
  const middles = gather(chunks, shelves.middles);
  for (let begin = from, shelf = 0; begin < to;) {
    while ((shelves.starts[shelf + 1] as number) <= begin) shelf += 1;
    const end = Math.min(to, begin + SEGMENT, shelves.starts[shelf + 1] as number);
    const pool = gather(chunks, poolOf(shelves, shelf, begin, middles));
    rated.set(rateTogether(gather(chunks, shelves.handles.subarray(begin, end)), [pool, fixed], mean), begin - from);
    begin = end;
  }
  return rated;
}

/** The shelf from a place on and around, then the shelves whose middles are nearest, up to the bound. */
function poolOf({ handles, starts, middles }: Shelves, shelf: number, begin: number, places: Chunk): Int32Array {
  if (middles.length === 1) return handles;
  const pool = new Int32Array(POOL);
  let count = 0;
  const take = (from: number, to: number): void => {
    const some = handles.subarray(from, Math.min(to, from + POOL - count));
    pool.set(some, count);
    count += some.length;
  };
  take(begin, starts[shelf + 1] as number);
  take(starts[shelf] as number, begin);
  if (count < POOL) {
    const dimensions = places.values.length / places.rows;
    const own = places.values.subarray(shelf * dimensions, (shelf + 1) * dimensions);
    const near = Array.from({ length: middles.length }, (_, other) => ({
      other,
      dot: dotOf(own, places.values, other * dimensions),
    })).sort((a, b) => b.dot - a.dot);
    for (const { other } of near) {
      if (count >= POOL) break;
      if (other !== shelf) take(starts[other] as number, starts[other + 1] as number);
    }
  }
  return pool.subarray(0, count);
}

/** Rows by their handles, one after the other; one that was removed is nobody's. */
function gather(chunks: readonly Chunk[], handles: Int32Array): Chunk {
  // One whose rows are all gone is empty.
  const some = chunks.find(({ owners }) => owners.length > 0);
  const dimensions = some === undefined ? 0 : some.values.length / some.owners.length;
  const values = new Float32Array(handles.length * dimensions);
  const owners = new Int32Array(handles.length).fill(FREE);
  for (const [place, handle] of handles.entries()) {
    const at = handle % CHUNK_ROWS;
    const chunk = chunks[Math.floor(handle / CHUNK_ROWS)];
    if (chunk === undefined || at >= chunk.rows) continue;
    values.set(chunk.values.subarray(at * dimensions, (at + 1) * dimensions), place * dimensions);
    owners[place] = chunk.owners[at] as number;
  }
  return { values, owners, rows: handles.length };
}

const AT_ONCE = 4;

/**
 * Products of each of some rows with all of others; a row's are every fourth of `dots`, from `first` on. Four at a
 * time: each number of the others is read once for all four, which takes about half
 * the time of one after the other.
 */
function eachFour(some: Chunk, others: Chunk, use: (row: number, dots: Float64Array, first: number) => void): void {
  const dimensions = some.values.length / Math.max(1, some.rows);
  const four = new Float64Array(AT_ONCE * dimensions);
  const dots = new Float64Array(AT_ONCE * others.rows);
  for (let row = 0; row < some.rows; row += AT_ONCE) {
    const rows = Math.min(AT_ONCE, some.rows - row);
    for (let axis = 0; axis < dimensions; axis += 1)
      for (let each = 0; each < rows; each += 1)
        four[axis * AT_ONCE + each] = some.values[(row + each) * dimensions + axis] as number;
    multiply(four, others.values, dots, dimensions);
    for (let each = 0; each < rows; each += 1) use(row + each, dots, each);
  }
}

function multiply(four: Float64Array, values: Float32Array, dots: Float64Array, dimensions: number): void {
  for (let at = 0, place = 0; place < dots.length; at += dimensions, place += AT_ONCE) {
    let first = 0;
    let second = 0;
    let third = 0;
    let fourth = 0;
    for (let axis = 0, each = 0; axis < dimensions; axis += 1, each += AT_ONCE) {
      const value = values[at + axis] as number;
      first += (four[each] as number) * value;
      second += (four[each + 1] as number) * value;
      third += (four[each + 2] as number) * value;
      fourth += (four[each + 3] as number) * value;
    }
    dots[place] = first;
    dots[place + 1] = second;
    dots[place + 2] = third;
    dots[place + 3] = fourth;
  }
}

/**
 * R of each of some rows: all are of length 1, so that the largest products are the smallest distances, which are then
 * measured.
 */
function rateTogether(some: Chunk, crowds: readonly Chunk[], mean: number): Float32Array {
  const dimensions = some.values.length / Math.max(1, some.rows);
  const largest = Array.from({ length: some.rows }, () => new Float64Array(NEIGHBOURS).fill(-Infinity));
  const where = Array.from({ length: some.rows }, () => new Int32Array(NEIGHBOURS).fill(-1));
  let base = 0;
  for (const crowd of crowds) {
    eachFour(some, crowd, (row, dots, first) => {
      const [best, places] = [largest[row] as Float64Array, where[row] as Int32Array];
      const own = some.owners[row] as number;
      let least = best[NEIGHBOURS - 1] as number;
      for (let other = 0; other < crowd.rows; other += 1) {
        const dot = dots[first + other * AT_ONCE] as number;
        if (!(dot > least)) continue;
        const owner = crowd.owners[other] as number;
        if (owner === own || owner === FREE) continue;
        let place = NEIGHBOURS - 1;
        for (; place > 0 && (best[place - 1] as number) < dot; place -= 1) {
          best[place] = best[place - 1] as number;
          places[place] = places[place - 1] as number;
        }
        best[place] = dot;
        places[place] = base + other;
        least = best[NEIGHBOURS - 1] as number;
      }
    });
    base += crowd.rows;
  }
  const distanceOf = (row: number, place: number): number => {
    let at = place;
    const crowd = crowds.find(({ rows }) => {
      if (at < rows) return true;
      at -= rows;
      return false;
    }) as Chunk;
    return Math.sqrt(squaredUpTo(Infinity, some.values, row * dimensions, crowd.values, at * dimensions, dimensions));
  };
  return Float32Array.from(where, (places, row) => {
    const near = [...places].filter((place) => place >= 0);
    return near.length === 0 ? mean : near.reduce((sum, place) => sum + distanceOf(row, place), 0) / near.length;
  });
}
