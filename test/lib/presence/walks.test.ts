/** 200 walks past three cameras: each is one visit, nobody gets a wrong name, and who it is is settled in time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { euclideanDistance } from "../../../lib/embed/distance";
import { presenceOptionsSchema } from "../../../lib/presence/options";
import { type Happening, Visits } from "../../../lib/presence/visits";
import { ALIKE, type Walker, Walks } from "../../support/walks";

const WALKS = 200;
const AWAY_MS = 30_000;

interface Told {
  event: string;
  person: string | null;
  confirmed: boolean;
  visit: string;
  at: number;
}

/** What came of one walk. */
interface Outcome {
  walkers: Walker[];
  told: Told[];
  /** When the third usable frame of each known walker arrived that no other one contradicted. */
  third: Map<Walker, number>;
}

function run(seed: number, walks: number): Outcome[] {
  const script = new Walks(seed);
  const visits = new Visits({
    options: presenceOptionsSchema.parse({ away: AWAY_MS / 1000 }),
    prefix: "",
    alike: (a, b) => euclideanDistance(a, b) <= ALIKE,
  });
  const outcomes: Outcome[] = [];
  const EPOCH = 1_700_000_000_000;
  let now = 0;
  for (let walk = 0; walk < walks; walk += 1) {
    const legs = script.walk();
    const told: Told[] = [];
    const note = (happened: readonly Happening[], at: number): void => {
      for (const { event, visit } of happened)
        told.push({ event, at, visit: visit.id, person: visit.person, confirmed: visit.confirmed });
    };
    const third = new Map<Walker, number>();
    const usable = new Map<Walker, number>();
    for (const { at, frame, faces, usable: there, contrary } of script.arrivals(legs, EPOCH + now)) {
      const mono = at - EPOCH;
      note(visits.see({ frame, faces }, { wall: at, mono }).happened, mono);
      for (const walker of contrary) usable.delete(walker);
      for (const walker of there) {
        usable.set(walker, (usable.get(walker) ?? 0) + 1);
        if (usable.get(walker) === 3 && !third.has(walker)) third.set(walker, mono);
      }
      now = Math.max(now, mono);
    }
    now += AWAY_MS + 1000;
    note(visits.pass({ wall: EPOCH + now, mono: now }), now);
    outcomes.push({ walkers: [...new Set(legs.map(({ walker }) => walker))], told, third });
  }
  return outcomes;
}

const count = (told: readonly Told[], event: string): number => told.filter((each) => each.event === event).length;

describe("200 scripted walks over three cameras", () => {
  for (const seed of [1, 2, 3]) {
    const outcomes = run(seed, WALKS);

    it(`are one visit each, at least 99 of 100 (script ${seed})`, () => {
      const walks = outcomes.flatMap(({ walkers, told }) => {
        const ends = told.filter(({ event }) => event === "left");
        const known = walkers.filter(({ person }) => person !== null);
        const strangers = walkers.length - known.length;
        return [
          ...known.map(({ person }) => ends.filter((each) => each.person === person).length === 1),
          ...Array.from(
            { length: Math.max(strangers, 1) },
            () => ends.filter((each) => each.person === null).length === strangers,
          ),
        ];
      });
      const share = walks.filter(Boolean).length / walks.length;
      assert.ok(share >= 0.99, `${share} of ${walks.length}`);
    });

    it(`never settle a wrong name (script ${seed})`, () => {
      const wrong = outcomes.flatMap(({ walkers, told }) =>
        told.filter(({ person }) => person !== null && !walkers.some((walker) => walker.person === person)),
      );
      assert.deepEqual(wrong, []);
    });

    it(`are settled within a second of the third usable frame (script ${seed})`, () => {
      const late = outcomes.flatMap(({ told, third }, walk) =>
        [...third].flatMap(([{ person }, at]) => {
          const settled = told.find((each) => each.person === person && each.confirmed);
          return settled !== undefined && settled.at - at <= 1000
            ? []
            : [{ walk, person, after: (settled?.at ?? NaN) - at }];
        }),
      );
      assert.deepEqual(late, []);
    });

    it(`tell each event once, in order, and leave nobody behind (script ${seed})`, () => {
      for (const { told } of outcomes) {
        assert.equal(count(told, "arrived"), count(told, "left"));
        for (const visit of new Set(told.map((each) => each.visit))) {
          const events = told
            .filter((each) => each.visit === visit && each.event !== "changed")
            .map(({ event }) => event);
          assert.match(events.join(" "), /^arrived (?:confirmed )?left$/);
        }
      }
    });
  }
});
