/** A site that writes for ever, and says whom it has enrolled once the promise has resolved. Killed by the test. */
import { openStore } from "../../../lib/people/lmdb/store";
import { Site } from "../../../lib/sites/site";
import { SerialQueue } from "../../../lib/workers/serial-queue";
import { seeded } from "../../../bench/statistics";
import { connectToParent, obey, type Orders } from "../../support/forked-log";
import { added } from "../people/store-suite";
import { randomWrites } from "./random-writes";

/** Of somebody, once the promise has resolved. */
export interface Said {
  enrolled: number;
}

async function run({ folder, name, seed, first }: Orders): Promise<void> {
  const store = await openStore({ folder });
  const queue = new SerialQueue();
  await Site.open({
    store,
    beside: { folder, secret: store.secret },
    name,
    passPhrase: "a key",
    connect: connectToParent,
    exclusively: (work) => queue.run(work),
    seenMs: 0,
    strangers: true,
  });
  const write = randomWrites(seeded(seed));
  for (let number = first; ; number += 1) {
    await queue.run(() => store.putMany(added(number)));
    const said: Said = { enrolled: number };
    process.send?.(said);
    await queue.run(() => write(store));
  }
}

obey(run);
