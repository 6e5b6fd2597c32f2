/** Whom a visit says to greet: a known person, once, when it is settled that it is them. */
import { BoundedMap } from "../bounded-map";
import type { Visit } from "../visit";
import { MAX_PEOPLE } from "./presence";

/** Whoever is in this group is let in nowhere (lib/people), and is not welcomed. */
const BLOCKED = "blocked";

export class GreetedVisits {
  readonly #greeted = new BoundedMap<string, true>(MAX_PEOPLE);

  /** @returns their name, or nobody where the message is not about somebody who has come */
  names({ event, visit, name, groups }: Pick<Visit, "event" | "visit" | "name" | "groups">): string[] {
    if (event !== "confirmed" || name === null || groups.includes(BLOCKED) || this.#greeted.has(visit)) return [];
    this.#greeted.set(visit, true);
    return [name];
  }
}
