/** Visits as face-presence tells of them. */
import type { Presence, Present, Visit } from "../../lib/visit";

/** A JPEG as far as its first bytes tell. */
export const jpegOf = (text: string): Buffer => Buffer.concat([Buffer.of(0xff, 0xd8, 0xff, 0xe0), Buffer.from(text)]);

let sequence = 0;

export function presentOf(fields: Partial<Present> = {}): Present {
  const now = Date.now();
  return {
    visit: "v1",
    person: null,
    name: null,
    groups: [],
    confirmed: fields.person !== undefined && fields.person !== null,
    since: now - 5000,
    lastSeen: now,
    camera: "c1",
    source: "door",
    zone: "hall",
    distance: null,
    threshold: null,
    sure: 0.9,
    frames: 3,
    ...fields,
  };
}

export function visitOf(fields: Partial<Visit> = {}): Visit {
  sequence += 1;
  const present = presentOf(fields);
  return {
    ...present,
    event: "confirmed",
    gallery: "g",
    duration: 5000,
    zones: [present.zone],
    others: [],
    at: Date.now(),
    sequence,
    ...fields,
  };
}

export function presenceOf(here: Present[], fields: Partial<Presence> = {}): Presence {
  sequence += 1;
  return { gallery: "g", at: Date.now(), sequence, here, ...fields };
}
