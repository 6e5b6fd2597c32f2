import { contentHash } from "../people/hash";

const ID_LENGTH = 24;

/** An id that is the same for the same parts. */
export function hashOf(...parts: readonly (string | number)[]): string {
  return contentHash(Buffer.from(JSON.stringify(parts))).slice(0, ID_LENGTH);
}
