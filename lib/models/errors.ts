/** What is wrong with a pack or a download: a sentence for people, and a code for programs. */
import { UserError } from "../errors";
import type { Sentence } from "../words/sentence";

/** Why a model pack cannot be used. */
export const PACK_PROBLEMS = [
  "unreadable",
  "not_json",
  "later_form",
  "malformed",
  "not_whole",
  "damaged",
  "link_outside",
  "same_id",
] as const;
export type PackProblem = (typeof PACK_PROBLEMS)[number];

/** Why a download failed; of a disk, where what came could not be written. */
export const DOWNLOAD_PROBLEMS = ["unreachable", "too_slow", "proxy", "not_https", "another_file", "disk"] as const;
export type DownloadProblem = (typeof DOWNLOAD_PROBLEMS)[number];

export class PackError extends UserError {
  readonly code: PackProblem;

  constructor(code: PackProblem, sentence: Sentence, options?: ErrorOptions) {
    super(sentence, options);
    this.code = code;
  }
}

export class DownloadError extends UserError {
  readonly code: DownloadProblem;

  constructor(code: DownloadProblem, sentence: Sentence, options?: ErrorOptions) {
    super(sentence, options);
    this.code = code;
  }
}
