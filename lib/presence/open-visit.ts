/** A visit that has not ended: who it is as far as that is settled, where they were, and when. */
import { randomBytes } from "node:crypto";
import { BoundedMap } from "../bounded-map";
import type { Face, Identity } from "../message";
import type { Liveness, Present } from "../visit";
import type { NewVisitRecord, Stay } from "../visits/book";
import type { FrameTime, Instant } from "./clock";
import { Evidence, NOBODY } from "./evidence";

/** Faces of a visit that others are compared with; of more the oldest goes. */
const MOST_FACES = 3;
/** Of somebody who walks to and fro all day the stays after the first few make room. */
const MOST_STAYS = 60;
/** Somebody in the sight of two cameras is where they were until that one has not seen them for so long. */
const MOVED_MS = 1000;
const ID_BYTES = 8;
/** Faces of a visit whose liveness was found; of more the one that was found first may count once more. */
const MOST_EXAMINED = 100;

/** Where a frame comes from. */
export interface Place {
  /** Id of the camera. */
  camera: string;
  /** Its name. */
  source: string;
  zone: string;
}

/** What is known of a visit beside its record. */
export interface Faces {
  model: string;
  vectors: Float32Array[];
}

type Times = Pick<NewVisitRecord, "since" | "lastSeen">;

export class OpenVisit {
  readonly id: string;
  readonly evidence: Evidence;
  person: string | null = null;
  name: string | null = null;
  groups: string[] = [];
  confirmed = false;
  stranger: string | undefined;
  faces: Faces | undefined;
  snapshot: Buffer | undefined;
  /** Whether anything was told of it. */
  told = false;
  /** Since when and until when it is known that they are here, by the clock that only goes on. */
  readonly begun: number;
  there: number;
  /** … and when a face last told who they are. */
  #seenAt: number;
  #times: Times;
  #stays: Stay[];
  #stayAt: number;
  #decided: Pick<Present, "distance" | "threshold"> = { distance: null, threshold: null };
  #frames = 0;
  #denied: string | undefined;
  #liveness: Present["liveness"];
  /** What was found of their faces; each is carried on by every frame of its track. */
  readonly #examined = new BoundedMap<string, true>(MOST_EXAMINED);

  private constructor(id: string, enough: number, at: number, times: Times, stays: Stay[]) {
    this.id = id;
    this.evidence = new Evidence(enough);
    this.begun = at;
    this.there = at;
    this.#seenAt = at;
    this.#stayAt = at;
    this.#times = times;
    this.#stays = stays;
  }

  /** @param prefix of its id: of the node whose visit it is */
  static begin(prefix: string, enough: number, { at, wall }: FrameTime, place: Place): OpenVisit {
    const id = `${prefix}${randomBytes(ID_BYTES).toString("hex")}`;
    return new OpenVisit(id, enough, at, { since: wall, lastSeen: wall }, [{ ...place, from: wall, until: wall }]);
  }

  /** One that was open before a restart. */
  static restore(kept: NewVisitRecord, enough: number, { wall, mono }: Instant, faces: Faces | undefined): OpenVisit {
    const { visit, since, lastSeen, stays } = kept;
    // A clock that is not right yet may be behind.
    const at = mono - Math.max(0, wall - lastSeen);
    const open = new OpenVisit(visit, enough, at - Math.max(0, lastSeen - since), { since, lastSeen }, [...stays]);
    Object.assign(open, {
      person: kept.person,
      name: kept.name,
      groups: kept.groups,
      confirmed: kept.confirmed,
      stranger: kept.stranger,
      told: true,
      there: at,
      faces,
    });
    open.#seenAt = at;
    open.#stayAt = at;
    open.#decided = { distance: kept.distance, threshold: kept.threshold };
    open.#frames = kept.frames;
    if (kept.confirmed) open.evidence.settle(kept.person ?? NOBODY);
    return open;
  }

  /** Who it is: a person's id or NOBODY; undefined as long as that is not settled. */
  get who(): string | undefined {
    return this.confirmed ? (this.person ?? NOBODY) : undefined;
  }

  /** Milliseconds from when they came until they were last seen. */
  get duration(): number {
    return this.#times.lastSeen - this.#times.since;
  }

  get zone(): string {
    return this.#here.zone;
  }

  get zones(): string[] {
    return [...new Set(this.#stays.map(({ zone }) => zone))];
  }

  get lastSeen(): number {
    return this.#times.lastSeen;
  }

  get #here(): Stay {
    return this.#stays.at(-1) as Stay;
  }

  /**
   * A face of theirs told who they are.
   * @param age milliseconds since it was embedded
   * @returns whether they are in another zone
   */
  see(
    face: Face,
    { at, wall }: FrameTime,
    { place, age, anew }: { place: Place; age: number; anew: boolean },
  ): boolean {
    const seenAt = at - age;
    if (seenAt >= this.#seenAt) {
      this.#seenAt = seenAt;
      this.#times.lastSeen = Math.max(this.#times.since, Math.round(wall - age));
    }
    if (anew) this.#frames += 1;
    this.#decide(face.identity);
    if (face.embedding !== undefined && face.model !== undefined && anew) this.#keepFace(face.model, face.embedding);
    if (face.liveness !== undefined) this.#examine(face.liveness, place.camera);
    return this.#move(at, place);
  }

  /** Frames in which a face was embedded anew before it was known whose it is. */
  addFrames(frames: number): void {
    this.#frames += frames;
  }

  /** It is settled, or settled otherwise. */
  settle(who: string, identity: Pick<Identity, "name" | "groups"> | undefined): void {
    if (this.who !== who) {
      this.#liveness = undefined;
      this.#examined.clear();
      this.#denied = undefined;
      this.#decided = { distance: null, threshold: null };
    }
    this.confirmed = true;
    this.person = who === NOBODY ? null : who;
    this.name = who === NOBODY ? null : (identity?.name ?? null);
    this.groups = who === NOBODY ? [] : [...(identity?.groups ?? [])];
    if (who !== NOBODY) this.stranger = undefined;
  }

  /** The same person as another visit that is given up for this one. */
  takeOver(other: OpenVisit): void {
    this.there = Math.max(this.there, other.there);
    if (other.faces !== undefined) for (const face of other.faces.vectors) this.#keepFace(other.faces.model, face);
  }

  /** The wall clock was put forwards by so much, or back where it is below 0. */
  shift(ms: number): void {
    this.#times = { since: this.#times.since + ms, lastSeen: this.#times.lastSeen + ms };
    this.#stays = this.#stays.map((stay) => ({ ...stay, from: stay.from + ms, until: stay.until + ms }));
  }

  present(): Present {
    const { camera, source, zone } = this.#here;
    const { stranger, confirmed } = this;
    return {
      visit: this.id,
      person: this.person,
      name: this.name,
      groups: [...this.groups],
      confirmed,
      ...(stranger === undefined ? {} : { stranger }),
      ...this.#times,
      camera,
      source,
      zone,
      ...this.#decided,
      sure: this.evidence.sureOf(this.who ?? this.evidence.leader?.who ?? NOBODY),
      frames: this.#frames,
      ...(this.#denied === undefined ? {} : { denied: this.#denied }),
      ...(this.#liveness === undefined ? {} : { liveness: this.#liveness }),
    };
  }

  /** @param over whether it has ended */
  record(over: boolean): NewVisitRecord {
    const { camera: _camera, source: _source, zone: _zone, ...rest } = this.present();
    const { denied: _denied, liveness: _liveness, ...present } = rest;
    return { ...present, until: over ? present.lastSeen : null, stays: this.#stays.map((stay) => ({ ...stay })) };
  }

  #decide(identity: Identity | undefined): void {
    if (identity === undefined || identity.distance === null) return;
    if (this.person !== null && identity.person !== this.person) return;
    this.#decided = { distance: identity.distance, threshold: identity.threshold };
    if (this.person === null) return;
    this.#denied = identity.outcome === "denied" ? identity.reason : undefined;
    // They may be called otherwise by now, or be in other groups.
    this.name = identity.name;
    this.groups = [...identity.groups];
  }

  /**
   * What was found last counts, whatever the clock says of it, which may have been set; that another camera cannot
   * tell takes nothing back.
   */
  #examine(liveness: Liveness, camera: string): void {
    const key = JSON.stringify([camera, liveness.by, liveness.result, liveness.at]);
    if (this.#examined.has(key)) return;
    this.#examined.set(key, true);
    if (liveness.result !== "unsure" || this.#liveness === undefined || this.#liveness.result === "unsure")
      this.#liveness = liveness;
  }

  #keepFace(model: string, vector: Float32Array): void {
    const before = this.faces?.model === model ? this.faces.vectors : [];
    this.faces = { model, vectors: [...before, vector].slice(-MOST_FACES) };
  }

  #move(at: number, place: Place): boolean {
    const here = this.#here;
    const { lastSeen } = this.#times;
    if (here.camera === place.camera && here.zone === place.zone) {
      this.#stayAt = Math.max(this.#stayAt, at);
      here.until = Math.max(here.from, lastSeen);
      return false;
    }
    const sameZone = here.zone === place.zone;
    if (at - this.#stayAt < MOVED_MS) return false;
    this.#stayAt = at;
    this.#stays.push({ ...place, from: lastSeen, until: lastSeen });
    // The first says where they came in.
    if (this.#stays.length > MOST_STAYS) this.#stays.splice(1, 1);
    return !sameZone;
  }
}
