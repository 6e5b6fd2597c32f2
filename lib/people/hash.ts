import { createHash, randomBytes } from "node:crypto";

const ID_BYTES = 6;

/** SHA-256 in hex. */
export function contentHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** 12 hex digits, random. */
export function newId(): string {
  return randomBytes(ID_BYTES).toString("hex");
}
