/** Seals what leaves a site: the database sees neither faces nor names, nor which photo a record is of. */
import { isEncrypted, makeSecret, Unsealable } from "../people/lmdb/secret";
import type { LogIdentity, RecordKind } from "./change-log";

export interface Sealing {
  /** Tells the gallery's key from any other one, and nothing of it. */
  readonly check: string;
  /** @param id as the log has it: what was sealed opens under it alone, and as this kind of this gallery */
  seal(kind: RecordKind, id: string, content: Uint8Array): Buffer;
  /** @throws Unsealable */
  open(kind: RecordKind, id: string, sealed: Uint8Array): Buffer;
  /** A record's id as the log has it: 32 hex digits, the same at every site. */
  blind(kind: RecordKind | "fingerprint", id: string): string;
}

/** @param passPhrase the gallery's, the same at every site */
export async function makeSealing(
  passPhrase: string,
  { gallery, salt }: Pick<LogIdentity, "gallery" | "salt">,
): Promise<Sealing> {
  const secret = await makeSecret(passPhrase, salt);
  const placeOf = (kind: RecordKind, id: string): string => `${gallery} ${kind} ${id}`;
  return {
    check: secret.blind(`check ${gallery}`),
    seal: (kind, id, content) => secret.seal(content, placeOf(kind, id)),
    open(kind, id, sealed) {
      // A secret also opens what is sealed with no key at all: that could be anybody's.
      if (!isEncrypted(sealed)) throw new Unsealable("damaged");
      return secret.open(sealed, placeOf(kind, id));
    },
    blind: (kind, id) => secret.blind(`${kind} ${id}`),
  };
}
