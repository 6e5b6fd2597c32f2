/** Sites of one gallery over a log in memory, each with a store of its own. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LmdbStore, openStore } from "../../lib/people/lmdb/store";
import { Site, type SiteOptions } from "../../lib/sites/site";
import { SerialQueue } from "../../lib/workers/serial-queue";
import type { MemoryLine, MemoryLog } from "./memory-log";

export interface TestSite {
  name: string;
  folder: string;
  store: LmdbStore;
  site: Site;
  line: MemoryLine;
  /** What people do there: nothing of others is written meanwhile. */
  act: <T>(work: (store: LmdbStore) => Promise<T>) => Promise<T>;
}

export type TestSiteOptions = Partial<Omit<SiteOptions, "store" | "beside" | "connect" | "exclusively">> & {
  folder?: string;
  /** Of the store. */
  key?: string;
  /** From the start. */
  cut?: boolean;
};

export async function openSite(
  log: MemoryLog,
  {
    folder = join(mkdtempSync(join(tmpdir(), "site-")), "people"),
    key,
    cut = false,
    ...options
  }: TestSiteOptions = {},
): Promise<TestSite> {
  const { name = "Here" } = options;
  const store = await openStore({ folder, key });
  const queue = new SerialQueue();
  let line: MemoryLine | undefined;
  const site = await Site.open({
    passPhrase: "a key",
    seenMs: 0,
    closeMs: 60_000,
    ...options,
    name,
    store,
    beside: { folder, secret: store.secret },
    exclusively: (work) => queue.run(work),
    connect: (of) => {
      line = log.connect(of);
      if (cut) line.cut(true);
      return line;
    },
  });
  if (line === undefined) throw new Error("a site did not connect");
  return { name, folder, store, site, line, act: (work) => queue.run(() => work(store)) };
}

export async function closeSite({ site, store }: TestSite): Promise<void> {
  await site.close();
  await store.close();
}

/** The log's newest change where all sites have told and followed all; one that has read nothing yet knows none. */
export function headOfAll(sites: readonly { site: Site }[]): number | undefined {
  const states = sites.map(({ site }) => site.state);
  const head = Math.max(...states.map((state) => state.head ?? Infinity));
  return states.every(({ waiting, followed }) => waiting === 0 && followed === head) ? head : undefined;
}

/** Once all sites have told each other all. */
export async function allSettled(sites: readonly TestSite[]): Promise<void> {
  for (let quiet = 0, before: number | undefined; quiet < 2;) {
    for (const { site } of sites) await site.settled();
    const head = headOfAll(sites);
    quiet = head !== undefined && head === before ? quiet + 1 : 0;
    before = head;
  }
}
