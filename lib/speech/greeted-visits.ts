/** Whom a visit says to greet: a known person who may pass, once, when it is settled that it is them. */
import { BoundedMap } from "../bounded-map";
import type { Visit } from "../visit";
import { MAX_PEOPLE } from "./presence";

/** Whoever is in this group is let in nowhere (lib/people), and is not welcomed. */
const BLOCKED = "blocked";
/** What was told so long ago is of somebody who has walked on. */
const LATE_MS = 60_000;

/** What is read of a visit. */
export type Greetable = Pick<
  Visit,
  "event" | "visit" | "person" | "name" | "groups" | "confirmed" | "denied" | "was" | "at"
>;

/** What was heard of a visit last. */
type Heard = "unnamed" | "named" | "greeted";

export class GreetedVisits {
  readonly #heard = new BoundedMap<string, Heard>(MAX_PEOPLE);

  /**
   * @param now milliseconds since the epoch
   * @returns their name; nobody where the message is not about somebody who has come; "late" where it is too late
   */
  names(told: Greetable, { now, retained }: { now: number; retained: boolean }): string[] | "late" {
    const { visit, name, groups, denied, at } = told;
    const before = this.#heard.get(visit);
    const isWelcome = denied === undefined && !groups.includes(BLOCKED);
    const isNew = before !== "greeted" && name !== null && isWelcome && isSettledBy(told, before);
    const isLate = retained || now - at > LATE_MS;
    const named = name === null ? "unnamed" : "named";
    this.#heard.set(visit, before === "greeted" || (isNew && !isLate) ? "greeted" : named);
    if (!isNew) return [];
    return isLate ? "late" : [name];
  }
}

/**
 * Whether it tells who somebody is. `changed` may tell of another zone: of a visit that began before this node did,
 * who it is was told then.
 */
function isSettledBy({ event, confirmed, was }: Greetable, before: Heard | undefined): boolean {
  return event === "confirmed" || (event === "changed" && confirmed && (was !== undefined || before === "unnamed"));
}
