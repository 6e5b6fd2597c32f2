/** A gate's core with a clock that a test turns, and messages of who is here as face-presence tells them. */
import { type CoreParts, type Effect, GateCore, type Verified } from "../../lib/gate/core";
import { Lockouts } from "../../lib/gate/lockouts";
import { type GateOptions, gateOptionsSchema } from "../../lib/gate/options";
import type { Known } from "../../lib/gate/rules";
import type { Factor } from "../../lib/grant";
import { isSealed, sealOf } from "../../lib/presence/seal";
import type { Presence, Present } from "../../lib/visit";

/** A Wednesday, at noon where the test runs. */
export const NOON = new Date(2026, 10, 25, 12).getTime();
export const GALLERY = "gallery";
export const PIN = "274911";

/** Two clocks that go on together, until the one that people set is set. */
export class TurnedClock {
  wall = NOON;
  mono = 1000;

  now(): number {
    return this.wall;
  }

  elapsed(): number {
    return this.mono;
  }

  pass(ms: number): void {
    this.wall += ms;
    this.mono += ms;
  }
}

/** Somebody before the door of whom every rule holds. */
export function someone(now: number, fields: Partial<Present> = {}): Present {
  return {
    visit: "visit-1",
    person: "alice",
    name: "Alice",
    groups: ["staff"],
    confirmed: true,
    since: now - 4000,
    lastSeen: now,
    camera: "cam",
    source: "door",
    zone: "door",
    distance: 0.7,
    threshold: 0.96,
    sure: 0.99,
    frames: 5,
    ...fields,
  };
}

export const ALICE: Known = { name: "Alice", groups: ["staff"], validFrom: null, validUntil: null };

export interface RigOptions extends Partial<Omit<CoreParts, "options">> {
  options?: Partial<Record<keyof GateOptions, unknown>>;
  /** What a factor is found to be. */
  verify?: (factor: Factor, person: string) => Verified;
}

export class GateRig {
  readonly clock = new TurnedClock();
  readonly lockouts: Lockouts;
  core: GateCore;
  readonly options: GateOptions;
  #sequence = 100;
  readonly #begin: (before?: GateCore) => GateCore;
  readonly #verify: NonNullable<RigOptions["verify"]>;

  constructor({ options = {}, verify = ({ value }) => (value === PIN ? "pin" : "wrong"), ...parts }: RigOptions = {}) {
    this.lockouts = parts.lockouts ?? new Lockouts(() => this.clock.elapsed());
    this.options = gateOptionsSchema.parse(options);
    this.#verify = verify;
    this.#begin = (before) =>
      new GateCore({
        gallery: GALLERY,
        clock: this.clock,
        isSealed,
        open: () => true,
        normalised: () => true,
        known: (person) => (person === "alice" ? ALICE : undefined),
        ...parts,
        options: this.options,
        lockouts: this.lockouts,
        ...(before === undefined ? {} : { sequence: before.sequence, spent: before.spent }),
      });
    this.core = this.#begin();
  }

  /** The gate is deployed anew, with what Gate keeps of the one before. */
  deploy(): void {
    this.core = this.#begin(this.core);
  }

  /** Sealed as face-presence does it. */
  told(here: readonly Present[], fields: Partial<Presence> = {}): Presence {
    this.#sequence += 1;
    const told = { gallery: GALLERY, at: this.clock.now(), sequence: this.#sequence, here: [...here], ...fields };
    return { ...told, seal: sealOf(told) };
  }

  /** Verifies what is to be verified. @returns what is told in the end: grants and denies */
  settle(effects: readonly Effect[]): Exclude<Effect, { do: "verify" }>[] {
    return effects.flatMap((effect) =>
      effect.do === "verify"
        ? this.settle(this.core.verified(effect.attempt, this.#verify(effect.factor, effect.person)))
        : [effect],
    );
  }

  show(here: readonly Present[] = [someone(this.clock.now())], fields: Partial<Presence> = {}): string[] {
    return this.said(this.core.presence(this.told(here, fields)));
  }

  give(factor: Partial<Factor> = {}, retained = false): string[] {
    return this.said(this.core.factor({ kind: "pin", value: PIN, ...factor }, retained));
  }

  /** Time goes on in steps, as messages or timers would wake it. */
  pass(ms: number, step = 500): string[] {
    const said: string[] = [];
    for (let left = ms; left > 0; left -= step) {
      this.clock.pass(Math.min(step, left));
      said.push(...this.said(this.core.tick()));
    }
    return said;
  }

  /** "grant" or the reason of a deny. */
  said(effects: readonly Effect[]): string[] {
    return this.settle(effects).map((effect) => (effect.do === "grant" ? "grant" : effect.reason));
  }
}
