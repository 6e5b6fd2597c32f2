/** A worker's side of its pool: answers tasks, and ends where the engine in it is broken. */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { UserError } from "../errors";
import type { Sentence } from "../words/sentence";

/**
 * What a worker answers: an error's class does not survive the way between threads, so a sentence for people goes by
 * itself.
 * A task that is answered in no such way took its worker with it.
 */
export type Answer<Result> = { value: Result } | { userError: Sentence } | { error: unknown };

class Moving {
  constructor(
    readonly answer: unknown,
    readonly buffers: readonly ArrayBuffer[],
  ) {}
}

/** A worker's answer whose buffers move to the asker instead of being copied. */
export function moving<T>(answer: T, buffers: readonly ArrayBuffer[]): T {
  return new Moving(answer, buffers) as T;
}

/** So many causes of causes are looked at. */
const MOST_CAUSES = 10;

/**
 * Whether what an engine threw, or its cause, tells that it is broken for good: a WASM instance that trapped
 * (RuntimeError), or
 * something that is no Error (C++ exceptions come out of Emscripten as numbers, and nobody cleans up behind them).
 */
export function isFatal(thrown: unknown): boolean {
  let each = thrown;
  for (let depth = 0; depth < MOST_CAUSES; depth += 1) {
    if (!(each instanceof Error) || each.name === "RuntimeError") return true;
    if (each.cause === undefined) return false;
    each = each.cause;
  }
  return false;
}

/**
 * Work of an engine that may break.
 * @param sentence for people should it break; what engines say then helps nobody (the number of a C++ exception,
 * "unreachable")
 */
export async function onEngine<T>(sentence: () => Sentence, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFatal(error) && !(error instanceof UserError) ? new UserError(sentence(), { cause: error }) : error;
  }
}

/** The names of what a worker ends with whose engine broke: with a sentence for people, and without. */
export const BROKE = { saying: "EngineBrokeSaying", silently: "EngineBroke" } as const;

/**
 * Make a worker's function of one that does its tasks. What it throws is the task's error, unless it tells that an
 * engine is broken.
 */
export function serve<Task, Result>(work: (task: Task) => Result | Promise<Result>): (task: Task) => Promise<unknown> {
  return async (task) => {
    try {
      const result = await work(task);
      // piscina wants what moves wrapped and gives the asker the answer itself.
      return result instanceof Moving
        ? move({ [transferableSymbol]: result.buffers, [valueSymbol]: { value: result.answer } })
        : { value: result };
    } catch (error) {
      const userError = error instanceof UserError ? error.sentence : undefined;
      if (!isFatal(error)) return userError === undefined ? { error } : { userError };
      // Nobody catches this: it ends the worker before that takes another task, and the pool answers with it.
      const end = Object.assign(new Error(userError === undefined ? String(error) : JSON.stringify(userError)), {
        name: userError === undefined ? BROKE.silently : BROKE.saying,
      });
      queueMicrotask(() => {
        throw end;
      });
      return new Promise(() => undefined);
    }
  };
}
