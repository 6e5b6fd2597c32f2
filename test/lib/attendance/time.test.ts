import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { boundsOf, checkTimeZone, dayOf, daysOf, momentOf, offsetOf, stampOf } from "../../../lib/attendance/time";

const HOUR_MS = 3_600_000;
const at = (text: string): number => Date.parse(text);
const hours = (day: string, timeZone: string, begins = 0): number => {
  const { from, to } = boundsOf(day, { timeZone, begins });
  return (to - from) / HOUR_MS;
};

describe("a day of a time zone", () => {
  it("has 23 hours when clocks are put forward, and 25 when they are put back, north and south", () => {
    assert.deepEqual(
      ["2026-03-28", "2026-03-29", "2026-10-25"].map((day) => hours(day, "Europe/Berlin")),
      [24, 23, 25],
    );
    assert.deepEqual(
      ["2026-04-04", "2026-04-05", "2026-10-04"].map((day) => hours(day, "Australia/Sydney")),
      [24, 25, 23],
    );
    // Half an hour.
    assert.deepEqual(
      ["2026-04-05", "2026-10-04"].map((day) => hours(day, "Australia/Lord_Howe")),
      [24.5, 23.5],
    );
  });

  it("begins at the first moment past midnight where midnight is left out", () => {
    // Santiago puts its clocks from 24:00 to 01:00.
    const { from } = boundsOf("2026-09-06", { timeZone: "America/Santiago", begins: 0 });
    assert.equal(new Date(from).toISOString(), "2026-09-06T04:00:00.000Z");
    assert.equal(stampOf(from, "America/Santiago"), "2026-09-06 01:00:00");
    assert.equal(stampOf(from - 1000, "America/Santiago"), "2026-09-05 23:59:59");
  });

  it("that never was has no length", () => {
    assert.equal(hours("2011-12-30", "Pacific/Apia"), 0);
    assert.equal(dayOf(at("2011-12-30T10:00:00Z"), { timeZone: "Pacific/Apia", begins: 0 }), "2011-12-31");
  });

  it("begins at its hour, and a moment before it belongs to the day before", () => {
    const calendar = { timeZone: "Asia/Taipei", begins: 4 * 60 };
    assert.equal(dayOf(at("2026-11-26T03:59:59.999+08:00"), calendar), "2026-11-25");
    assert.equal(dayOf(at("2026-11-26T04:00:00+08:00"), calendar), "2026-11-26");
  });

  it("holds every moment between its bounds and no other, minute by minute over a change of the clocks", () => {
    for (const [timeZone, begins, day] of [
      ["Europe/Berlin", 150, "2026-10-25"],
      ["Europe/Berlin", 150, "2026-03-29"],
      ["Australia/Lord_Howe", 105, "2026-04-05"],
      ["America/Santiago", 30, "2026-09-06"],
    ] as const) {
      const calendar = { timeZone, begins };
      const { from, to } = boundsOf(day, calendar);
      for (let moment = from - 5 * HOUR_MS; moment < to + 5 * HOUR_MS; moment += 60_000)
        assert.equal(dayOf(moment, calendar) === day, moment >= from && moment < to, `${timeZone} ${moment}`);
    }
  });

  it("is one of so many of a month", () => {
    assert.equal(daysOf("2028-02").length, 29);
    assert.deepEqual([daysOf("2026-11")[0], daysOf("2026-11").at(-1)], ["2026-11-01", "2026-11-30"]);
  });
});

describe("a time on the wall", () => {
  it("is the first moment that shows it where the clocks show it twice", () => {
    assert.equal(new Date(momentOf("2026-10-25 02:30:00", "Europe/Berlin")).toISOString(), "2026-10-25T00:30:00.000Z");
    assert.equal(offsetOf(at("2026-10-25T00:30:00Z"), "Europe/Berlin"), "+02:00");
    assert.equal(offsetOf(at("2026-10-25T01:30:00Z"), "Europe/Berlin"), "+01:00");
    assert.equal(offsetOf(at("2026-10-25T01:30:00Z"), "America/St_Johns"), "-02:30");
  });

  it("is the first moment after it where the clocks never show it", () => {
    assert.equal(new Date(momentOf("2026-03-29 02:30", "Europe/Berlin")).toISOString(), "2026-03-29T01:00:00.000Z");
  });

  it("comes back as it was asked for", () => {
    for (const stamp of ["2026-11-26 08:03:07", "2026-07-01 23:59:59", "2026-01-01 00:00:00"])
      for (const timeZone of ["Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Pacific/Chatham", "UTC"])
        assert.equal(stampOf(momentOf(stamp, timeZone), timeZone), stamp);
  });

  it("needs a time zone that there is", () => {
    checkTimeZone("Europe/Berlin");
    assert.throws(() => checkTimeZone("Europe/Bielefeld"), /"Europe\/Bielefeld" is no time zone.*Europe\/Berlin/);
  });
});
