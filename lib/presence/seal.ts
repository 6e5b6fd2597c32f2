/**
 * A seal on what is told of visits (HMAC-SHA-256, FIPS 198-1): a message that a flow made up, changed, or kept from
 * the time before a restart does not have it. The key lives in this process's memory and nowhere else.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const key = randomBytes(32);

/** Pictures are not sealed: they decide nothing, and JSON changes how they are written. */
const UNSEALED: ReadonlySet<string> = new Set(["seal", "snapshot"]);

/** @returns the seal of a visit, or of who is here */
export function sealOf(told: object): string {
  const sealed = Object.entries(told).filter(([name]) => !UNSEALED.has(name));
  return createHmac("sha256", key)
    .update(canonical(Object.fromEntries(sealed)))
    .digest("base64url");
}

/** Whether something was sealed by this process and is unchanged since; never throws on what came with a message. */
export function isSealed(told: { seal?: unknown } & object): boolean {
  if (typeof told.seal !== "string") return false;
  const wanted = Buffer.from(sealOf(told));
  const found = Buffer.from(told.seal);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** JSON whose keys are in order, so that a message that went through JSON, or was copied, has the same. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
