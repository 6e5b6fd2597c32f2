import assert from "node:assert/strict";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, it } from "node:test";
import { hashOf } from "../../../lib/attendance/hash";
import type { CheckIn } from "../../../lib/attendance/check-in";
import { exportStore, importInto } from "../../../lib/people/archive";
import { KILLS } from "../../support/often";
import { jpegOf } from "../../support/visits";
import { vectorOf, visitId, visitOf } from "../visits/visits";
import { besideOf } from "./beside";
import { importing } from "./children";
import { idOf, personOf } from "./entries";

const root = mkdtempSync(join(tmpdir(), "import-kills-"));
const PEOPLE = 20;
const CHECK_INS = 4000;
const VISITS = 600;

const checkInOf = (number: number): CheckIn => ({
  id: hashOf("check-in", number),
  person: idOf(number % PEOPLE),
  type: number % 2 === 0 ? "IN" : "OUT",
  at: 1e12 + number * 60_000,
  zone: "door",
  source: "front",
  visit: `visit ${number}`,
  serial: number + 1,
  order: number + 1,
  removed: false,
  history: [{ what: "taken", at: 1, by: null, why: "", was: null }],
});
const contentOf = (
  number: number,
): Parameters<Awaited<ReturnType<typeof besideOf>>["visits"]["bring"]>[0][number] => ({
  record: visitOf(number, { person: idOf(number % PEOPLE) }),
  snapshot: jpegOf(`visit ${number}`),
  embedding: { model: "m", vector: vectorOf(number) },
});

describe("an import that is killed", () => {
  after(() => rmSync(root, { recursive: true, force: true }));

  it(
    `loses nothing that was there in ${KILLS} kills, and done again has brought everything once`,
    { timeout: 900_000 },
    async () => {
      const zip = join(root, "export.zip");
      const from = await besideOf(join(root, "from"));
      await from.store.putMany({ people: Array.from({ length: PEOPLE }, (_, number) => personOf(number)) });
      const rows = Array.from({ length: CHECK_INS }, (_, number) => checkInOf(number));
      const ledger = await from.books.open();
      await ledger.exclusively(() => ledger.write("book", { rows }));
      await from.visits.bring(Array.from({ length: VISITS }, (_, number) => contentOf(number)));
      const file = createWriteStream(zip);
      await exportStore(from.store, {
        write: (chunk) => new Promise((done, fail) => file.write(chunk, (error) => (error ? fail(error) : done()))),
        parts: await from.parts(),
      });
      await new Promise((done) => file.end(done));
      await from.close();

      const folder = join(root, "to");
      const before = await besideOf(folder);
      await before.store.putPerson(personOf(PEOPLE));
      const own = await before.books.open();
      const mine = { ...checkInOf(0), id: hashOf("mine"), person: idOf(PEOPLE) };
      await own.exclusively(() => own.write("book", { rows: [mine] }));
      await before.visits.put(visitOf(VISITS), { snapshot: jpegOf("mine") });
      await before.close();

      let inTheMiddle = 0;
      for (let round = 0; round < KILLS; round += 1) {
        const child = importing({ folder, zip });
        const dead = new Promise((done) => child.once("exit", done));
        let said = "";
        for await (const line of createInterface({ input: child.stdout })) {
          said = line;
          // Later each time, while less is left to do.
          if (line === "open") setTimeout(() => child.kill("SIGKILL"), 20 + ((round * 61) % 400));
        }
        await dead;
        if (said === "open") inTheMiddle += 1;
      }
      // A fast computer has brought all of it before most of the kills.
      assert.ok(inTheMiddle > 0, `${inTheMiddle} of ${KILLS}`);

      const to = await besideOf(folder);
      await importInto(to.store, createReadStream(zip), { parts: await to.parts() });
      assert.deepEqual(to.problems, []);
      const kept = await to.books.open();
      assert.equal([...kept.rows("book")].length, CHECK_INS + 1);
      assert.deepEqual(kept.row("book", mine.id), mine);
      for (const row of rows) assert.deepEqual(kept.row("book", row.id), { ...row, order: 0 });
      assert.equal(to.visits.size, VISITS + 1);
      assert.deepEqual(await to.visits.snapshot(visitId(VISITS)), jpegOf("mine"));
      for (let number = 0; number < VISITS; number += 1) {
        assert.deepEqual(await to.visits.snapshot(visitId(number)), jpegOf(`visit ${number}`));
        assert.deepEqual((await to.visits.embedding(visitId(number)))?.vector, vectorOf(number));
      }
      await to.close();
    },
  );
});
