/** What happens in the kill test, the same in each process: from a seed, over days on which the clocks are changed. */
import type { Visit } from "../../../lib/visit";
import type { VisitRecord } from "../../../lib/visits/book";
import { KILLS } from "../../support/often";
import { messageOf, recordOf, type ScriptedVisit } from "../../support/visit-log";

const MINUTE_MS = 60_000;

/** mulberry32: numbers that look random, the same for each seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Scene {
  book: string;
  rules: object;
  timeZone: string;
  /** When it begins: so that the clocks are changed within. */
  from: string;
  visits: number;
  seed: number;
  zones: readonly string[];
}

export const BY_BOOK: Scene = {
  book: "by-book",
  rules: { mode: "alternating", dayBegins: "04:00", timeZone: "Europe/Berlin" },
  timeZone: "Europe/Berlin",
  from: "2026-03-27T05:00:00Z",
  visits: 100 * KILLS,
  seed: 14,
  zones: ["door", "hall"],
};
export const BY_MESSAGE: Scene = {
  book: "by-message",
  rules: { mode: "strict", zonesIn: ["in"], zonesOut: ["out"], dayBegins: "00:00", timeZone: "Australia/Lord_Howe" },
  timeZone: "Australia/Lord_Howe",
  from: "2026-04-03T12:00:00Z",
  visits: 15 * KILLS,
  seed: 41,
  zones: ["in", "out", "garden"],
};

export const PEOPLE = Array.from({ length: 12 }, (_, index) => `0000000000${String(index).padStart(2, "0")}`);

/** One after the other; the clock goes on, and now and then it jumps, back as well as forward. */
export function visitsOf({ visits, seed, from, zones }: Scene): ScriptedVisit[] {
  const random = randomOf(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  let clock = Date.parse(from);
  let strangers = 0;
  return Array.from({ length: visits }, (_, index) => {
    // Some within a minute of each other, most not.
    clock += Math.floor(random() < 0.4 ? random() * 12_000 : random() * 3 * MINUTE_MS);
    if (random() < 0.002) clock += Math.floor((random() - 0.5) * 240) * MINUTE_MS;
    const stays: [string, number][] = [[pick(zones), clock]];
    while (random() < 0.25)
      stays.push([pick(zones.filter((zone) => zone !== stays.at(-1)?.[0])), clock + stays.length * 9000]);
    const person = random() < 0.1 ? null : pick(PEOPLE);
    if (person === null) strangers += 1;
    return { visit: `v${seed}-${index}-${strangers}`, person, stays, until: clock + stays.length * 9000 };
  });
}

/** As face-presence writes them: seen, settled, over. */
export function recordsOf(scene: Scene): Omit<VisitRecord, "revision">[] {
  return visitsOf(scene).flatMap((visit) => [
    recordOf(visit, { confirmed: false, over: false }),
    recordOf(visit, { over: false }),
    recordOf(visit),
  ]);
}

/** … and tells them. */
export function messagesOf(scene: Scene): Visit[] {
  let sequence = 0;
  return visitsOf(scene).flatMap((visit) => {
    const tell = (event: Visit["event"], stay: number): Visit =>
      messageOf(visit, { event, stay, sequence: (sequence += 1) });
    return [
      tell("arrived", 0),
      tell("confirmed", 0),
      ...visit.stays.slice(1).map((_, index) => tell("changed", index + 1)),
      tell("left", visit.stays.length - 1),
    ];
  });
}
