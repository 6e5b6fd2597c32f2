import { createRequire } from "node:module";
import { join } from "node:path";
import { Piscina } from "piscina";
import { heard } from "../observe/heard";
import { errorMessage, Fault, UserError } from "../errors";
import type { Sentence } from "../words/sentence";
import { type Answer, BROKE } from "./serve";

/**
 * A task that takes longer than this hangs; its worker is ended and replaced. First use loads a network, which takes a
 * minute on a small computer that is busy.
 */
const TASK_TIMEOUT_MS = 180_000;

/** How long a worker may take to end what it started. */
const FAREWELL_MS = 1000;

/** Workers that had nothing to do for so long are ended, with what they loaded; the next task loads it again. */
const IDLE_MS = 60 * 60 * 1000;

/**
 * Of a worker's heap the part for what lives shortly, in megabytes. V8's own bound is 48, and pictures count for
 * nothing in it: tens of megabytes of those that nobody needs any more lay there until it was full. With this a worker
 * that searches frames of 1280 × 720 is 40 MB smaller (bench/RESULTS.md).
 */
const YOUNG_MB = 3;

/** How many tasks may wait for a worker, over all nodes. Nodes keep one running each, galleries a few. */
const MAX_QUEUE = 256;

const CLOSED = "this stage is closed";

export interface RunOptions {
  /** Buffers that move to the worker instead of being copied. */
  transfer?: ArrayBuffer[];
  timeoutMs?: number;
}

export interface Prepared<Task> {
  task: Task;
  transfer: ArrayBuffer[];
}

/** Errors of tasks whose worker ended in the midst of them, and with it the engine inside. */
const deaths = new WeakSet<Error>();

function death(cause: unknown): Error {
  const said = errorMessage(cause);
  const name = cause instanceof Error ? cause.name : "";
  const what = name === BROKE.silently ? "an engine broke" : "the worker ended in the midst of its work";
  const error =
    name === BROKE.saying
      ? new UserError(JSON.parse(said) as Sentence, { cause })
      : new Fault(`${what} (${said}) and was restarted: send the picture again, or another one.`, { cause });
  deaths.add(error);
  return error;
}

/** A pool of piscina's, and why it is of no use any more. */
interface Workers<Task, Result> {
  piscina: Piscina<Task, Answer<Result>>;
  failure: Error | undefined;
}

/**
 * Workers for one stage, shared by all its users, gone with the last of them. Tasks are begun in the order in which
 * they came. They wait here and not with piscina, whose part are the threads (starting them, handing tasks and memory
 * over, ending one that hangs): the time that a task may take runs from when a worker has it, and with piscina it
 * would run from when it was asked for, so that what waits behind slow tasks would be said to hang.
 */
export class StagePool<Task, Result> {
  readonly #filename: string;
  readonly #maxThreads: number;
  readonly #farewell: Task | undefined;
  readonly #idleMs: number;
  #idle: NodeJS.Timeout | undefined;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #users = 0;
  #workers: Workers<Task, Result> | undefined;
  readonly #ending = new Set<Promise<void>>();

  /**
   * @param directory and @param name of the worker's module, as `require` finds it: .js once built, .ts in tests
   * @param farewell the last task of a worker, which then can end what it started
   * @param idleMs after so many milliseconds without a task there are no workers until the next
   */
  constructor(directory: string, name: string, maxThreads: number, farewell?: Task, idleMs = IDLE_MS) {
    this.#filename = createRequire(__filename).resolve(join(directory, name));
    this.#maxThreads = maxThreads;
    this.#farewell = farewell;
    this.#idleMs = idleMs;
  }

  acquire(): void {
    this.#users += 1;
  }

  /** Ends the workers when nobody uses them any more. */
  async release(): Promise<void> {
    this.#users = Math.max(0, this.#users - 1);
    if (this.#users > 0) return;
    clearTimeout(this.#idle);
    if (this.#workers !== undefined) this.#end(this.#workers);
    await Promise.all(this.#ending);
  }

  /** Worker threads alive. */
  get threads(): number {
    return this.#workers?.piscina.threads.length ?? 0;
  }

  /**
   * Run one task in a worker.
   * @throws what the task threw, a Fault when the worker hung or could not start, UserError when too much waits
   */
  async run(task: Task, options: RunOptions = {}): Promise<Result> {
    if (this.#users === 0) throw new Fault(CLOSED);
    await this.#turn();
    clearTimeout(this.#idle);
    try {
      return await this.#runNow(task, options);
    } finally {
      const next = this.#waiting.shift();
      // The place goes on to the next, so that nobody takes it in between.
      if (next !== undefined) next();
      else if ((this.#running -= 1) === 0 && this.#users > 0)
        this.#idle = setTimeout(() => this.#unload(), this.#idleMs).unref();
    }
  }

  /** Nothing runs and nothing waits. */
  #unload(): void {
    if (this.#running === 0 && this.#workers !== undefined) this.#end(this.#workers);
  }

  /**
   * As run. A task whose worker died is done once more by a new worker: it may have died of what came before.
   * @param prepare makes the task, the second time anew, since what moved to the first worker went with it
   * @throws as run
   */
  async runAgain(prepare: () => Promise<Prepared<Task>>): Promise<Result> {
    const attempt = async (): Promise<Result> => {
      const { task, transfer } = await prepare();
      return this.run(task, { transfer });
    };
    return attempt().catch((error: unknown) => {
      if (error instanceof Error && deaths.has(error)) return attempt();
      throw error;
    });
  }

  async #turn(): Promise<void> {
    if (this.#running < this.#maxThreads) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= MAX_QUEUE) throw new UserError("workers.full", { most: MAX_QUEUE });
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async #runNow(task: Task, options: RunOptions): Promise<Result> {
    // It may have been closed while the task waited.
    if (this.#users === 0) throw new Fault(CLOSED);
    const workers = (this.#workers ??= this.#start());
    const timeoutMs = options.timeoutMs ?? TASK_TIMEOUT_MS;
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await workers.piscina
      .run(task, { signal, transferList: options.transfer ?? [] })
      .catch((error: unknown) => {
        if (workers.failure !== undefined)
          throw new Fault(
            `the worker could not be started (${errorMessage(workers.failure)}): look whether the computer has ` +
              "memory left and may open more files; the next picture tries again.",
            { cause: error },
          );
        if (signal.aborted)
          throw new Fault(`the worker did not answer within ${timeoutMs} ms and was restarted`, { cause: error });
        throw this.#workers === workers ? death(error) : new Fault(CLOSED, { cause: error });
      });
    if ("userError" in answer) throw new UserError(answer.userError);
    if ("error" in answer) throw answer.error;
    return answer.value;
  }

  #start(): Workers<Task, Result> {
    const workers: Workers<Task, Result> = {
      piscina: new Piscina<Task, Answer<Result>>({
        filename: this.#filename,
        minThreads: 1,
        maxThreads: this.#maxThreads,
        // Those beyond the first go one by one; the first goes with #unload.
        idleTimeout: this.#idleMs,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      }),
      failure: undefined,
    };
    // A worker failed before it had a task. Unheard this would end Node-RED, and piscina would let what waits for that
    // worker wait.
    workers.piscina.on("error", (error: Error) => {
      workers.failure ??= error;
      this.#end(workers);
    });
    return workers;
  }

  /** What it still works on is answered with an error; the next task starts others. */
  #end(workers: Workers<Task, Result>): void {
    if (this.#workers === workers) this.#workers = undefined;
    const ended = this.#takeLeave(workers)
      .then(() => workers.piscina.destroy())
      .catch(() => undefined);
    this.#ending.add(ended);
    heard(
      "workers",
      ended.finally(() => this.#ending.delete(ended)),
    );
  }

  /** A worker that is busy is not waited for longer than this. */
  async #takeLeave({ piscina, failure }: Workers<Task, Result>): Promise<void> {
    if (this.#farewell === undefined || failure !== undefined) return;
    await piscina.run(this.#farewell, { signal: AbortSignal.timeout(FAREWELL_MS) }).catch(() => undefined);
  }
}
