/** Room to begin with: a small camera's frame. */
const FIRST_ROOM = 64 * 1024;

/**
 * Bytes in one piece, to be searched. Each is copied in once, and room doubles when it is short: the work grows with
 * the bytes, not with their square.
 */
export class ByteWindow {
  readonly #most: number;
  readonly #tooMany: () => Error;
  #room = Buffer.allocUnsafe(FIRST_ROOM);
  #start = 0;
  #end = 0;

  /** @param tooMany what is thrown when more than `most` are in it */
  constructor(most: number, tooMany: () => Error) {
    this.#most = most;
    this.#tooMany = tooMany;
  }

  push(chunk: Buffer): void {
    const length = this.#end - this.#start + chunk.length;
    if (length > this.#most) throw this.#tooMany();
    if (this.#end + chunk.length > this.#room.length) {
      // Moved to the front only where at least as much was taken out before.
      const room =
        length <= this.#room.length / 2 ? this.#room : Buffer.allocUnsafe(Math.max(2 * this.#room.length, length));
      this.#room.copy(room, 0, this.#start, this.#end);
      this.#room = room;
      this.#end -= this.#start;
      this.#start = 0;
    }
    chunk.copy(this.#room, this.#end);
    this.#end += chunk.length;
  }

  /** Valid until the next push. */
  get bytes(): Buffer {
    return this.#room.subarray(this.#start, this.#end);
  }

  drop(length: number): void {
    this.#start += length;
  }
}
