/**
 * From visits to Home Assistant: what there is (discovery), who is here (states that the broker keeps), and what
 * happened (events, which it does not).
 */
import { EventEmitter } from "node:events";
import { BoundedMap } from "../bounded-map";
import { UserError } from "../errors";
import { heard } from "../observe/heard";
import { watcherOf } from "../presence/left-open";
import type { Presence, Present, Visit } from "../visit";
import type { Language } from "../words/sentence";
import {
  type Component,
  componentsIn,
  componentTopics,
  type Discovery,
  discoveryOf,
  type Platform,
  withRemoved,
} from "./discovery";
import { Age, type Clock } from "./age";
import { type Broker, Link } from "./link";
import type { NotifyOptions } from "./options";
import { type Letter, Outbox } from "./outbox";
import { clientIdOf, type Person, personTopics, type PersonTopics, type Topics, topicsOf } from "./topics";

export interface NotifierOptions {
  /** Of the node: what Home Assistant knows the device by, so it must stay. */
  id: string;
  /** The computer's name: two that run the same flow do not throw each other out. */
  host: string;
  broker: () => Broker;
  options: NotifyOptions;
  /** Of the names of entities. */
  language: Language;
  /** Of this package. */
  version: string;
  /** Whether there is such a face-presence still; what one said that is gone counts no more. */
  isThere?: ((node: string) => boolean) | undefined;
  clock?: Clock | undefined;
}

interface NotifierEvents {
  /** The broker has come back, or has gone, for a reason in mqtt's words; or how many are here has changed. */
  change: [];
  /** So many events were not told, for the broker was away too long. */
  dropped: [count: number];
}

/** When somebody was last seen, and where. */
export interface LastSeen {
  at: number;
  camera: string;
  zone: string;
}

/** More entities than this, times three, are of no use to anybody. */
export const MOST_PEOPLE = 500;
/** While somebody stays where they are, when they were last seen is told at this interval. */
const LAST_SEEN_STEP_MS = 60_000;
/** Letters that wait for the broker's word at once; brokers of MQTT 5 may take 20 (mosquitto's default). */
const MOST_FLYING = 16;
/** Events that are known to have been told: many times what is told while a message may be on its way. */
const MOST_TOLD = 1000;
/** Components that went while this runs; Home Assistant may have been away. */
const MOST_REMOVED = 5000;
/** Far more face-presence nodes than tell of one place. */
const MOST_SOURCES = 100;
/** A face-presence tells who is here as soon as it runs; one that has told nothing by then tells another node. */
const RESTORED_MS = 60_000;
/** Events that are dropped within this time are told of together. */
const DROPPED_STEP_MS = 1000;
const GOODBYE_MS = 4000;
/** Far larger than a face. */
const LARGEST_PICTURE = 2_000_000;

/** Which of two messages of a gallery is newer: its numbers may begin anew, and a clock may be set back. */
interface Told {
  /** Of the face-presence that told it. */
  node?: string | undefined;
  at: number;
  sequence: number;
}
interface Source {
  here: readonly Present[];
  newest: Told;
}
/** Nothing was told. */
const NONE: Source = { here: [], newest: { at: -1, sequence: -1 } };
const isNewer = (a: Told, b: Told): boolean => a.sequence > b.sequence || a.at > b.at;

export class Notifier extends EventEmitter<NotifierEvents> {
  readonly #options: NotifierOptions;
  readonly #topics: Topics;
  readonly #outbox: Outbox;
  readonly #age: Age;
  readonly #patienceMs: number;
  readonly #link: Link;
  #people: readonly Person[] = [];
  #names: ReadonlyMap<string | null, string> = new Map();
  #personTopics: ReadonlyMap<string, PersonTopics> = new Map();
  #discovery: Discovery | undefined;
  readonly #removed = new BoundedMap<string, Platform>(MOST_REMOVED);
  /** What each face-presence told last, by the node's id; each speaks for its own cameras alone. */
  readonly #sources = new BoundedMap<string, Source>(MOST_SOURCES);
  /** Of before the start, as long as their face-presence has told nothing. */
  #restored: { here: readonly Present[]; until: number } = { here: [], until: -Infinity };
  readonly #lastSeen = new Map<string, LastSeen>();
  /** Of whom no newer time was told, what was. */
  readonly #toldLastSeen = new Map<string, LastSeen>();
  readonly #events = new BoundedMap<string, true>(MOST_TOLD);
  #flying = 0;
  #idle: (() => void)[] = [];
  #settled = false;
  #closing = false;
  #dropped = 0;
  #dropping: NodeJS.Timeout | undefined;
  /** Why the broker is away; undefined while it is there, and before anything is known. */
  away: string | undefined;

  constructor(options: NotifierOptions) {
    super();
    this.#options = options;
    const { id, host, broker } = options;
    this.#topics = topicsOf(id, options.options.prefix);
    this.#patienceMs = options.options.patience * 1000;
    this.#outbox = new Outbox({ patienceMs: this.#patienceMs });
    this.#age = new Age(this.#patienceMs, options.clock);
    const { availability, config, status } = this.#topics;
    this.#link = new Link({
      broker,
      clientId: clientIdOf(`${id} ${host}`),
      will: { topic: availability, payload: "offline", retain: true },
      topics: [config, availability, ...status],
    });
    this.#link.on("open", () => this.#opened());
    this.#link.on("away", (reason) => {
      this.away = reason;
      this.emit("change");
    });
    this.#link.on("message", (topic, payload, retained) => this.#heard(topic, payload, retained));
  }

  /** Whether the broker is there. */
  get isConnected(): boolean {
    return this.#link.isOpen;
  }

  /** How many are here, as it is told. */
  get count(): number {
    return this.#counted().length;
  }

  /**
   * Connect. Who is known, and what is known of them, is to be set before: what a broker has of others is taken away.
   */
  start(): void {
    this.#tellStates();
    this.#link.open();
  }

  /** @param people whoever is no longer among them is taken away from Home Assistant and the broker, too */
  setPeople(people: readonly Person[]): void {
    const known = people.slice(0, MOST_PEOPLE).map(({ id, name }) => ({ id, name }));
    if (this.#discovery !== undefined && JSON.stringify(known) === JSON.stringify(this.#people)) return;
    const before = this.#discovery?.cmps ?? {};
    const topics = this.#topics;
    const { id: nodeId, language, version, options } = this.#options;
    this.#people = known;
    this.#names = new Map(known.map(({ id, name }) => [id, name]));
    const topicsBefore = this.#personTopics;
    this.#personTopics = personTopics(topics.base, known, options.namedTopics);
    this.#discovery = discoveryOf({
      nodeId,
      options,
      topics,
      people: known,
      personTopics: this.#personTopics,
      language,
      version,
    });
    for (const map of [this.#lastSeen, this.#toldLastSeen])
      for (const id of map.keys()) if (!this.#personTopics.has(id)) map.delete(id);
    // Where names are in topics, whoever is called otherwise has others.
    this.#toldLastSeen.clear();
    for (const [person, { picture }] of this.#personTopics) {
      const taken = this.#outbox.payloadOf(topicsBefore.get(person)?.picture ?? "");
      if (taken !== undefined && taken.length > 0) this.#outbox.put(picture, taken, { picture: true });
    }
    this.#describe(before);
    this.#tellStates();
    this.#flow();
  }

  /** What is known of a person from before the start. */
  setLastSeen(person: string, seen: LastSeen): void {
    if ((this.#lastSeen.get(person)?.at ?? -1) < seen.at) this.#lastSeen.set(person, seen);
  }

  /** The face of a person's latest visit before the start. */
  setPicture(person: string, picture: Buffer): void {
    const topic = this.#personTopics.get(person)?.picture;
    if (topic !== undefined && this.#options.options.pictures && canBeShown(picture))
      this.#outbox.put(topic, picture, { picture: true });
  }

  /** Who was here when this Node-RED ended, and may be still. */
  setHere(here: readonly Present[]): void {
    if (this.#sources.size === 0) this.#restored = { here, until: performance.now() + RESTORED_MS };
  }

  /** @throws a sentence when its picture is none; the rest of it is told all the same */
  tellVisit(visit: Visit): void {
    const key = `${visit.visit} ${visit.sequence}`;
    if (this.#events.has(key)) return;
    this.#events.set(key, true);
    const here = visit.event === "left" ? visit.others : [...visit.others, presentOf(visit)];
    this.#see(visit, [...visit.others, visit], true);
    this.#accept(visit, here);
    this.#tellEvent(visit);
    const isPicture = this.#tellPicture(visit);
    this.#flow();
    if (!isPicture) throw new UserError("notify.noJpeg");
  }

  tellPresence(presence: Presence): void {
    this.#see(presence, presence.here, false);
    this.#accept(presence, presence.here);
    this.#flow();
  }

  /** @param removed whether the device is gone for good: nothing of it stays with the broker or Home Assistant */
  async close(removed: boolean): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#dropping);
    if (removed) {
      // The broker may have more of an earlier start than was told in this one.
      const { stranger } = this.#topics;
      for (const { presence, picture } of [stranger, ...this.#personTopics.values()])
        for (const topic of [presence, picture]) this.#outbox.put(topic, "");
      for (const { lastSeen } of this.#personTopics.values()) this.#outbox.put(lastSeen, "");
      for (const topic of this.#outbox.topics) this.#outbox.put(topic, "");
    } else this.#outbox.put(this.#topics.availability, "offline");
    this.#flow();
    await this.#sentAll();
    await this.#link.close();
  }

  /** Once nothing is left to send, or after a while. */
  async #sentAll(): Promise<void> {
    if (!this.#link.isOpen || this.#flying === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #see(told: Told, present: readonly Present[], force: boolean): void {
    const newest = isNewer(told, this.#sourceOf(told).newest);
    for (const { person, lastSeen: at, source: camera, zone } of present) {
      if (person === null || !this.#personTopics.has(person)) continue;
      const before = this.#lastSeen.get(person)?.at ?? -1;
      // A time that is still to come by the newest word is by the clock of before it was put back.
      const clockWentBack = newest && before > told.at;
      if (before > at && !clockWentBack) continue;
      this.#lastSeen.set(person, { at, camera, zone });
      if (force || clockWentBack) this.#toldLastSeen.delete(person);
    }
  }

  #accept(told: Told, here: readonly Present[]): void {
    const { node = "" } = told;
    // What is late, or came twice, says nothing of now.
    if (!isNewer(told, this.#sourceOf(told).newest)) return;
    const before = this.#here;
    this.#sources.set(node, { here, newest: { at: told.at, sequence: told.sequence } });
    const waiting = node === "" || performance.now() > this.#restored.until ? [] : this.#restored.here;
    this.#restored = { ...this.#restored, here: waiting.filter(({ visit }) => watcherOf(visit) !== node) };
    const left = before.filter(({ person }) => !this.#here.some((each) => each.person === person));
    for (const { person } of left) if (person !== null) this.#toldLastSeen.delete(person);
    this.#tellStates();
    this.emit("change");
  }

  #sourceOf({ node = "" }: Told): Source {
    return this.#sources.get(node) ?? NONE;
  }

  /** Who is here, each once: of a person whom two see, where they were seen last. */
  get #here(): Present[] {
    const { isThere = () => true } = this.#options;
    const told = [...this.#sources].flatMap(([node, { here }]) => (node === "" || isThere(node) ? here : []));
    const known = new Map<string, Present>();
    for (const present of [...this.#restored.here, ...told].toSorted((a, b) => a.lastSeen - b.lastSeen))
      known.set(present.person ?? `visit ${present.visit}`, present);
    return [...known.values()];
  }

  /** Who counts: strangers only where they are told of. */
  #counted(): readonly Present[] {
    const { strangers } = this.#options.options;
    return this.#here.filter(({ person }) => strangers || person !== null);
  }

  #tellStates(): void {
    const { availability, here, stranger } = this.#topics;
    const { strangers } = this.#options.options;
    this.#outbox.put(availability, "online");
    const all = this.#here;
    const present = new Set(all.map(({ person }) => person));
    for (const [id, { presence, lastSeen }] of this.#personTopics) {
      this.#outbox.put(presence, present.has(id) ? "ON" : "OFF");
      this.#tellLastSeen(id, lastSeen);
    }
    const counted = this.#counted();
    const isStranger = ({ confirmed, person }: Present): boolean => confirmed && person === null;
    this.#outbox.put(
      here,
      JSON.stringify({
        count: counted.length,
        people: this.#people.flatMap(({ id, name }) => (present.has(id) ? [name] : [])),
        strangers: counted.filter(isStranger).length,
      }),
    );
    if (strangers) this.#outbox.put(stranger.presence, all.some(isStranger) ? "ON" : "OFF");
  }

  #tellLastSeen(person: string, topic: string): void {
    const seen = this.#lastSeen.get(person);
    if (seen === undefined) return;
    const told = this.#toldLastSeen.get(person);
    if (
      told !== undefined &&
      told.camera === seen.camera &&
      told.zone === seen.zone &&
      seen.at - told.at < LAST_SEEN_STEP_MS
    )
      return;
    this.#toldLastSeen.set(person, seen);
    const { at, camera, zone } = seen;
    this.#outbox.put(topic, JSON.stringify({ at: new Date(at).toISOString(), camera, zone }));
  }

  #tellEvent(visit: Visit): void {
    const { strangers } = this.#options.options;
    if (visit.person === null && !strangers) return;
    // What was told long ago and comes now is no news.
    if (this.#age.of(visit.at) > this.#patienceMs) {
      this.#drop(1);
      return;
    }
    const isStranger = visit.confirmed && visit.person === null;
    if (isStranger && visit.event === "arrived") return;
    const nameOf = ({ person }: Present): string | null => this.#names.get(person) ?? null;
    this.#outbox.add(
      isStranger ? this.#topics.stranger.visit : this.#topics.visit,
      JSON.stringify({
        event_type: visit.event,
        ...(isStranger ? {} : { person: nameOf(visit) }),
        zone: visit.zone,
        camera: visit.source,
        since: new Date(visit.since).toISOString(),
        duration: Math.round(visit.duration / 1000),
        zones: visit.zones,
        others: visit.others.map(nameOf).filter((name) => name !== null),
        visit: visit.visit,
      }),
    );
  }

  /** @returns false when what it has is no JPEG that can be shown */
  #tellPicture({ snapshot, person, confirmed }: Visit): boolean {
    const { pictures, strangers } = this.#options.options;
    if (snapshot === undefined || !pictures) return true;
    const isStranger = confirmed && person === null && strangers;
    const topic = isStranger ? this.#topics.stranger.picture : this.#personTopics.get(person ?? "")?.picture;
    if (topic === undefined) return true;
    if (!canBeShown(snapshot)) return false;
    this.#outbox.put(topic, snapshot, { picture: true });
    return true;
  }

  /** Tell what there is now, and first what is no more. @param before what there was */
  #describe(before: Readonly<Record<string, Component>>): void {
    const discovery = this.#discovery;
    if (discovery === undefined) return;
    for (const [key, { p }] of Object.entries(before)) if (!(key in discovery.cmps)) this.#removed.set(key, p);
    for (const key of this.#removed.keys()) if (key in discovery.cmps) this.#removed.delete(key);
    this.#outbox.put(
      this.#topics.config,
      JSON.stringify(discovery),
      this.#removed.size === 0 ? {} : { before: JSON.stringify(withRemoved(discovery, this.#removed)) },
    );
    const { base } = this.#topics;
    const present = componentTopics(discovery.cmps, base);
    for (const topic of componentTopics(before, base)) if (!present.has(topic)) this.#outbox.put(topic, "");
  }

  #opened(): void {
    this.away = undefined;
    this.#settled = false;
    this.#outbox.again({ pictures: true });
    this.#drop(this.#outbox.takeDropped());
    this.emit("change");
    this.#flow();
  }

  /** Say it once for all that are dropped in a while. */
  #drop(count: number): void {
    if (count === 0) return;
    this.#dropped += count;
    this.#dropping ??= setTimeout(() => {
      this.#dropping = undefined;
      this.emit("dropped", this.#dropped);
      this.#dropped = 0;
    }, DROPPED_STEP_MS);
  }

  #heard(topic: string, payload: Buffer, retained: boolean): void {
    const { config, availability, status } = this.#topics;
    const said = payload.length < 100 ? payload.toString() : "";
    if (this.#closing) return;
    if (topic === config) {
      // What the broker has of before is the first thing that it says of it; what follows are our own words.
      this.#link.unsubscribe(config);
      if (retained) this.#describe(componentsIn(payload));
    } else if (topic === availability && said === "offline") {
      // The last will of a connection that the broker had not noticed was lost.
      this.#outbox.repeat(availability);
    } else if (status.includes(topic) && said === "online" && (!retained || this.#settled)) {
      this.#outbox.again({ pictures: false });
    }
    this.#flow();
  }

  /** Publish what is due, as much at once as a broker takes. */
  #flow(): void {
    while (this.#link.isOpen && this.#flying < MOST_FLYING) {
      const letter = this.#outbox.next();
      if (letter === undefined) break;
      this.#flying += 1;
      heard("notify", this.#send(letter));
    }
    if (this.#flying > 0) return;
    if (this.#link.isOpen) this.#settled = true;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #send(letter: Letter): Promise<void> {
    try {
      await this.#link.publish(letter);
      this.#outbox.sent(letter);
    } catch {
      // The connection says why it is gone; what it took along is sent again.
      this.#outbox.returned(letter);
    } finally {
      this.#flying -= 1;
      this.#flow();
    }
  }
}

/** A visit as those see it who ask who is here. */
function presentOf({ event: _event, others: _others, snapshot: _snapshot, seal: _seal, ...present }: Visit): Present {
  return present;
}

/** A JPEG, and none that would hold up the rest. */
const canBeShown = (picture: Buffer): boolean =>
  picture[0] === 0xff && picture[1] === 0xd8 && picture.length <= LARGEST_PICTURE;
