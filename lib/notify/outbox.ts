/**
 * What is to be published, and what was: of each topic that keeps a state the latest alone, and events for as long as
 * they are news. Bounded, however long the broker is away.
 */

/** Something to publish. */
export interface Letter {
  topic: string;
  payload: string | Buffer;
  /** Whether the broker keeps it for those who come later; never of an event. */
  retain: boolean;
}

interface State {
  payload: string | Buffer;
  /** What is published before it, each time. */
  before: string | undefined;
  /** A picture is sent again to a broker that may have lost it, and not whenever Home Assistant starts. */
  picture: boolean;
}

interface Waiting {
  letter: Letter;
  /** On the outbox's clock, in milliseconds. */
  since: number;
}

/** More than ever happen in a place while one of them is news. */
const MOST_EVENTS = 200;

export interface OutboxOptions {
  /** Milliseconds that an event waits at most. */
  patienceMs: number;
  /** Milliseconds, rising, whatever happens to the computer's clock. */
  now?: () => number;
}

export class Outbox {
  readonly #states = new Map<string, State>();
  /** Topics whose state is to be published, in this order. */
  readonly #due = new Set<string>();
  /** States that have had what goes before them. */
  readonly #begun = new Set<string>();
  #events: Waiting[] = [];
  /** Events that are on their way to the broker. */
  readonly #flying = new Map<Letter, Waiting>();
  readonly #patienceMs: number;
  readonly #now: () => number;
  #dropped = 0;

  constructor({ patienceMs, now = () => performance.now() }: OutboxOptions) {
    this.#patienceMs = patienceMs;
    this.#now = now;
  }

  /**
   * A state, due unless it is what was put before. An empty one takes the topic's away from the broker, and is
   * forgotten once it is sent.
   * @param before is published before it
   */
  put(
    topic: string,
    payload: string | Buffer,
    { before, picture = false }: { before?: string | undefined; picture?: boolean } = {},
  ): void {
    const known = this.#states.get(topic);
    if (known !== undefined && before === undefined && isSame(known.payload, payload)) return;
    this.#states.set(topic, { payload, before, picture });
    this.#begun.delete(topic);
    this.#due.add(topic);
  }

  /** An event; it is dropped once it has waited too long. */
  add(topic: string, payload: string): void {
    this.#events.push({ letter: { topic, payload, retain: false }, since: this.#now() });
    if (this.#events.length <= MOST_EVENTS) return;
    this.#events.shift();
    this.#dropped += 1;
  }

  /** Every state is due, in the order in which they were first put. @param pictures whether these are, too */
  again({ pictures }: { pictures: boolean }): void {
    const due = new Set(this.#due);
    this.#due.clear();
    for (const [topic, { picture }] of this.#states) if (pictures || !picture || due.has(topic)) this.repeat(topic);
  }

  /** One state is due. */
  repeat(topic: string): void {
    if (!this.#states.has(topic)) return;
    this.#begun.delete(topic);
    this.#due.add(topic);
  }

  /** What was put there last, and was not taken away since. */
  payloadOf(topic: string): string | Buffer | undefined {
    return this.#states.get(topic)?.payload;
  }

  /** Topics that have a state that is not empty. */
  get topics(): string[] {
    return [...this.#states].flatMap(([topic, { payload }]) => (payload.length > 0 ? [topic] : []));
  }

  /** What to publish now: states first, then events. It is to be told how that went. */
  next(): Letter | undefined {
    const [topic] = this.#due;
    const state = topic === undefined ? undefined : this.#states.get(topic);
    if (topic !== undefined && state !== undefined) {
      if (state.before !== undefined && !this.#begun.has(topic)) {
        this.#begun.add(topic);
        return { topic, payload: state.before, retain: true };
      }
      this.#due.delete(topic);
      return { topic, payload: state.payload, retain: true };
    }
    this.#dropOld();
    const event = this.#events.shift();
    if (event !== undefined) this.#flying.set(event.letter, event);
    return event?.letter;
  }

  /** The broker has it. */
  sent(letter: Letter): void {
    const { topic, payload, retain } = letter;
    if (!retain) this.#flying.delete(letter);
    else if (payload.length === 0 && this.#states.get(topic)?.payload.length === 0) this.#states.delete(topic);
  }

  /** It may not have arrived. */
  returned(letter: Letter): void {
    if (letter.retain) {
      this.repeat(letter.topic);
      return;
    }
    const event = this.#flying.get(letter);
    this.#flying.delete(letter);
    if (event !== undefined) this.#events = [...this.#events, event].toSorted((a, b) => a.since - b.since);
  }

  /** How many events were dropped since this was last asked. */
  takeDropped(): number {
    this.#dropOld();
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #dropOld(): void {
    const oldest = this.#now() - this.#patienceMs;
    const fresh = this.#events.filter(({ since }) => since >= oldest);
    this.#dropped += this.#events.length - fresh.length;
    this.#events = fresh;
  }
}

const isSame = (a: string | Buffer, b: string | Buffer): boolean =>
  typeof a === "string" || typeof b === "string" ? a === b : a.equals(b);
