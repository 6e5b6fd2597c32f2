/** A site whose cameras see people for ever, and some of whose check-ins are corrected. Killed by the test. */
import { ELSEWHERE } from "../../../lib/attendance/ledger";
import { seeded } from "../../../bench/statistics";
import { openAttendingSite } from "../../support/attending-sites";
import { connectToParent, obey, type Orders } from "../../support/forked-log";
import type { MemoryLog } from "../../support/memory-log";
import { idOf, personOf } from "../people/entries";

/** Of a check-in, once it was told. */
export interface Said {
  taken: string;
  visit: number;
}

export const DAY = "2026-11-26";
const FROM = Date.parse(`${DAY}T00:00Z`);
/** Of 24 hours; more than an interval apart. */
const MOST_VISITS = 700;
const STEP_MS = 120_000;
const PEOPLE = [1, 2, 3];
/** Every so manieth visit somebody corrects something. */
const CORRECTED = 3;

async function run({ folder, name, seed, first }: Orders): Promise<void> {
  const random = seeded(seed);
  const log = { connect: connectToParent } as unknown as Pick<MemoryLog, "connect">;
  const { store, ledger, attendance, act, sees } = await openAttendingSite(log, { name, folder });
  const missing = PEOPLE.filter((number) => store.person(idOf(number)) === undefined);
  if (missing.length > 0) await act((of) => of.putMany({ people: missing.map((number) => personOf(number)) }));
  let visit = first;
  attendance.on("checkIn", ({ id, was }) => {
    const said: Said = { taken: id, visit };
    if (was === undefined) process.send?.(said);
  });
  for (; ; visit += 1) {
    const at = new Date(FROM + (visit % MOST_VISITS) * STEP_MS).toISOString();
    await sees(idOf(PEOPLE[visit % PEOPLE.length] ?? 1), at);
    if (visit % CORRECTED > 0) continue;
    const rows = [`book of ${name}`, ELSEWHERE].flatMap((book) => [...ledger.rows(book)]);
    const row = rows[Math.floor(random() * rows.length)];
    if (row !== undefined && row.history.length < 100)
      await attendance.change(row.id, { removed: !row.removed, why: `${name} ${visit}`, by: null });
  }
}

obey(run);
