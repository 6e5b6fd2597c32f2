/** What is somebody's own of the entries of a segment: kept beside them, so that it can be deleted. */
import { z } from "zod";
import { writeDurable } from "../../files";
import type { Secret } from "../../people/lmdb/secret";
import { commitmentOf, type Details, detailsSchema, type Entry } from "./entry";
import { detailsFile, linesOf } from "./files";

const lineSchema = z.object({ sequence: z.int(), sealed: z.string() });

export interface SegmentDetails {
  /** Undefined where they are gone; "changed" where what is there is not what was written. */
  of(entry: Entry): Details | "changed" | undefined;
}

const placeOf = (sequence: number): string => `details ${sequence}`;

export function detailsLine(sequence: number, details: Details, secret: Secret): string {
  const sealed = secret.seal(Buffer.from(JSON.stringify(details)), placeOf(sequence)).toString("base64");
  return JSON.stringify({ sequence, sealed });
}

/** @param first of the segment */
export async function readDetails(folder: string, first: number, secret: Secret): Promise<SegmentDetails> {
  const found = new Map<number, Details[]>();
  const unreadable = new Set<number>();
  for (const line of await linesOf(detailsFile(folder, first))) {
    const parsed = parseLine(line, secret);
    if (parsed === undefined) continue;
    if (parsed.details === undefined) unreadable.add(parsed.sequence);
    else found.set(parsed.sequence, [...(found.get(parsed.sequence) ?? []), parsed.details]);
  }
  return {
    of: (entry) => {
      const all = found.get(entry.sequence) ?? [];
      // Of an entry that a crash kept from being written there may be another's details of the same number.
      const own = all.find((details) => commitmentOf(details) === entry.details);
      return own ?? (all.length > 0 || unreadable.has(entry.sequence) ? "changed" : undefined);
    },
  };
}

/**
 * Those of a person in a segment.
 * @returns the numbers of their entries, and what deletes them and tells how long the file is then; what cannot be
 * read stays
 */
export async function detailsOf(
  person: string,
  folder: string,
  first: number,
  secret: Secret,
): Promise<{ sequences: number[]; remove: () => Promise<number> }> {
  const path = detailsFile(folder, first);
  const lines = (await linesOf(path)).filter((line) => line !== "");
  const sequences: number[] = [];
  const left = lines.filter((line) => {
    const parsed = parseLine(line, secret);
    if (parsed?.details?.person !== person) return true;
    sequences.push(parsed.sequence);
    return false;
  });
  const remove = async (): Promise<number> => {
    const bytes = Buffer.from(left.map((line) => `${line}\n`).join(""));
    await writeDurable(path, bytes);
    return bytes.length;
  };
  return { sequences, remove };
}

/** Of whom there are some in a segment. */
export async function peopleIn(folder: string, first: number, secret: Secret): Promise<string[]> {
  const lines = await linesOf(detailsFile(folder, first));
  return lines.flatMap((line) => parseLine(line, secret)?.details?.person ?? []);
}

/** Delete those of entries that were never written, and what was not finished. */
export async function keepDetailsUpTo(last: number, folder: string, first: number): Promise<void> {
  const path = detailsFile(folder, first);
  const lines = await linesOf(path);
  const rest = lines.pop();
  const left = lines.filter((line) => (numberOf(line) ?? 0) <= last);
  if (rest === "" && left.length === lines.length) return;
  await writeDurable(path, Buffer.from(left.map((line) => `${line}\n`).join("")));
}

function numberOf(line: string): number | undefined {
  try {
    return lineSchema.parse(JSON.parse(line)).sequence;
  } catch {
    return undefined;
  }
}

function parseLine(line: string, secret: Secret): { sequence: number; details: Details | undefined } | undefined {
  let parsed: z.infer<typeof lineSchema>;
  try {
    parsed = lineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
  try {
    const opened = secret.open(Buffer.from(parsed.sealed, "base64"), placeOf(parsed.sequence)).toString();
    return { sequence: parsed.sequence, details: detailsSchema.parse(JSON.parse(opened)) };
  } catch {
    return { sequence: parsed.sequence, details: undefined };
  }
}
