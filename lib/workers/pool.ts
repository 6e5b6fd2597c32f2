import { extname, join } from "node:path";
import { Piscina } from "piscina";

/** A task that takes longer than this hangs; its worker is ended and replaced. First use loads a network, so be generous. */
const TASK_TIMEOUT_MS = 60_000;

/** How many tasks may wait for a worker, over all nodes. Nodes keep one running each, galleries a few. */
const MAX_QUEUE = 256;

export interface RunOptions {
  /** Buffers that move to the worker instead of being copied. */
  transfer?: ArrayBuffer[];
  timeoutMs?: number;
}

/** Workers for one stage, shared by all its users, gone with the last of them. */
export class StagePool<Task, Result> {
  readonly #filename: string;
  readonly #maxThreads: number;
  #users = 0;
  #piscina: Piscina<Task, Result> | undefined;

  /** @param directory and @param name of the worker's module; .ts beside a .ts caller (tests), .js once built. */
  constructor(directory: string, name: string, maxThreads: number) {
    this.#filename = join(directory, name + extname(__filename));
    this.#maxThreads = maxThreads;
  }

  acquire(): void {
    this.#users += 1;
  }

  /** Ends the workers when nobody uses them any more. */
  async release(): Promise<void> {
    this.#users = Math.max(0, this.#users - 1);
    if (this.#users > 0) return;
    const piscina = this.#piscina;
    this.#piscina = undefined;
    await piscina?.destroy();
  }

  /** Worker threads alive. */
  get threads(): number {
    return this.#piscina?.threads.length ?? 0;
  }

  /** Run one task in a worker. @throws what the task threw, or a sentence when the worker died or hung. */
  async run(task: Task, options: RunOptions = {}): Promise<Result> {
    if (this.#users === 0) throw new Error("this stage is closed");
    this.#piscina ??= new Piscina<Task, Result>({ filename: this.#filename, minThreads: 1, maxThreads: this.#maxThreads, maxQueue: MAX_QUEUE, idleTimeout: Infinity });
    const timeoutMs = options.timeoutMs ?? TASK_TIMEOUT_MS;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#piscina.run(task, { signal, transferList: options.transfer ?? [] });
    } catch (error) {
      if (signal.aborted) throw new Error(`the worker did not answer within ${timeoutMs} ms and was restarted`, { cause: error });
      throw error;
    }
  }
}
