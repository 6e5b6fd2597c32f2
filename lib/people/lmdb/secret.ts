/** Seals what is kept: against damage always, against other eyes where there is a pass phrase. */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, scrypt } from "node:crypto";
import { phrase, type Sentence } from "../../words/sentence";
import { Fault } from "../../errors";

/** First byte of a sealed value. */
const PLAIN = 1;
const ENCRYPTED = 2;

const CHECKSUM_BYTES = 8;
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** NIST SP 800-38D recommends 96 bits. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
export const SALT_BYTES = 16;
/**
 * scrypt's cost: 32 MB and a tenth of a second, once at each start (RFC 7914; N = 2^15 is OWASP's with r = 8 and p =
 * 3).
 */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 };
const ID_LENGTH = 32;

const HOW = {
  damaged: phrase("people.recordDamaged"),
  sealedOtherwise: phrase("people.recordOtherKey"),
  encrypted: phrase("people.recordEncrypted"),
} as const;

/** A value that was sealed cannot be opened: it is damaged, or the pass phrase is another. */
export class Unsealable extends Fault {
  constructor(
    readonly how: keyof typeof HOW,
    options?: ErrorOptions,
  ) {
    super(`it is ${how}`, options);
  }

  /** As a part of a sentence. */
  get why(): Sentence {
    return HOW[this.how];
  }
}

export interface Secret {
  readonly encrypts: boolean;
  /** @param place what the value belongs to; it opens nowhere else */
  seal(value: Uint8Array, place: string): Buffer;
  /** @throws Unsealable */
  open(sealed: Uint8Array, place: string): Buffer;
  /** A name as it stands on the disk: of a photo's id nobody may tell the photo. */
  blind(id: string): string;
}

/** Guards against damage alone. */
export const noSecret: Secret = {
  encrypts: false,
  seal: (value) => Buffer.concat([Buffer.of(PLAIN), checksum(value), value]),
  open: (sealed) => openPlain(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)),
  blind: (id) => id,
};

/** Bytes made of what people can remember, at a cost; beside the event loop. */
export function stretch(text: string, salt: Buffer, bytes: number): Promise<Buffer> {
  return new Promise((done, fail) => {
    scrypt(text.normalize("NFKC"), salt, bytes, SCRYPT, (error, key) => (error ? fail(error) : done(key)));
  });
}

/** Encrypts with AES-256-GCM under a key made from the pass phrase. */
export async function makeSecret(passPhrase: string, salt: Buffer): Promise<Secret> {
  const bytes = await stretch(passPhrase, salt, 2 * KEY_BYTES);
  const [key, nameKey] = [bytes.subarray(0, KEY_BYTES), bytes.subarray(KEY_BYTES)];
  return {
    encrypts: true,
    seal(value, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(place));
      const text = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([Buffer.of(ENCRYPTED), iv, cipher.getAuthTag(), text]);
    },
    open(sealed, place) {
      const bytesOf = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      // What was kept before there was a pass phrase, until it is sealed anew.
      if (bytesOf[0] === PLAIN) return openPlain(bytesOf);
      if (bytesOf[0] !== ENCRYPTED || bytesOf.length < 1 + IV_BYTES + TAG_BYTES) throw new Unsealable("damaged");
      const iv = bytesOf.subarray(1, 1 + IV_BYTES);
      const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place));
      decipher.setAuthTag(bytesOf.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytesOf.subarray(1 + IV_BYTES + TAG_BYTES)), decipher.final()]);
      } catch (error) {
        throw new Unsealable("sealedOtherwise", { cause: error });
      }
    },
    blind: (id) => createHmac("sha256", nameKey).update(id).digest("hex").slice(0, ID_LENGTH),
  };
}

/** Whether a value was sealed with a key. */
export function isEncrypted(sealed: Uint8Array): boolean {
  return sealed[0] === ENCRYPTED;
}

function openPlain(sealed: Buffer): Buffer {
  const value = sealed.subarray(1 + CHECKSUM_BYTES);
  if (sealed[0] !== PLAIN || !checksum(value).equals(sealed.subarray(1, 1 + CHECKSUM_BYTES)))
    throw new Unsealable(isEncrypted(sealed) ? "encrypted" : "damaged");
  return Buffer.from(value);
}

function checksum(value: Uint8Array): Buffer {
  return createHash("sha256").update(value).digest().subarray(0, CHECKSUM_BYTES);
}
