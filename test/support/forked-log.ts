/** A log of sites whose site is a child process: the parent has the log, the child a line to it by messages. */
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import type { ChangeLog, ChangeLogEvents } from "../../lib/sites/change-log";
import type { MemoryLine, MemoryLog } from "./memory-log";

type Call = { call: number; method: string; args: unknown[] } | { site: string };
type Answer = { call: number; value?: unknown; error?: string } | { wake: true };

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
