/** What is kept beside the people and goes with them in an export: check-ins, visits. */
import type { z } from "zod";

/** What an import knows by then. */
export interface PartContext {
  /** Who somebody of the export is here. */
  personOf: (id: string) => string | undefined;
  /** A picture of the zip by the name that `pictures` gave it. */
  pictureOf: (name: string) => Promise<Buffer | undefined>;
}

/** Of one export or import. */
export interface ArchivePart<T = unknown> {
  /** What the answer of an import counts it as. */
  readonly counts: "checkIns" | "visits";
  /** In the zip. */
  readonly file: string;
  /** Of its pictures in the zip; undefined where it has none. */
  readonly folder?: string;
  /** Of a line. */
  readonly schema: z.ZodType<T>;
  /** Whether there is nothing to export. */
  readonly isEmpty: boolean;
  /** As JSON has them. */
  lines(): AsyncIterable<object>;
  /** By 8 to 64 hex digits. */
  pictures(): AsyncIterable<readonly [name: string, picture: Buffer]>;
  /** No two have the same. */
  idOf(record: T): string;
  /** Who must be among the people of the export; null where it names nobody. */
  personOf(record: T): string | null;
  /** A line as it is without whom it names; without it such lines stay out of an export where they are unknown. */
  ofNobody?(line: object): object;
  /** Hears of every record before the first is added. */
  announce?(record: T): void;
  /** What is here already stays as it is. @returns how many were added @throws StorageError */
  add(records: readonly T[], context: PartContext): Promise<number>;
}
