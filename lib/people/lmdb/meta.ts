/** store.json: the format of a store, and what tells the right pass phrase. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../errors";
import { readIfThere, writeDurable } from "../../files";
import { makeSecret, noSecret, SALT_BYTES, type Secret } from "./secret";

export const META = "store.json";
const FORMAT_VERSION = 1;
/** What is sealed to tell the right pass phrase from a wrong one. */
const CHECK = "facenet";

const metaSchema = z.object({
  format: z.literal("facenet-people"),
  version: z.literal(FORMAT_VERSION),
  salt: z.base64().optional(),
  check: z.base64().optional(),
  /** Whether all that was plain before there was a pass phrase has been sealed. */
  converted: z.boolean().default(true),
});
export type Meta = z.infer<typeof metaSchema>;

/**
 * What a store says of itself, which is written where it is new, and the secret that opens it.
 * @throws a sentence when it is of another version, or the pass phrase is wrong or missing; the system's error
 */
export async function readMeta(path: string, key: string | undefined): Promise<{ meta: Meta; secret: Secret }> {
  // Where it is there and cannot be read now, another one would open nothing of what is sealed.
  const text = await readIfThere(path);
  const parsed = text === undefined ? undefined : metaSchema.safeParse(parseJson(text.toString()));
  if (parsed?.success === false) throw new UserError("people.otherVersion", { file: path });
  const meta = parsed?.data;
  if (meta?.salt !== undefined) return { meta, secret: await unlock(meta, key) };
  if (key === undefined) {
    const plain: Meta = meta ?? { format: "facenet-people", version: FORMAT_VERSION, converted: true };
    if (meta === undefined) await writeMeta(path, plain);
    return { meta: plain, secret: noSecret };
  }
  // New, or plain until now: what is there is sealed anew once it has been read.
  const salt = randomBytes(SALT_BYTES);
  const secret = await makeSecret(key, salt);
  const locked: Meta = {
    format: "facenet-people",
    version: FORMAT_VERSION,
    salt: salt.toString("base64"),
    check: secret.seal(Buffer.from(CHECK), META).toString("base64"),
    converted: meta === undefined,
  };
  await writeMeta(path, locked);
  return { meta: locked, secret };
}

export async function writeMeta(path: string, meta: Meta): Promise<void> {
  await writeDurable(path, Buffer.from(JSON.stringify(meta)));
}

async function unlock({ salt = "", check = "" }: Meta, key: string | undefined): Promise<Secret> {
  if (key === undefined) throw new UserError("people.encrypted");
  const secret = await makeSecret(key, Buffer.from(salt, "base64"));
  try {
    secret.open(Buffer.from(check, "base64"), META);
  } catch (error) {
    throw new UserError("people.wrongPassPhrase", {}, { cause: error });
  }
  return secret;
}

/** Undefined of what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
