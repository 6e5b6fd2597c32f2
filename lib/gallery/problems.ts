/** What is wrong with a gallery now, and what of it is news. */
import type { Problem } from "../enrol/photo-folder";
import type { PeopleStore, Refusal } from "../people/store";
import type { KeptVisits } from "../visits/book";
import type { Roster } from "../search/roster";
import { phrase, worded } from "../words/sentence";

/** What lies beside the people. */
interface Beside {
  visits?: Pick<KeptVisits, "problems" | "refusals"> | undefined;
  refusals?: () => readonly Refusal[];
}

export class Problems {
  readonly #store: PeopleStore;
  readonly #roster: () => Roster;
  readonly #ofFolder: () => readonly Problem[];
  readonly #onProblem: (problem: Problem) => void;
  readonly #visits: Pick<KeptVisits, "problems" | "refusals"> | undefined;
  readonly #ofOthers: () => readonly Refusal[];
  readonly #reported = new Map<string, Problem>();
  /** How many people are never recognized, as far as it was told. */
  #toldUnused = 0;
  /** What the disk refuses, as far as it was told. */
  #told: readonly Refusal["code"][] = [];

  /**
   * @param roster who is known now
   * @param ofFolder what is wrong with the photo folder, which tells of it by itself
   * @param beside where visits are kept, and what the disk refuses of the rest
   */
  constructor(
    store: PeopleStore,
    roster: () => Roster,
    ofFolder: () => readonly Problem[],
    onProblem: (problem: Problem) => void,
    { visits, refusals = () => [] }: Beside = {},
  ) {
    this.#visits = visits;
    this.#ofOthers = refusals;
    this.#store = store;
    this.#ofFolder = ofFolder;
    this.#roster = roster;
    this.#onProblem = onProblem;
  }

  get list(): Problem[] {
    return [
      ...this.#ofFolder(),
      ...this.#reported.values(),
      ...this.#unused,
      ...this.#store.problems.map((problem) => ({ file: "", ...problem })),
      ...(this.#visits?.problems ?? []).map((problem) => ({ file: "", ...problem })),
      ...this.#refusals.map(problemOf),
    ];
  }

  report(problem: Problem): void {
    if (this.#reported.get(problem.code)?.message === problem.message) return;
    this.#reported.set(problem.code, problem);
    this.#onProblem(problem);
  }

  /** What the disk refuses has changed. */
  tellOfDisk(): void {
    const refusals = this.#refusals;
    for (const refusal of refusals) if (!this.#told.includes(refusal.code)) this.#onProblem(problemOf(refusal));
    this.#told = refusals.map(({ code }) => code);
  }

  /** Who is known may have changed. */
  tellOfUnused(): void {
    const people = this.#roster().unused.size;
    const [problem] = this.#unused;
    if (people > this.#toldUnused && problem !== undefined) this.#onProblem(problem);
    this.#toldUnused = people;
  }

  /** One disk: what it refuses the people, it refuses the others. */
  get #refusals(): Refusal[] {
    const { refusals } = this.#store;
    const all = [...refusals, ...(this.#visits?.refusals ?? []), ...this.#ofOthers()];
    return all.filter(({ code }, at) => all.findIndex((other) => other.code === code) === at);
  }

  /** Where nobody can be asked, as when a file of the photo folder goes, it is told. */
  get #unused(): Problem[] {
    const people = this.#roster().unused.size;
    return people === 0
      ? []
      : [
          {
            file: "",
            code: "left_out",
            ...worded(phrase(people === 1 ? "gallery.unusedOne" : "gallery.unusedMany", { number: people })),
          },
        ];
  }
}

function problemOf({ code, error }: Refusal): Problem {
  return { file: "", code, ...worded(phrase("gallery.diskRefuses", { refusal: error.sentence })) };
}
