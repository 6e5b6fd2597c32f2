/** Visits as face-presence would have written and told them, for whoever reads them: in memory, from the first on. */
import type { Visit } from "../../lib/visit";
import type { VisitBook, VisitRecord } from "../../lib/visits/book";

export interface ScriptedVisit {
  visit: string;
  person: string | null;
  groups?: string[];
  /** Zone by zone, and when they came there. */
  stays: readonly (readonly [zone: string, from: number])[];
  until: number;
}

export function recordOf(
  { visit, person, groups = [], stays, until }: ScriptedVisit,
  { confirmed = true, over = true }: { confirmed?: boolean; over?: boolean } = {},
): Omit<VisitRecord, "revision"> {
  return {
    visit,
    person: confirmed ? person : null,
    name: confirmed ? person : null,
    groups: confirmed ? groups : [],
    confirmed,
    since: stays[0]?.[1] ?? until,
    lastSeen: until,
    until: over ? until : null,
    stays: stays.map(([zone, from], index) => ({
      zone,
      camera: `camera ${zone}`,
      source: `${zone} camera`,
      from,
      until: stays[index + 1]?.[1] ?? until,
    })),
    distance: confirmed ? 0.5 : null,
    threshold: 0.9,
    sure: confirmed ? 0.99 : 0.5,
    frames: 5,
    pictured: false,
  };
}

/** What a VisitBook is to face-attendance. */
export class VisitLog implements Pick<VisitBook, "revision" | "since"> {
  revision = 0;
  /** In the order of their revisions: a Map keeps what is put anew at its end. */
  readonly #records = new Map<string, VisitRecord>();

  get ids(): IterableIterator<string> {
    return this.#records.keys();
  }

  put(record: Omit<VisitRecord, "revision">): void {
    this.revision += 1;
    this.#records.delete(record.visit);
    this.#records.set(record.visit, { ...record, revision: this.revision });
  }

  async since(revision: number, limit: number): Promise<VisitRecord[]> {
    const found: VisitRecord[] = [];
    for (const record of this.#records.values()) {
      if (record.revision > revision) found.push(record);
      if (found.length === limit) break;
    }
    return found;
  }
}

/** What is told of a visit, by which stay it is told. */
export function messageOf(
  script: ScriptedVisit,
  {
    event,
    stay,
    sequence,
    gallery = "gallery",
  }: { event: Visit["event"]; stay: number; sequence: number; gallery?: string },
): Visit {
  const { stays, until, ...record } = recordOf(script, { confirmed: event !== "arrived" });
  const [zone = "", from = 0] = script.stays[stay] ?? [];
  const { visit, person, name, groups, confirmed, since, distance, threshold, sure, frames } = record;
  return {
    visit,
    person,
    name,
    groups,
    confirmed,
    since,
    distance,
    threshold,
    sure,
    frames,
    lastSeen: event === "left" ? (until ?? from) : from,
    camera: `camera ${zone}`,
    source: `${zone} camera`,
    zone,
    zones: [...new Set(stays.slice(0, stay + 1).map((each) => each.zone))],
    event,
    gallery,
    duration: from - since,
    others: [],
    at: from,
    sequence,
  };
}
