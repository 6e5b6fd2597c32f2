/** Whether a log is as it was written, and where it is not. */
import { readFile } from "node:fs/promises";
import type { Secret } from "../../people/lmdb/secret";
import type { Logged } from "../../grant";
import { BEGINNING, type Details, type Entry, hashOf, parseEntry, sha256 } from "./entry";
import { readDetails } from "./details";
import { linesOf, pictureFile, segmentFile, segmentsOf } from "./files";

/**
 * `unreadable`: a line is no entry. `hash`: an entry was changed. `previous`: the one before was changed, taken out or
 * put in. `sequence`: a number is missing or doubled. `cut`: an entry says that others were gone. `beginning`: the
 * first are gone, and nothing says that they made room. `head`: the entry that somebody keeps elsewhere is not there,
 * or another. `details`, `picture`: what is kept beside an entry was changed.
 */
export const FAULTS = [
  "unreadable",
  "cut",
  "hash",
  "previous",
  "sequence",
  "beginning",
  "head",
  "details",
  "picture",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Verification {
  ok: boolean;
  entries: number;
  first: number | null;
  last: Logged | null;
  /** Entries whose details are gone: of people who were deleted. */
  forgotten: number;
  /** Where it breaks first. */
  broken: { sequence: number; fault: Fault } | null;
}

export interface VerifyOptions {
  /** Opens the details; without it they are not looked at. */
  secret?: Secret | undefined;
  /** An entry as somebody keeps it elsewhere, of a grant say. */
  head?: Logged | undefined;
}

/** @param folder of the log */
export async function verifyLog(folder: string, { secret, head }: VerifyOptions = {}): Promise<Verification> {
  let previous: Entry | undefined;
  let [entries, forgotten] = [0, 0];
  let first: number | null = null;
  let droppedTo = 1;
  let headSeen = false;
  let cut: Verification["broken"] = null;
  const result = (broken: Verification["broken"]): Verification => ({
    ok: broken === null,
    entries,
    first,
    last: previous === undefined ? null : { sequence: previous.sequence, hash: previous.hash },
    forgotten,
    broken,
  });
  for (const segment of await segmentsOf(folder)) {
    const lines = await linesOf(segmentFile(folder, segment));
    // What follows the last line's end was never finished.
    lines.pop();
    const details = secret === undefined ? undefined : await readDetails(folder, segment, secret);
    for (const line of lines) {
      const entry = parseEntry(line);
      const sequence = entry?.sequence ?? (previous?.sequence ?? segment - 1) + 1;
      const broken = (fault: Fault): Verification => result({ sequence, fault });
      if (entry === undefined) return broken("unreadable");
      if (entry.hash !== hashOf(entry)) return broken("hash");
      if (previous !== undefined && entry.sequence !== previous.sequence + 1) return broken("sequence");
      if (previous !== undefined && entry.previous !== previous.hash) return broken("previous");
      if (entry.sequence === 1 && entry.previous !== BEGINNING) return broken("previous");
      first ??= entry.sequence;
      entries += 1;
      previous = entry;
      if (entry.kind === "dropped") droppedTo = Math.max(droppedTo, entry.note ?? 1);
      if (entry.kind === "cut") cut ??= { sequence, fault: "cut" };
      if (head?.sequence === entry.sequence) {
        if (head.hash !== entry.hash) return broken("head");
        headSeen = true;
      }
      if (details === undefined || entry.details === null) continue;
      const found = details.of(entry);
      if (found === "changed") return broken("details");
      if (found === undefined) forgotten += 1;
      else if (!(await isPicture(folder, entry, found, secret))) return broken("picture");
    }
  }
  if (first !== null && first > droppedTo) return result({ sequence: first, fault: "beginning" });
  if (head !== undefined && !headSeen && head.sequence >= (first ?? 1))
    return result({ sequence: head.sequence, fault: "head" });
  return result(cut);
}

/** Pictures are deleted before their entries are; one that is there must be the one that was kept. */
async function isPicture(folder: string, entry: Entry, { picture }: Details, secret?: Secret): Promise<boolean> {
  if (picture === null || secret === undefined) return true;
  const path = pictureFile(folder, entry.sequence);
  const sealed = await readFile(path).catch(() => undefined);
  if (sealed === undefined) return true;
  try {
    return sha256(secret.open(sealed, String(entry.sequence))) === picture;
  } catch {
    return false;
  }
}
