/** What a message brings to a gate. */
import { UserError } from "../errors";
import { type Factor, readFactor } from "../grant";
import { type Presence, readPresence, readVisit, type Visit } from "../visit";
import type { Effect, GateCore } from "./core";

export interface GateMessage {
  presence?: unknown;
  visit?: unknown;
  factor?: unknown;
  ask?: unknown;
  /** Whether a broker had kept it. */
  retain?: unknown;
}

/** The same, checked; of what is not there it has nothing. */
export interface Received {
  presence: Presence | undefined;
  visit: Visit | undefined;
  factor: Factor | undefined;
  ask: boolean;
  retained: boolean;
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;

/** @throws a sentence where a field is wrong, or there is none of them */
export function readGateMessage({ presence, visit, factor, ask, retain }: GateMessage): Received {
  const received = {
    presence: isThere(presence) ? readPresence(presence) : undefined,
    visit: isThere(visit) ? readVisit(visit) : undefined,
    factor: isThere(factor) ? readFactor(factor) : undefined,
    ask: isThere(ask) && ask !== false,
    // Whatever is not said to be new is taken for kept.
    retained: isThere(retain) && retain !== false,
  };
  if (!received.ask && [received.presence, received.visit, received.factor].every((each) => each === undefined))
    throw new UserError("gate.nothingToJudge");
  return received;
}

/** Who is here first, then what they give. */
export function tellCore(core: GateCore, { presence, visit, factor, ask, retained }: Received): Effect[] {
  return [
    ...(visit === undefined ? [] : core.visit(visit, retained)),
    ...(presence === undefined ? [] : core.presence(presence, retained)),
    ...(factor === undefined ? [] : core.factor(factor, retained)),
    // A bell of the time before this start rings no more.
    ...(ask && !retained ? core.ask() : []),
  ];
}
