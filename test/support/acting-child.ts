/** A process that does what a test says, because what it does may end it, and must not. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { errorMessage } from "../../lib/errors";
import { StorageError } from "../../lib/storage";

/** How an act ended. */
export type Ended = { value: unknown } | { error: string; status?: number; reason?: string };

// oxlint-disable-next-line typescript/no-explicit-any -- whatever an act takes
type AnyActs = Record<string, (...given: any[]) => unknown>;

/** Called by the child, once. */
export function doAsAsked(acts: AnyActs): void {
  process.on("message", ({ act, args }: { act: string; args: unknown[] }) => {
    const run = async (): Promise<unknown> => acts[act]?.(...args);
    run().then(
      (value) => process.send?.({ value } satisfies Ended),
      (error: unknown) =>
        process.send?.({
          error: errorMessage(error),
          ...(error instanceof StorageError ? { status: error.status, reason: error.reason } : {}),
        } satisfies Ended),
    );
  });
  process.send?.("ready");
}

/** The test's end of it. */
export class ActingChild<Acts extends AnyActs> {
  readonly process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.process = child;
  }

  /** @param file that calls doAsAsked */
  static async start<Acts extends AnyActs>(file: string): Promise<ActingChild<Acts>> {
    const child = fork(file, { execArgv: ["--import", "tsx"], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await once(child, "message");
    return new ActingChild<Acts>(child);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async ask<A extends keyof Acts & string>(act: A, ...args: Parameters<Acts[A]>): Promise<Ended> {
    const child = this.process;
    assert.ok(child.connected, `the process ended (${child.signalCode ?? child.exitCode}) before "${act}"`);
    const gone = new AbortController();
    const died = once(child, "exit", { signal: gone.signal }).then(([code, signal]) => {
      throw new Error(`the process ended at "${act}": ${signal ?? code}`);
    });
    died.catch(() => undefined);
    child.send({ act, args });
    try {
      return (await Promise.race([once(child, "message"), died]))[0] as Ended;
    } finally {
      gone.abort();
    }
  }

  /** Do what must succeed. */
  async does<A extends keyof Acts & string>(
    act: A,
    ...args: Parameters<Acts[A]>
  ): Promise<Awaited<ReturnType<Acts[A]>>> {
    const ended = await this.ask(act, ...args);
    assert.ok(!("error" in ended), `${act}: ${"error" in ended ? ended.error : ""}`);
    return ended.value as Awaited<ReturnType<Acts[A]>>;
  }

  /** Whatever it is doing. */
  async kill(): Promise<void> {
    const child = this.process;
    const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await exited;
  }
}
