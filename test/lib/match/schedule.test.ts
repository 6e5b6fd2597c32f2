import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOpen, scheduleSchema } from "../../../lib/match/schedule";

/** A moment of the week that begins on Monday, 2026-11-23. */
const at = (day: number, time: string): Date => {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return new Date(2026, 10, 22 + day, hours, minutes, 30);
};
const OFFICE = { days: [1, 2, 3, 4, 5], from: "08:00", to: "18:00" };
const NIGHT = { days: [5, 7], from: "22:00", to: "06:00" };

describe("a schedule", () => {
  it("is always open without rules", () => {
    assert.equal(isOpen([], at(7, "03:00")), true);
  });

  it("opens with its first minute and closes with its last, on its days", () => {
    assert.deepEqual(
      [
        ["07:59", 1],
        ["08:00", 1],
        ["17:59", 5],
        ["18:00", 5],
        ["12:00", 6],
        ["12:00", 7],
      ].map(([time, day]) => isOpen([OFFICE], at(day as number, time as string))),
      [false, true, true, false, false, false],
    );
  });

  it("counts a time past midnight to the day on which it begins", () => {
    assert.deepEqual(
      [
        [5, "21:59"],
        [5, "22:00"],
        [6, "05:59"],
        [6, "06:00"],
        [6, "23:00"],
        [7, "23:00"],
        [1, "05:00"],
        [5, "05:00"],
      ].map(([day, time]) => isOpen([NIGHT], at(day as number, time as string))),
      [false, true, true, false, false, true, true, false],
    );
  });

  it("is open all day from one midnight to the next", () => {
    const sunday = { days: [7], from: "00:00", to: "00:00" };
    assert.deepEqual(
      [
        isOpen([sunday], at(7, "00:00")),
        isOpen([sunday], at(7, "23:59")),
        isOpen([sunday], at(6, "23:59")),
        isOpen([sunday], at(1, "00:00")),
      ],
      [true, true, false, false],
    );
  });

  it("is open when one of several rules is", () => {
    assert.deepEqual(
      [isOpen([OFFICE, NIGHT], at(5, "23:00")), isOpen([OFFICE, NIGHT], at(5, "19:00"))],
      [true, false],
    );
  });

  it("goes by the clock on the wall when that is put forward and back", () => {
    const zone = process.env["TZ"];
    process.env["TZ"] = "Europe/Berlin";
    try {
      const early = { days: [7], from: "02:00", to: "03:00" };
      const open = (moment: string): boolean => isOpen([early], new Date(moment));
      // 29 March 2026: 01:59:59 CET is followed by 03:00 CEST, so that the hour between never comes.
      assert.deepEqual(["2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"].map(open), [false, false]);
      // 25 October 2026: 02:59:59 CEST is followed by 02:00 CET, so that the hour comes twice.
      assert.deepEqual(
        [
          "2026-10-24T23:59:00Z",
          "2026-10-25T00:00:00Z",
          "2026-10-25T00:59:00Z",
          "2026-10-25T01:00:00Z",
          "2026-10-25T01:59:00Z",
          "2026-10-25T02:00:00Z",
        ].map(open),
        [false, true, true, true, true, false],
      );
      // A night that began on the Saturday before ends at 06:00 on the wall.
      assert.deepEqual(
        ["2026-03-29T03:59:00Z", "2026-03-29T04:00:00Z", "2026-10-25T04:59:00Z", "2026-10-25T05:00:00Z"].map(
          (moment) => isOpen([{ days: [6], from: "22:00", to: "06:00" }], new Date(moment)),
        ),
        [true, false, true, false],
      );
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  it("refuses what is no time, no day or no days", () => {
    for (const wrong of [
      { ...OFFICE, from: "8:00" },
      { ...OFFICE, to: "24:00" },
      { ...OFFICE, days: [0] },
      { ...OFFICE, days: [] },
    ])
      assert.equal(scheduleSchema.safeParse([wrong]).success, false);
  });
});
