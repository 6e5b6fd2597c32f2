import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../lib/people/lmdb/store";
import { Site } from "../../../lib/sites/site";
import { MemoryLog } from "../../support/memory-log";
import { testStore } from "../people/store-suite";

const logs = new Map<string, MemoryLog>();

testStore({
  name: "LMDB, all of whose contents come from the log of its sites",
  place: () => {
    const folder = join(mkdtempSync(join(tmpdir(), "shared-suite-")), "people");
    logs.set(folder, new MemoryLog());
    return folder;
  },
  async open(folder) {
    const log = logs.get(folder) ?? new MemoryLog();
    const store = await openStore({ folder });
    const close = store.close.bind(store);
    const site = await Site.open({
      store,
      beside: { folder, secret: store.secret },
      name: "Here",
      passPhrase: "a key",
      connect: log.connect,
      strangers: true,
      seenMs: 0,
      closeMs: 60_000,
    });
    await site.settled();
    store.close = async () => {
      await site.close();
      await close();
    };
    return store;
  },
  // Another computer's, which has nothing.
  whileClosed: (folder) => rmSync(folder, { recursive: true, force: true }),
  ofComputer: ["notes"],
  writes: 200,
});
