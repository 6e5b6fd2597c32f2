/** A zip that may claim anything, read without believing it: bounded in files, bytes, growth and lines. */
import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { type Entry, open as openZip, type ZipFile } from "yauzl";
import { reasonOf, UserError } from "../errors";

export type { Entry, ZipFile } from "yauzl";

const MAX_ENTRIES = 2_000_000;
/** A few bytes of a zip can stand for a thousand times as many; no export of a gallery does. */
const MAX_GROWTH = 50;
const MAX_LINE_BYTES = 2 ** 20;
const NEWLINE = 0x0a;
/** Before each file's bytes, without its name (APPNOTE.TXT 4.3.7). */
const LOCAL_HEADER_BYTES = 30;

/** What of a file in the zip is read at most. */
export interface Bounds {
  /** Bytes. */
  most: number;
  /** A file of so many bytes may have grown from any few. */
  small: number;
}

export function openArchive(path: string): Promise<ZipFile> {
  return new Promise((done, fail) => {
    openZip(
      path,
      { lazyEntries: true, autoClose: false, validateEntrySizes: true, strictFileNames: true },
      (error, zip) => (error ? fail(noZip(error)) : done(zip)),
    );
  });
}

/**
 * Every file in the zip by its name.
 * @throws a sentence when there are too many, two of a name, or two that share bytes
 */
export async function filesIn(zip: ZipFile, signal: AbortSignal | undefined): Promise<Map<string, Entry>> {
  const files = new Map<string, Entry>();
  for await (const entry of entriesOf(zip)) {
    signal?.throwIfAborted();
    if (files.has(entry.fileName))
      throw new UserError("people.zipTwice", { file: JSON.stringify(entry.fileName.slice(0, 100)) });
    // Who packs a zip anew has folders in it; they hold nothing.
    if (!isFolder(entry)) files.set(entry.fileName, entry);
  }
  let end = 0;
  for (const { relativeOffsetOfLocalHeader: begin, compressedSize, fileName } of [...files.values()].sort(
    (a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader,
  )) {
    // The same bytes again and again: a small file that unpacks to any size.
    if (begin < end) throw new UserError("people.zipShares", { file: JSON.stringify(fileName.slice(0, 100)) });
    end = begin + LOCAL_HEADER_BYTES + compressedSize;
  }
  return files;
}

function isFolder({ fileName, uncompressedSize }: Entry): boolean {
  return fileName.endsWith("/") && uncompressedSize === 0;
}

/** @param pictures all of them @throws a sentence when together they claim to be much larger than the zip */
export function checkClaims(zip: ZipFile, pictures: Iterable<Entry>, small: number): void {
  let claimed = 0;
  for (const { uncompressedSize } of pictures) claimed += uncompressedSize;
  if (claimed > small + MAX_GROWTH * zip.fileSize)
    throw new UserError("people.zipClaims", { claimed, size: zip.fileSize });
}

/** @throws a sentence when it is larger than it may be, or damaged */
export async function readEntry(zip: ZipFile, entry: Entry, bounds: Bounds): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = await streamOf(zip, entry, bounds);
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch (error) {
    throw noZip(error as Error);
  }
  return Buffer.concat(chunks);
}

/** The lines of a file. Undefined for one that is longer than any record, and then no more. @throws as readEntry */
export async function* linesOf(zip: ZipFile, entry: Entry, bounds: Bounds): AsyncGenerator<string | undefined> {
  const stream = await streamOf(zip, entry, bounds);
  /** Of a line whose end has not come yet; joined once. */
  let parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      let at = 0;
      for (
        let end = chunk.indexOf(NEWLINE);
        end >= 0 && length + end - at <= MAX_LINE_BYTES;
        end = chunk.indexOf(NEWLINE, at)
      ) {
        const rest = chunk.subarray(at, end);
        yield (parts.length === 0 ? rest : Buffer.concat([...parts, rest])).toString();
        [parts, length] = [[], 0];
        at = end + 1;
      }
      parts.push(chunk.subarray(at));
      length += chunk.length - at;
      if (length > MAX_LINE_BYTES) {
        yield undefined;
        return;
      }
    }
  } catch (error) {
    throw noZip(error as Error);
  }
  if (length > 0) yield Buffer.concat(parts).toString();
}

export function noZip(error: Error): Error {
  return new UserError("people.zipDamaged", { reason: reasonOf(error) }, { cause: error });
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  if (zip.entryCount > MAX_ENTRIES) throw new UserError("people.zipFiles", { files: zip.entryCount });
  for (;;) {
    const entry = await new Promise<Entry | undefined>((done, fail) => {
      const settle = (act: () => void): void => {
        zip.removeAllListeners();
        act();
      };
      zip.once("entry", (next: Entry) => settle(() => done(next)));
      zip.once("end", () => settle(() => done(undefined)));
      zip.once("error", (error: Error) => settle(() => fail(noZip(error))));
      zip.readEntry();
    });
    if (entry === undefined) return;
    yield entry;
  }
}

async function streamOf(zip: ZipFile, entry: Entry, { most, small }: Bounds): Promise<AsyncIterable<Buffer>> {
  const { fileName, uncompressedSize, compressedSize } = entry;
  if (entry.isEncrypted())
    throw new UserError("people.zipEncrypted", { file: JSON.stringify(fileName.slice(0, 100)) });
  if (uncompressedSize > Math.max(small, MAX_GROWTH * compressedSize))
    throw new UserError("people.zipGrows", {
      file: fileName,
      times: Math.round(uncompressedSize / compressedSize),
    });
  if (uncompressedSize > most)
    throw new UserError("people.zipFileTooLarge", { file: fileName, bytes: uncompressedSize, most });
  return new Promise((done, fail) => {
    zip.openReadStream(entry, (error, stream) => (error ? fail(noZip(error)) : done(summed(stream, entry))));
  });
}

/**
 * yauzl checks sizes, but no sums: a picture that is not packed could change and be a picture still.
 * @throws at the end, when it did
 */
async function* summed(stream: Readable, { fileName, crc32: expected }: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const chunk of stream) {
    sum = crc32(chunk as Buffer, sum);
    yield chunk as Buffer;
  }
  if (sum !== expected) throw new UserError("people.zipChecksum", { file: fileName });
}
