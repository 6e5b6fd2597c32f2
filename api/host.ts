/** What the API needs of Node-RED and of the nodes that are deployed; nodes/common/serve-api.ts gives it. */
import type { Express, RequestHandler } from "express";
import type { Attendance } from "../lib/attendance/attendance";
import type { FrappeOutbox } from "../lib/attendance/frappe";
import type { Camera } from "../lib/capture/camera";
import type { Gallery } from "../lib/gallery/gallery";
import type { Gate } from "../lib/gate/gate";
import type { DistanceKind } from "../lib/search/roster";
import type { Journal } from "../lib/observe/journal";
import type { Ruled } from "../lib/match/threshold";
import type { Language, Sentence } from "../lib/words/sentence";

/** Node-RED's admin server, its permissions, log and settings: Node-RED's own API object is one. */
export interface AdminServer {
  readonly httpAdmin: Pick<Express, "get" | "post" | "patch" | "delete">;
  readonly auth: { needsPermission(permission: string): RequestHandler };
  readonly log: { error(text: string): void };
  /** Of settings.js. */
  readonly settings: object;
}

/** A gallery that is deployed. */
export interface ServedGallery {
  /**
   * Rejects with a sentence when the model or the store cannot be used. Everybody is known once its loaded() resolves.
   */
  gallery: Promise<Gallery>;
  /** What the gallery waits for before it is open; undefined when it is open, or never will be. */
  waiting: { sentence: Sentence } | undefined;
  /** Resolves once it is known whether the gallery is open, waits for something or cannot be used. */
  settled: Promise<void>;
  /** The newest events of all face-match nodes of this gallery. */
  journal: Journal;
  /** Aborted when the node closes: whoever waits for something of it waits in vain. */
  closing: AbortSignal;
}

/** A gate that is deployed. */
export interface ServedGate {
  /** Rejects with a sentence when what it keeps cannot be used, at once while its disk refuses. */
  open(): Promise<Gate>;
  /** Id of its gallery's node. */
  galleryId: string;
}

/** How a face-match node decides: with variables put in. */
export interface MatchRule {
  /** Id of the gallery's node. */
  gallery: string;
  distance: DistanceKind;
  /** A fixed τ; undefined where none is set. */
  threshold: number | undefined;
  /** Share of strangers who may get a name; undefined is a fixed τ. */
  wanted: number | undefined;
  /** τ as it comes out now; undefined while the gallery is not open. */
  now(): Ruled | undefined;
}

/** An attendance book that is deployed. */
export interface ServedAttendance {
  /** Id of the gallery's node. */
  gallery: string;
  /** Rejects with a sentence where it could not start, at once while its disk refuses. */
  open(): Promise<Attendance>;
  /** Undefined where nothing is sent to Frappe HRMS. */
  outbox(): Promise<FrappeOutbox | undefined>;
  /** Why nothing is sent now; null where all is well. */
  problemIn(language: Language): string | null;
}

/** Something deployed: its id as Node-RED finds it, and its name, in a subflow with the instance's. */
export interface Named {
  id: string;
  name: string;
}

/** The nodes that run, those in subflows among them. */
export interface DeployedNodes {
  /** Version of Node-RED. */
  readonly nodeRed: string;
  galleries(): (Named & { node: ServedGallery })[];
  /** Undefined where no gallery has this id. */
  gallery(id: string): ServedGallery | undefined;
  /** The gates of a gallery. */
  gates(gallery: string): (Named & { node: ServedGate })[];
  /** A camera that could not start is undefined. */
  cameras(): (Named & { camera: Camera | undefined })[];
  /** Undefined where no camera that could start has this id. */
  camera(id: string): Camera | undefined;
  /** One that could not start is undefined. */
  attendances(): (Named & { served: ServedAttendance | undefined })[];
  matchers(): (Named & Omit<MatchRule, "now"> & { decides: Ruled | undefined })[];
}
