import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, it } from "node:test";
import { KILLS } from "../../support/often";
import { putting } from "../people/children";

const folder = mkdtempSync(join(tmpdir(), "visits-"));

describe("a visit book that is killed", () => {
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    `loses no visit that was acknowledged in ${KILLS} kills, and its revision never falls`,
    { timeout: 900_000 },
    async () => {
      const known = new Map<number, number | "gone">();
      const acknowledged = join(folder, "acknowledged.json");
      const people = join(folder, "people");
      mkdirSync(people);
      const harm: string[] = [];
      let [removing, revision, next]: [number | undefined, number, number] = [undefined, 0, 1];
      const isGone = (): boolean => [...known.values()].includes("gone");
      // A few kills may all come before a removal is told.
      for (let round = 0; round < KILLS || (!isGone() && round < 10 * KILLS); round += 1) {
        // Killed while it was removing it: it may or may not have come to that.
        if (removing !== undefined) known.delete(removing);
        removing = undefined;
        writeFileSync(acknowledged, JSON.stringify([...known]));
        const child = putting({ folder: people, acknowledged, first: next, revision });
        const dead = new Promise((resolve) => {
          child.once("exit", resolve);
        });
        // After so many acknowledgements, in the middle of what follows: a put, a removal, a wipe, a backup.
        let left = 1 + ((round * 17) % 31);
        for await (const line of createInterface({ input: child.stdout })) {
          const [what = "", number = "", frames = "", told = ""] = line.split(" ");
          if (what === "put") {
            if (Number(told) <= revision) harm.push(`revision ${told} after ${revision}`);
            revision = Number(told);
            known.set(Number(number), Number(frames));
            next = Number(number) + 1;
          } else if (what === "removing") removing = Number(number);
          else if (what === "removed") {
            removing = undefined;
            known.set(Number(number), "gone");
          } else if (what !== "open") harm.push(line);
          if (what !== "open" && (left -= 1) === 0) setTimeout(() => child.kill("SIGKILL"), (round * 7) % 23);
        }
        await dead;
      }
      assert.deepEqual(harm, []);
      const [kept, gone] = [[...known.values()].filter((frames) => frames !== "gone").length, known.size];
      assert.ok(kept > KILLS && gone > kept, `${kept} of ${gone}`);
      assert.deepEqual(
        readdirSync(people).filter((file) => file.includes(".damaged")),
        [],
      );
    },
  );
});
