/** A visit book on a disk that is full: it refuses, deletes, and goes on once there is room. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { noSecret } from "../../../lib/people/lmdb/secret";
import { StorageError } from "../../../lib/storage";
import { openBook } from "../../../lib/visits/lmdb-book";
import { eventually } from "../../support/node-red";
import { noMount, smallDisk } from "../../support/small-disk";
import { DAY, MORNING, pictureOf, visitId, visitOf } from "./visits";

describe("a visit book on a full disk", { skip: noMount() }, () => {
  it("refuses visits with a sentence, deletes all the same, and takes visits again once there is room", async () => {
    const disk = smallDisk(32);
    try {
      const folder = join(disk.folder, "people");
      mkdirSync(folder);
      const book = await openBook({ folder, secret: noSecret, keepMs: 36_500 * DAY, now: () => MORNING });
      for (let number = 1; number <= 50; number += 1) await book.put(visitOf(number), { snapshot: pictureOf(number) });
      disk.fill();
      let put = 100;
      const refused = await (async (): Promise<unknown> => {
        for (; ; put += 1)
          try {
            await book.put(visitOf(put), { snapshot: Buffer.alloc(50_000, put) });
          } catch (error) {
            return error;
          }
      })();
      assert.ok(refused instanceof StorageError);
      assert.deepEqual([refused.status, refused.reason], [507, "ENOSPC"]);
      assert.equal(await book.get(visitId(put)), undefined, "nothing of it was written");
      assert.deepEqual(
        book.refusals.map(({ code }) => code),
        ["unwritable_store"],
      );
      // What is deleted is gone; what is left in old pages may have to wait.
      await book.remove([visitId(7)]).catch((error: unknown) => assert.ok(error instanceof StorageError));
      assert.equal(await book.get(visitId(7)), undefined);
      assert.equal((await book.find({ limit: 500 })).visits.length, book.size);
      disk.empty();
      await eventually("room", () => (book.refusals.length === 0 ? true : undefined));
      assert.equal((await book.put(visitOf(put))).visit, visitId(put));
      assert.equal((await book.remove([visitId(8)])).visits, 1);
      await book.close();
      const again = await openBook({ folder, secret: noSecret, keepMs: 36_500 * DAY, now: () => MORNING });
      assert.deepEqual(
        [await again.get(visitId(7)), (await again.get(visitId(put)))?.visit, await again.get(visitId(8))],
        [undefined, visitId(put), undefined],
      );
      await again.close();
    } finally {
      disk.unmount();
    }
  });
});
