/** Faces in one batch: more take more memory at once (thousands more than WASM has) and hardly less time each. */
export const MOST_AT_ONCE = 8;

/**
 * Work on items some at a time, one batch after the other.
 * @param work gives one result an item
 * @returns all of them, in order
 */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (batch: readonly Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += MOST_AT_ONCE)
    results.push(...(await work(items.slice(from, from + MOST_AT_ONCE))));
  return results;
}
