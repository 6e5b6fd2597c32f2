/**
 * How often do rendered heads, prints, bent prints and screens pass the head-turn challenge? All of it is simulated:
 * photos laid over surfaces and turned (test/support/presentations.ts), found and measured by the real detector
 * and landmark network.
 *   npm run bench:liveness -- --data DIR [--data DIR]... [--people 150] [--species head,print]
 * Each DIR has a folder for each person; the first photo of each that looks into the camera is taken. Heads make two
 * turns, pictures one, which is easier to pass.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { rateOf } from "../lib/liveness/figures";
import type { Side } from "../lib/liveness/parallax";
import type { TurnOutcome } from "../lib/liveness/turn";
import { act, Eye } from "../test/support/acted-turns";
import { SPECIES, type Species } from "../test/support/presentations";
import { seeded, shuffled } from "../lib/calibrate/statistics";

const SEED = 20_261_126;

function photosOf(roots: readonly string[]): string[] {
  const photos = roots.flatMap((root) =>
    readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) =>
        readdirSync(join(root, name))
          .filter((file) => /\.jpe?g$/i.test(file))
          .slice(0, 1)
          .map((file) => join(root, name, file)),
      ),
  );
  return shuffled(photos, seeded(SEED));
}

/** One after the other, so that a run can be cut short. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true },
      people: { type: "string", default: "150" },
      species: { type: "string", default: SPECIES.join(",") },
    },
  });
  const chosen = SPECIES.filter((species) => values.species.split(",").includes(species));
  const eye = await Eye.open();
  const outcomes = new Map<Species, TurnOutcome[]>(chosen.map((species) => [species, []]));
  let people = 0;
  for (const photo of photosOf(values.data ?? [])) {
    if (people >= Number(values.people)) break;
    const sitter = await eye.sitter(readFileSync(photo));
    if (sitter === undefined) continue;
    people += 1;
    const random = seeded(SEED + people);
    const side = (): Side => (random() < 0.5 ? "left" : "right");
    for (const species of chosen) {
      const sides = species === "head" ? [side(), side()] : [side()];
      outcomes.get(species)?.push(await act(eye, sitter, species, SEED + people, sides));
    }
    if (people % 10 === 0) tell(outcomes, people);
  }
  tell(outcomes, people);
}

function tell(outcomes: ReadonlyMap<Species, readonly TurnOutcome[]>, people: number): void {
  console.log(`${people} people (simulated)`);
  for (const [species, all] of outcomes) {
    const passed = all.filter(({ result }) => result === "passed").length;
    const { low, high, atMost } = rateOf(passed, all.length);
    const reasons = new Map<string, number>();
    for (const { result, reason } of all)
      reasons.set(`${result} ${reason}`, (reasons.get(`${result} ${reason}`) ?? 0) + 1);
    console.log(
      `  ${species.padEnd(10)} passed ${passed} of ${all.length}: ` +
        `${percent(low, Math.floor)} to ${percent(high, Math.ceil)}, at most ${percent(atMost, Math.ceil)}; ` +
        [...reasons].map(([reason, count]) => `${reason} ${count}`).join(", "),
    );
  }
}

/** An end of an interval, rounded outwards. */
const percent = (value: number, outwards: (value: number) => number): string =>
  `${(outwards(1000 * value) / 10).toFixed(1)} %`;

void main();
