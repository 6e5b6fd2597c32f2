import { failures } from "./failures";

/**
 * Work that nobody waits for: should it fail, a diagnosis tells. Unheard, a rejection would end Node-RED.
 * @param where as of a Failure
 */
export function heard(where: string, work: Promise<unknown>): void {
  work.catch((error: unknown) => failures.note(where, error));
}
