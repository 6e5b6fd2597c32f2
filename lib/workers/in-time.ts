import { setTimeout } from "node:timers/promises";

/** Once the work has ended, however, or the time is over, or the signal says so. Never rejects. */
export async function inTime(work: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const either = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
  await Promise.race([
    work.catch(() => undefined),
    setTimeout(ms, undefined, { signal: either }).catch(() => undefined),
  ]);
  ended.abort();
}
