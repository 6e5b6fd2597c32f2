/** A disk that is full again and again while somebody is recognized. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fetchApi } from "../support/api";
import { linkedUserDir } from "../support/node-red";
import { knownPeople } from "../support/photos";
import { noMount, smallDisk } from "../support/small-disk";
import { walkingFrames } from "../support/soak-frames";
import { httpCamera, leavesNothing, often, once, recognizer, seenBy, Stage, tell } from "../support/soak";

const ROUNDS = often(3, 50);
const FULL_MS = often(5000, 20_000);
const DISK_MB = 8;
/** No frame of a camera with four a second, on a computer that has much else to do. */
const GAP_MS = 20_000;

interface Summary {
  problems: { code: string }[];
}

describe("a disk that is full and has room again", { skip: noMount() }, () => {
  const stage = new Stage();

  it("stops no recognition, is told while it is full and no longer, and leaves nothing behind", async () => {
    const [alice, stranger] = await Promise.all([walkingFrames("green"), walkingFrames("blonde")]);
    const one = await stage.http([...alice, ...stranger], 4);
    const userDir = linkedUserDir();
    mkdirSync(join(userDir, "facenet"));
    const disk = smallDisk(DISK_MB, join(userDir, "facenet"));
    stage.push(() => disk.unmount());
    const red = await stage.watch(
      recognizer({
        folder: await knownPeople({ Alice: "green" }),
        cameras: [httpCamera(one, 4, { id: "door" })],
        gallery: { keepUnknowns: true },
      }),
      { userDir },
    );
    const door = async () => seenBy(await red.tally(), "door");
    const isFull = async (): Promise<boolean> => {
      const [gallery] = (await (await fetchApi(`${red.url}/facenet/api/galleries`)).json()) as Summary[];
      return gallery?.problems.some(({ code }) => code === "unwritable_store") ?? false;
    };
    await once("Alice", async () => ((await door()).names["Alice"] ?? 0) > 3, 120_000);
    let worst = 0;
    let recognized = 0;
    const round = async (): Promise<void> => {
      await red.tally(true);
      disk.fill();
      const before = (await door()).names["Alice"] ?? 0;
      await once("the disk's being full is told", isFull, 120_000);
      await setTimeout(FULL_MS);
      await once("Alice on a full disk", async () => ((await door()).names["Alice"] ?? 0) > before, GAP_MS);
      const seen = await door();
      worst = Math.max(worst, seen.worstGap);
      recognized += (seen.names["Alice"] ?? 0) - before;
      disk.empty();
      await once("the gallery's being well again", async () => !(await isFull()), 120_000);
    };
    const line = await leavesNothing(red, round, { rounds: ROUNDS, warm: 1 });
    tell(
      "disk",
      `full ${ROUNDS} times, Alice recognized in ${recognized} frames meanwhile, worst gap ` +
        `${(worst / 1000).toFixed(1)} s; ${line}`,
    );
    assert.ok(worst < GAP_MS, `${worst} ms between two frames`);
    assert.equal(red.process.exitCode, null);
    assert.doesNotMatch(red.log(), /MaxListeners|unhandled/i);
  });
});
