/**
 * From the decided faces of several cameras to visits: whose face is whose, who is settled to be whom, who has left.
 * It computes, and neither waits nor writes: what happened is returned, in order.
 */
import { BoundedMap } from "../bounded-map";
import { withoutDoubles } from "../detect/boxes";
import { type Box, cameraOf, type Face, type Frame } from "../message";
import { carriedAgeOf } from "../match/track-vote";
import type { Present, Visit, VisitEvent } from "../visit";
import type { NewVisitRecord } from "../visits/book";
import { CameraOrder, type Turn } from "./camera-order";
import { type FrameTime, type Instant, Jumps } from "./clock";
import { ENOUGH, NOBODY, saysOf } from "./evidence";
import { type Faces, OpenVisit, type Place } from "./open-visit";
import type { PresenceOptions } from "./options";
import { Sighting } from "./sighting";

/** More people than stand before the cameras of one gallery; of more whoever was not seen for longest has left. */
const MOST_OPEN = 100;
/** Faces followed, of all cameras; and of one frame the largest. */
const MOST_SIGHTINGS = 512;
const MOST_FACES = 64;
/** A face that was not there for so long is gone, … */
const SILENCE_MS = 5000;
/**
 * … and what its frames said is forgotten after this, or once they would have left: cameras that send a picture
 * every ten seconds see somebody again, and one that falls silent for a while does.
 */
const FORGET_MS = 30_000;
/** Whoever is not followed by the detector is the same from frame to frame where the face is the same. */
const PHOTO = { camera: "photo", source: "photo" };

/** Whether two embeddings of a model are so near that they are most likely of one person. */
export type Alike = (a: Float32Array, b: Float32Array, model: string) => boolean;

export interface VisitsParts {
  options: PresenceOptions;
  /** Of the ids of visits. */
  prefix: string;
  alike: Alike;
  /** Id of the group of strangers whom a face belongs to, where there is one. */
  strangerOf?: ((face: Face) => string | undefined) | undefined;
}

/** A visit as it was left open. */
export interface RestoredVisit {
  record: NewVisitRecord;
  faces: Faces | undefined;
  snapshot: Buffer | undefined;
  /** Until when it is known that they are here, by the clock that only goes on; undefined after a restart. */
  there?: number;
}

/** What has happened to somebody's visit. */
export interface Happening extends Pick<Visit, "event" | "was" | "duration" | "zones"> {
  visit: OpenVisit;
  /** As they were when it happened. */
  present: Present;
  record: NewVisitRecord;
  /** Of their face in this frame, pixels of the picture. */
  box?: Box | undefined;
}

export interface Frameful {
  faces: readonly Face[];
  /** Undefined of a photo. */
  frame: Frame | undefined;
}

export interface Seen {
  turn: Turn;
  happened: Happening[];
}

/** A frame that is being looked at. */
interface Look {
  time: FrameTime;
  place: Place;
  /** Visits that somebody in it belongs to: nobody is there twice. */
  taken: Set<OpenVisit>;
  happened: Happening[];
}

export class Visits {
  readonly #options: PresenceOptions;
  readonly #parts: VisitsParts;
  readonly #enough: number;
  readonly #order: CameraOrder;
  readonly #zones: ReadonlyMap<string, string>;
  readonly #jumps = new Jumps();
  /** The one seen last is last. */
  readonly #open = new Map<string, OpenVisit>();
  readonly #sightings = new BoundedMap<string, Sighting>(MOST_SIGHTINGS);
  #frame = 0;
  #loose = 0;

  constructor(parts: VisitsParts) {
    const { options } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#enough = ENOUGH[options.evidence];
    this.#order = new CameraOrder(options.maxAge);
    this.#zones = new Map(options.zones.map(({ camera, zone }) => [camera, zone]));
  }

  /** Those that have not ended, told or not. */
  get open(): OpenVisit[] {
    return [...this.#open.values()];
  }

  /** Visits of before a restart; who is gone for too long has left. */
  restore(kept: readonly RestoredVisit[], now: Instant, slack: number): Happening[] {
    this.#jumps.since(now);
    for (const { record, faces, snapshot, there } of kept) {
      if (this.#open.size >= MOST_OPEN) break;
      const visit = OpenVisit.restore(record, this.#enough, now, faces);
      // What was seen just before the end was not written any more.
      visit.there = there ?? visit.there + slack;
      visit.snapshot = snapshot;
      this.#open.set(visit.id, visit);
    }
    return this.pass(now);
  }

  /** Time goes on, whether frames come or not. @returns who has left */
  pass(now: Instant): Happening[] {
    const jump = this.#jumps.since(now);
    if (jump !== 0) for (const visit of this.#open.values()) visit.shift(jump);
    const awayMs = this.#options.away * 1000;
    const forgetMs = Math.max(SILENCE_MS, Math.min(FORGET_MS, awayMs));
    for (const [key, { at }] of this.#sightings) if (now.mono - at > forgetMs) this.#sightings.delete(key);
    return [...this.#open.values()]
      .filter(({ there }) => now.mono - there > awayMs)
      .flatMap((visit) => this.#end(visit));
  }

  /** The faces of a frame were decided. */
  see({ faces, frame }: Frameful, now: Instant): Seen {
    const happened = this.pass(now);
    const turn = frame === undefined ? "next" : this.#order.take(frame, now.wall);
    if (turn !== "next") return { turn, happened };
    this.#frame += 1;
    const look: Look = {
      time: timeOf(frame, now, this.#options.maxAge),
      place: this.#placeOf(frame),
      taken: new Set(),
      happened,
    };
    const largest = faces
      .filter(({ identity }) => identity !== undefined && identity.outcome !== "noface")
      .toSorted((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
      .slice(0, MOST_FACES);
    const followed = withoutDoubles(largest).map((face) => ({ face, sighting: this.#follow(face, look) }));
    for (const { face, sighting } of followed) this.#take(face, sighting, look);
    return { turn, happened };
  }

  /** A person was deleted: nothing is known of them any more. */
  forget(person: string): void {
    for (const visit of this.#open.values()) if (visit.person === person) this.#drop(visit);
    for (const { evidence } of this.#sightings.values()) evidence.clear();
    for (const { evidence, confirmed } of this.#open.values()) if (!confirmed) evidence.clear();
  }

  /** A person is another one now. */
  merge(from: string, into: { id: string; name: string; groups: string[] }): Happening[] {
    for (const { evidence } of this.#sightings.values()) evidence.rename(from, into.id);
    const there = this.#visitOf(into.id);
    const happened: Happening[] = [];
    for (const visit of this.#open.values()) {
      visit.evidence.rename(from, into.id);
      if (visit.person !== from) continue;
      if (there === undefined) visit.settle(into.id, into);
      else happened.push(...this.#giveUp(visit, there));
    }
    return happened;
  }

  #placeOf(frame: Frame | undefined): Place {
    const { camera, source } = frame === undefined ? PHOTO : { camera: cameraOf(frame), source: frame.source };
    return { camera, source, zone: this.#zones.get(source) ?? this.#zones.get(camera) ?? source };
  }

  /** The face as it was followed up to now. */
  #follow(face: Face, { time, place, taken }: Look): Sighting {
    const key = face.track === undefined ? this.#looseKeyOf(face, place.camera) : `${place.camera}\n${face.track}`;
    const known = this.#sightings.get(key);
    const sighting = known ?? new Sighting(place.camera, face, time, this.#enough);
    sighting.follow(face, time);
    sighting.frame = this.#frame;
    this.#sightings.set(key, sighting);
    if (sighting.visit !== undefined && !this.#open.has(sighting.visit.id)) sighting.visit = undefined;
    // Two of one frame are two people, whatever was thought of them before.
    if (sighting.visit !== undefined && taken.has(sighting.visit)) sighting.visit = undefined;
    if (sighting.visit !== undefined) taken.add(sighting.visit);
    return sighting;
  }

  /** A face that nobody follows is the one of before that has its name, or that it resembles. */
  #looseKeyOf(face: Face, camera: string): string {
    const person = face.identity?.person ?? undefined;
    for (const [key, sighting] of this.#sightings) {
      if (sighting.camera !== camera || sighting.track !== undefined || sighting.frame === this.#frame) continue;
      const hasName = person !== undefined && sighting.evidence.leader?.who === person;
      if (hasName || this.#isLike(face, sighting)) return key;
    }
    this.#loose += 1;
    return `${camera}\nloose ${this.#loose}`;
  }

  #take(face: Face, sighting: Sighting, look: Look): void {
    const { time, place } = look;
    if (sighting.visit !== undefined) this.#stays(sighting.visit, time.at);
    const says = saysOf(face);
    if (says === undefined) return;
    if (sighting.frames === 0 && sighting.visit === undefined) this.#goOn(sighting, face);
    const share = sighting.shareOf(face, time);
    if (share > 0 && sighting.looksOtherwise) this.#lookAgain(sighting, face, look);
    if (share > 0 && sighting.changed && this.#isAnother(face, says.who, sighting)) this.#leave(sighting, look);
    sighting.add(face, says, share, time);
    let told: Pick<Visit, "event" | "was"> | undefined;
    if (sighting.visit === undefined) {
      if (share > 0) this.#find(sighting, face, look);
    } else {
      if (says.who !== undefined) sighting.visit.evidence.add(says.who, says.nats * share);
      told = this.#doubt(sighting, face, says.who, look);
    }
    if (sighting.visit === undefined) return;
    told ??= this.#confirm(sighting.visit, face, says.who, look);
    // By now it may be a part of another one.
    const here: OpenVisit = sighting.visit;
    if (here.who !== undefined && says.who !== here.who) return;
    const moved = here.see(face, time, { place, age: carriedAgeOf(face) ?? 0, anew: share > 0 });
    if (told !== undefined || (moved && here.told)) this.#tell(told ?? { event: "changed" }, here, face, look);
  }

  /** The face looks otherwise than before: turned, or somebody has come into their place. */
  #lookAgain(sighting: Sighting, face: Face, look: Look): void {
    const isSame = this.#isLike(face, sighting);
    sighting.knowLook(isSame);
    const who = sighting.visit?.who ?? sighting.visit?.evidence.leader?.who;
    // A name is not handed on; a stranger who turns their head stays the one who is here.
    if (!isSame && who !== undefined && who !== NOBODY) this.#leave(sighting, look);
  }

  /** Two people who pass each other change places before the detector: a stranger's has somebody else's face now. */
  #isAnother(face: Face, says: string | undefined, { visit }: Sighting): boolean {
    if (visit === undefined || says === undefined || this.#isOf(face, visit)) return false;
    for (const other of this.#open.values())
      if (other !== visit && other.who === says && this.#isOf(face, other)) return true;
    return false;
  }

  /** Whether a face is like those of a visit. */
  #isOf({ embedding, model }: Face, { faces }: OpenVisit): boolean {
    if (embedding === undefined || model === undefined || faces?.model !== model) return false;
    return faces.vectors.some((vector) => this.#parts.alike(embedding, vector, model));
  }

  #isLike({ embedding, model }: Face, other: Pick<Sighting, "embedding" | "model">): boolean {
    if (embedding === undefined || model === undefined || other.embedding === undefined) return false;
    return other.model === model && this.#parts.alike(embedding, other.embedding, model);
  }

  /** A track that broke off before it was known whose it is goes on in a new one. */
  #goOn(sighting: Sighting, face: Face): void {
    for (const [key, earlier] of this.#sightings) {
      if (earlier.camera !== sighting.camera || earlier.visit !== undefined || earlier.frame === this.#frame) continue;
      if (earlier.frames === 0 || !this.#isLike(face, earlier)) continue;
      sighting.takeOver(earlier);
      this.#sightings.delete(key);
      return;
    }
  }

  #stays(visit: OpenVisit, at: number): void {
    visit.there = Math.max(visit.there, at);
    // Whoever was not seen for longest comes first.
    this.#open.delete(visit.id);
    this.#open.set(visit.id, visit);
  }

  /** Whose face it is: once it was seen again, or at once where it goes on with a visit that was told. */
  #find(sighting: Sighting, face: Face, look: Look): void {
    const { named } = sighting;
    const known = named === undefined ? undefined : this.#visitOf(named);
    const resembled = known !== undefined && !look.taken.has(known) ? known : this.#resembled(sighting, look.taken);
    const isSure = named === undefined ? sighting.isSomebody : sighting.seenAgain;
    const goesOn = resembled !== undefined && [undefined, sighting.evidence.leader?.who].includes(resembled.who);
    if (!isSure && !goesOn) return;
    if (resembled !== undefined && !goesOn && this.#mayBeMissed(sighting, face, resembled)) return;
    if (resembled === undefined) this.#begin(sighting, face, look);
    else this.#join(sighting, resembled, look);
  }

  /** The face says by now that it is somebody else than the visit does. */
  #doubt(
    sighting: Sighting,
    face: Face,
    says: string | undefined,
    look: Look,
  ): Pick<Visit, "event" | "was"> | undefined {
    const { visit } = sighting;
    const who = sighting.evidence.settled;
    if (visit?.who === undefined || who === undefined || who !== says) return undefined;
    if (visit.who === who) {
      sighting.proved = true;
      return undefined;
    }
    if (!sighting.proved && this.#mayBeMissed(sighting, face, visit)) return undefined;
    const other = who === NOBODY ? undefined : this.#visitOf(who);
    if (other !== undefined && look.taken.has(other)) return undefined;
    const alone = this.#isAlone(sighting, visit);
    if (alone && (sighting.proved || visit.who === NOBODY)) {
      if (other !== undefined) {
        // Whoever was nobody up to now is one who is here.
        if (visit.who === NOBODY) look.happened.push(...this.#giveUp(visit, other));
        else this.#leave(sighting, look);
        this.#join(sighting, other, look);
        return undefined;
      }
      const { person, name } = visit;
      visit.evidence.settle(who);
      visit.settle(who, face.identity);
      this.#nameStranger(visit, face);
      // Of a stranger of whom nothing was to be told nobody has heard.
      return visit.told ? { event: "changed", was: { person, name } } : { event: "confirmed" };
    }
    // Somebody else has come into their place.
    this.#leave(sighting, look);
    if (other === undefined) this.#begin(sighting, face, look);
    else this.#join(sighting, other, look);
    return undefined;
  }

  #leave(sighting: Sighting, { taken }: Look): void {
    if (sighting.visit !== undefined) taken.delete(sighting.visit);
    sighting.visit = undefined;
    sighting.proved = false;
    sighting.changed = false;
  }

  /** Whether no other face that is there now belongs to the visit. */
  #isAlone(sighting: Sighting, visit: OpenVisit): boolean {
    for (const other of this.#sightings.values())
      if (other !== sighting && other.visit === visit && sighting.at - other.at < SILENCE_MS) return false;
    return true;
  }

  /** Settle who it is, as soon as that can be. */
  #confirm(visit: OpenVisit, face: Face, says: string | undefined, look: Look): { event: "confirmed" } | undefined {
    const who = visit.evidence.settled;
    if (visit.confirmed || who === undefined || who !== says) return undefined;
    const other = who === NOBODY ? undefined : this.#visitOf(who);
    if (other !== undefined && other !== visit) {
      // Two people at once, who both look like one: nobody can say who is who.
      if (look.taken.has(other)) return undefined;
      look.happened.push(...this.#giveUp(visit, other));
      this.#see(other, look);
      return undefined;
    }
    visit.settle(who, face.identity);
    this.#nameStranger(visit, face);
    return { event: "confirmed" };
  }

  #see(visit: OpenVisit, { taken, time }: Look): void {
    taken.add(visit);
    this.#stays(visit, time.at);
  }

  /** Somebody is here. */
  #begin(sighting: Sighting, face: Face, look: Look): void {
    const { time, place, happened } = look;
    const [longest] = this.#open.values();
    if (this.#open.size >= MOST_OPEN && longest !== undefined) happened.push(...this.#end(longest));
    const visit = OpenVisit.begin(this.#parts.prefix, this.#enough, sighting.begun(time), place);
    this.#join(sighting, visit, look);
    this.#tell({ event: "arrived" }, visit, face, look);
  }

  #join(sighting: Sighting, visit: OpenVisit, look: Look): void {
    sighting.visit = visit;
    visit.addFrames(Math.max(0, sighting.frames - 1));
    visit.evidence.join(sighting.evidence);
    this.#see(visit, look);
  }

  #nameStranger(visit: OpenVisit, face: Face): void {
    if (visit.who === NOBODY) visit.stranger = this.#parts.strangerOf?.(face);
  }

  #visitOf(person: string): OpenVisit | undefined {
    for (const visit of this.#open.values()) if (visit.person === person) return visit;
    return undefined;
  }

  /**
   * The visit whose faces a face is like; of nobody that is known first. It is more likely somebody who is here, in a
   * few poor frames, than somebody new; once it is settled who it is, nobody else's will do.
   */
  #resembled({ embedding, model, evidence }: Sighting, taken: ReadonlySet<OpenVisit>): OpenVisit | undefined {
    if (embedding === undefined || model === undefined) return undefined;
    const { settled } = evidence;
    let known: OpenVisit | undefined;
    for (const visit of this.#open.values()) {
      const { faces, person } = visit;
      if (taken.has(visit) || faces?.model !== model) continue;
      if (settled !== undefined && settled !== NOBODY && person !== null && person !== settled) continue;
      if (settled === NOBODY && person !== null && evidence.isCertain) continue;
      if (!faces.vectors.some((vector) => this.#parts.alike(embedding, vector, model))) continue;
      if (person === null) return visit;
      known = visit;
    }
    return known;
  }

  /**
   * Whether it is settled that it is nobody, and yet may be the known person whom it looks like: of somebody who
   * stands there for minutes a few frames in a row miss who it is more often than somebody like them comes.
   */
  #mayBeMissed({ evidence }: Sighting, face: Face, visit: OpenVisit): boolean {
    return evidence.settled === NOBODY && !evidence.isCertain && visit.person !== null && this.#isOf(face, visit);
  }

  /** A visit turns out to be a part of another one. */
  #giveUp(visit: OpenVisit, into: OpenVisit): Happening[] {
    into.takeOver(visit);
    for (const sighting of this.#sightings.values()) if (sighting.visit === visit) sighting.visit = into;
    return this.#end(visit);
  }

  #end(visit: OpenVisit): Happening[] {
    this.#drop(visit);
    return visit.told ? [happening("left", visit)] : [];
  }

  #drop(visit: OpenVisit): void {
    this.#open.delete(visit.id);
  }

  #tell({ event, was }: Pick<Visit, "event" | "was">, visit: OpenVisit, face: Face, { happened }: Look): void {
    const isUnknown = visit.person === null;
    if (isUnknown && !this.#options.unknown && !visit.told) return;
    visit.told = true;
    happened.push({ ...happening(event, visit), ...(was === undefined ? {} : { was }), box: face.box });
  }
}

function timeOf(frame: Frame | undefined, { wall, mono }: Instant, maxAge: number): FrameTime {
  if (frame === undefined || frame.live === false) return { at: mono, wall, live: false };
  const age = Math.min(Math.max(0, wall - frame.capturedAt), maxAge > 0 ? maxAge : Infinity);
  return { at: mono - age, wall: wall - age, live: true };
}

function happening(event: VisitEvent, visit: OpenVisit): Happening {
  const { duration, zones } = visit;
  return { event, visit, present: visit.present(), record: visit.record(event === "left"), duration, zones };
}
