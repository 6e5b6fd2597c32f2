/** Which rows are whose, in few bytes: each row knows the next one and the one before of its owner. */

const NONE = -1;

export class RowsByOwner {
  #first = new Int32Array(0);
  #next = new Int32Array(0);
  #before = new Int32Array(0);

  /** @param owner a whole number from 0, as is the row, which is nobody's yet */
  add(owner: number, row: number): void {
    this.#first = withRoom(this.#first, owner);
    this.#next = withRoom(this.#next, row);
    this.#before = withRoom(this.#before, row);
    const next = this.#first[owner] as number;
    this.#first[owner] = row;
    this.#next[row] = next;
    this.#before[row] = NONE;
    if (next !== NONE) this.#before[next] = row;
  }

  remove(owner: number, row: number): void {
    const next = this.#next[row] as number;
    const before = this.#before[row] as number;
    if (before === NONE) this.#first[owner] = next;
    else this.#next[before] = next;
    if (next !== NONE) this.#before[next] = before;
  }

  /** The newest first. */
  of(owner: number): number[] {
    const rows: number[] = [];
    for (let row = this.#first[owner] ?? NONE; row !== NONE; row = this.#next[row] as number) rows.push(row);
    return rows;
  }
}

function withRoom(places: Int32Array<ArrayBuffer>, place: number): Int32Array<ArrayBuffer> {
  if (place < places.length) return places;
  const larger = new Int32Array(Math.max(64, place + 1, places.length * 2)).fill(NONE, places.length);
  larger.set(places);
  return larger;
}
