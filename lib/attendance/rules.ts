/** Which visits are check-ins, and of which kind. */
import { z } from "zod";
import { parseOptions, own } from "../validate";
import type { VisitRecord } from "../visits/book";
import { hashOf } from "./hash";
import { type CheckIn, type CheckInType, MODES } from "./check-in";
import { boundsOf, type Calendar, checkTimeZone, dayOf, ownTimeZone } from "./time";

const names = z.array(z.string().min(1).max(300)).max(1000).default([]);
const MOST_INTERVAL_S = 86_400;

export const rulesSchema = z
  .object({
    /** "alternating": each visit is IN or OUT in turn; "strict": the zone says which. */
    mode: z.enum(MODES).default("alternating"),
    /** Of alternating check-ins: zones, or names of cameras, that count; none is all. */
    zones: names,
    /** Of strict ones: where people come in, and where they go out. */
    zonesIn: names,
    zonesOut: names,
    /** Seconds within which a visit after a check-in is the same. */
    minInterval: z.number().min(0).max(MOST_INTERVAL_S).default(60),
    /** When a working day begins: "04:00". */
    dayBegins: z
      .string()
      .regex(/^([01]?\d|2[0-3]):[0-5]\d$/, own("attendance.noTime"))
      .default("00:00"),
    timeZone: z.string().max(100).optional(),
    /** Only people of one of these groups; none is everybody. */
    groups: names,
  })
  .refine(({ mode, zonesIn, zonesOut }) => mode !== "strict" || zonesIn.length + zonesOut.length > 0, {
    path: ["zonesIn"],
    message: own("attendance.noZones"),
  })
  .refine(({ zonesIn, zonesOut }) => !zonesIn.some((zone) => zonesOut.includes(zone)), {
    path: ["zonesOut"],
    message: own("attendance.sameZone"),
  });

/** A visit as far as attendance goes. */
export type Seen = Pick<VisitRecord, "visit" | "person" | "groups" | "confirmed" | "since" | "stays">;

/** What of a visit is a check-in. */
export interface Candidate {
  id: string;
  /** Null where it is for the order to say. */
  type: CheckInType | null;
  at: number;
  zone: string;
  source: string;
}

const SECOND_MS = 1000;

/** Of a check-in whose kind is for the order to say. */
export const byTurnsId = (visit: string): string => hashOf(visit, "visit");
const MINUTES_AN_HOUR = 60;

export class Rules {
  readonly mode: (typeof MODES)[number];
  readonly calendar: Calendar;
  readonly #options: z.infer<typeof rulesSchema>;

  /** @throws a sentence */
  constructor(options: unknown, what: string) {
    this.#options = parseOptions(rulesSchema, options, what);
    const { mode, dayBegins, timeZone = ownTimeZone() } = this.#options;
    checkTimeZone(timeZone);
    const [hours = 0, minutes = 0] = dayBegins.split(":").map(Number);
    this.mode = mode;
    this.calendar = { timeZone, begins: hours * MINUTES_AN_HOUR + minutes };
  }

  /** Whether it is settled that this is one of the people whose attendance is kept. */
  isOurs({ confirmed, person, groups }: Seen): boolean {
    return confirmed && person !== null && this.isWanted(groups);
  }

  /** Whether the attendance of people of these groups is kept. */
  isWanted(groups: readonly string[]): boolean {
    const { groups: wanted } = this.#options;
    return wanted.length === 0 || groups.some((group) => wanted.includes(group));
  }

  /** What of a visit may be a check-in; the same each time it is asked, while a visit goes on. */
  candidates({ visit, since, stays }: Seen): Candidate[] {
    const { mode, zones, zonesIn, zonesOut } = this.#options;
    const isAt = (wanted: readonly string[], { zone, source }: { zone: string; source: string }): boolean =>
      wanted.includes(zone) || wanted.includes(source);
    if (mode === "alternating") {
      const first = stays.find((stay) => zones.length === 0 || isAt(zones, stay));
      if (first === undefined) return [];
      const at = first === stays[0] ? since : first.from;
      return [{ id: byTurnsId(visit), type: null, at, zone: first.zone, source: first.source }];
    }
    const counts = new Map<string, number>();
    return stays.flatMap((stay, index) => {
      const type = isAt(zonesIn, stay) ? "IN" : isAt(zonesOut, stay) ? "OUT" : undefined;
      if (type === undefined) return [];
      const { zone, source, from } = stay;
      // Who comes back to a zone within one visit comes again.
      const nth = (counts.get(zone) ?? 0) + 1;
      counts.set(zone, nth);
      const at = index === 0 ? since : from;
      return [{ id: hashOf(visit, type, zone, nth), type, at, zone, source }];
    });
  }

  /**
   * Of which kind a check-in is beside those that its person has.
   * @param before of the person, those that count, the last one first
   * @returns null where it is the same as the last one
   */
  typeOf(candidate: Pick<Candidate, "type" | "at">, before: readonly CheckIn[]): CheckInType | null {
    return this.sameAs(candidate, before) === undefined ? this.turnOf(candidate, before) : null;
  }

  /** The last one before, where it is so near that both are one. */
  sameAs({ type, at }: Pick<Candidate, "type" | "at">, before: readonly CheckIn[]): CheckIn | undefined {
    const { minInterval } = this.#options;
    // In strict mode who comes and at once goes has come and gone.
    const last = type === null ? before[0] : before.find((row) => row.type === type);
    return last !== undefined && Math.abs(at - last.at) < minInterval * SECOND_MS ? last : undefined;
  }

  /** Of which kind it is where it is one of its own. */
  turnOf({ type, at }: Pick<Candidate, "type" | "at">, before: readonly CheckIn[]): CheckInType {
    if (type !== null) return type;
    const { from, to } = boundsOf(dayOf(at, this.calendar), this.calendar);
    const today = before.find((row) => row.at >= from && row.at < to);
    return today?.type === "IN" ? "OUT" : "IN";
  }
}
