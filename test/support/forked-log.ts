/** A log of sites whose site is a child process: the parent has the log, the child a line to it by messages. */
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import type { ChangeLog, ChangeLogEvents } from "../../lib/sites/change-log";
import type { MemoryLine, MemoryLog } from "./memory-log";

type Call = { call: number; method: string; args: unknown[] } | { site: string };
type Answer = { call: number; value?: unknown; error?: string } | { wake: true };

/** For a child that is a site and writes for ever. */
export interface Orders {
  folder: string;
  name: string;
  seed: number;
  /** Where it begins to count. */
  first: number;
}

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

/** In the child: a line to the parent's log. */
export function connectToParent(site: { id: string; name: string }): ChangeLog {
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

/** In the child: do as the parent has ordered, until it is killed. */
export function obey(run: (orders: Orders) => Promise<void>): void {
  run(JSON.parse(process.argv[2] ?? "{}") as Orders).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}

/**
 * In the parent: one life of a child that is a site, which ends in the middle of something.
 * @param lives how often it says something before that
 * @returns what it said
 */
export async function liveOf<Said>(
  child: ChildProcess,
  { log, orders, lives }: { log: MemoryLog; orders: Orders; lives: number },
): Promise<Said[]> {
  const said: Said[] = [];
  await serveLog(child, { log, name: orders.name }, (message) => {
    said.push(message as Said);
    if (said.length === lives) setTimeout(() => child.kill("SIGKILL"), (orders.seed * 7) % 23);
  });
  return said;
}

/**
 * In the parent: serve a child that is a site, until it is dead.
 * @param onOther what else the child says
 */
export async function serveLog(
  child: ChildProcess,
  { log, name }: { log: MemoryLog; name: string },
  onOther: (message: unknown) => void,
): Promise<void> {
  const dead = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  let line: MemoryLine | undefined;
  const answer = (what: Answer): void => {
    if (child.connected) child.send(what, () => undefined);
  };
  child.on("message", (message) => {
    const call = message as Call;
    if ("site" in call) {
      line = log.connect({ id: call.site, name });
      line.on("wake", () => answer({ wake: true }));
    } else if ("call" in call) {
      const ask = line?.[call.method as keyof MemoryLine] as unknown as (...args: unknown[]) => Promise<unknown>;
      ask
        .apply(line, call.args)
        .then((value) => answer({ call: call.call, value }))
        .catch((error: unknown) => answer({ call: call.call, error: String(error) }));
    } else onOther(message);
  });
  await dead;
  await line?.close();
}
