/** A site that writes for ever, and says whom it has enrolled once the promise has resolved. Killed by the test. */
import { EventEmitter } from "node:events";
import { openStore } from "../../../lib/people/lmdb/store";
import type { ChangeLog, ChangeLogEvents } from "../../../lib/sites/change-log";
import { Site } from "../../../lib/sites/site";
import { SerialQueue } from "../../../lib/workers/serial-queue";
import { seeded } from "../../../bench/statistics";
import { added } from "../people/store-suite";
import { randomWrites } from "./random-writes";

export interface Orders {
  folder: string;
  name: string;
  seed: number;
  /** The first to enrol, who is never deleted. */
  first: number;
}

export type Call = { call: number; method: string; args: unknown[] } | { enrolled: number } | { site: string };
export type Answer = { call: number; value?: unknown; error?: string } | { wake: true };

/** The log, which the parent has. */
class Line extends EventEmitter<ChangeLogEvents> {
  readonly readOnly = false;
  readonly #waiting = new Map<number, { done: (value: unknown) => void; fail: (error: Error) => void }>();
  #calls = 0;

  constructor() {
    super();
    process.on("message", (message) => {
      const answer = message as Answer;
      if ("wake" in answer) {
        this.emit("wake");
        return;
      }
      const waiting = this.#waiting.get(answer.call);
      this.#waiting.delete(answer.call);
      if (answer.error === undefined) waiting?.done(answer.value);
      else waiting?.fail(new Error(answer.error));
    });
  }

  ask(method: string, args: unknown[]): Promise<unknown> {
    const call = (this.#calls += 1);
    return new Promise((done, fail) => {
      this.#waiting.set(call, { done, fail });
      say({ call, method, args });
    });
  }
}

const say = (call: Call): unknown => process.send?.(call);

function connect(site: { id: string; name: string }): ChangeLog {
  say({ site: site.id });
  const line = new Line();
  return new Proxy(line, {
    get: (target, name) => {
      const own: unknown = Reflect.get(target, name, target);
      if (own !== undefined) return typeof own === "function" ? own.bind(target) : own;
      return (...args: unknown[]) => target.ask(String(name), args);
    },
  }) as unknown as ChangeLog;
}

async function run({ folder, name, seed, first }: Orders): Promise<void> {
  const store = await openStore({ folder });
  const queue = new SerialQueue();
  await Site.open({
    store,
    beside: { folder, secret: store.secret },
    name,
    passPhrase: "a key",
    connect,
    exclusively: (work) => queue.run(work),
    seenMs: 0,
    strangers: true,
  });
  const write = randomWrites(seeded(seed));
  for (let number = first; ; number += 1) {
    await queue.run(() => store.putMany(added(number)));
    say({ enrolled: number });
    await queue.run(() => write(store));
  }
}

run(JSON.parse(process.argv[2] ?? "{}") as Orders).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
