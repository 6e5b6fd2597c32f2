import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Age } from "../../../lib/notify/age";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 26, 12);

/** A clock that people set, and one that they do not. */
class TurnedClock {
  #now = NOON;
  #elapsed = 5000;

  now = (): number => this.#now;
  elapsed = (): number => this.#elapsed;

  pass(ms: number): void {
    this.#now += ms;
    this.#elapsed += ms;
  }

  set(ms: number): void {
    this.#now += ms;
  }
}

describe("the age of what was told", () => {
  it("is the time since, and none of what is of the future", () => {
    const clock = new TurnedClock();
    const age = new Age(60_000, clock);
    assert.deepEqual([age.of(NOON), age.of(NOON - HOUR), age.of(NOON + HOUR)], [0, HOUR, 0]);
    clock.pass(7000);
    assert.equal(age.of(NOON), 7000);
  });

  it("is what it was where the clock is put forward meanwhile, also after hours in which nobody asked", () => {
    const clock = new TurnedClock();
    const age = new Age(60_000, clock);
    clock.pass(5 * HOUR);
    const at = clock.now();
    clock.pass(2000);
    clock.set(6 * 365 * 24 * HOUR);
    clock.pass(1000);
    assert.equal(age.of(at), 3000);
    assert.equal(age.of(clock.now()), 0);
    // By the new setting a minute is a minute; what the old one told is older than what is remembered.
    clock.pass(60_001);
    assert.ok(age.of(at) > 60_000);
    assert.equal(age.of(clock.now() - 5000), 5000);
  });

  it("is none of what is told once the clock is put back", () => {
    const clock = new TurnedClock();
    const age = new Age(60_000, clock);
    clock.set(-HOUR);
    assert.equal(age.of(clock.now()), 0);
    clock.pass(4000);
    assert.equal(age.of(clock.now() - 4000), 4000);
  });

  it("follows a clock that is slowly brought to another time", () => {
    const clock = new TurnedClock();
    const age = new Age(60_000, clock);
    for (let step = 0; step < 100; step += 1) {
      clock.pass(60_000);
      clock.set(500);
      age.of(clock.now());
    }
    assert.equal(age.of(clock.now() - 9000), 9000);
  });
});
