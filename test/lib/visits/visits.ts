/** Visits for tests, each of which can be told from its number. */
import type { NewVisitRecord, VisitRecord } from "../../../lib/visits/book";

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
/** 2026-03-02 08:00 UTC. */
export const MORNING = Date.UTC(2026, 2, 2, 8);

export const visitId = (number: number): string => `visit-${String(number).padStart(6, "0")}`;

/** Of number 7: they came seven minutes after the morning began, and left two minutes later. */
export function visitOf(number: number, changes: Partial<NewVisitRecord> = {}): NewVisitRecord {
  const since = changes.since ?? MORNING + number * MINUTE;
  const until = changes.until === undefined ? since + 2 * MINUTE : changes.until;
  const lastSeen = until ?? since + MINUTE;
  return {
    visit: visitId(number),
    person: null,
    name: null,
    groups: [],
    confirmed: true,
    since,
    lastSeen,
    until,
    distance: null,
    threshold: null,
    sure: 0.99,
    frames: number,
    stays: [{ zone: "door", camera: "c1", source: "front", from: since, until: lastSeen }],
    ...changes,
  };
}

/** In a zone, or several one after the other. */
export const staysIn = (since: number, ...zones: string[]): NewVisitRecord["stays"] =>
  zones.map((zone, at) => ({
    zone,
    camera: `c-${zone}`,
    source: zone,
    from: since + at * MINUTE,
    until: since + (at + 1) * MINUTE,
  }));

/** As it was put. */
export function asPut({ revision: _revision, pictured: _pictured, ...record }: VisitRecord): NewVisitRecord {
  return record;
}

/** 16 numbers that differ from those of every other. */
export const vectorOf = (number: number): Float32Array =>
  Float32Array.from({ length: 16 }, (_, axis) => Math.sin(1 + number * 0.37 + axis * (1 + (number % 7))));

export const pictureOf = (number: number): Buffer => Buffer.from(`picture of visit ${number}, and of nobody else`);
