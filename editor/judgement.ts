/** What is said of a photo before it is kept. */
import type { ToldFinding, ToldJudgement } from "../lib/enrol/judge";
import { ApiError } from "./api.js";
import { h, icon } from "./dom.js";
import { known, t } from "./words.js";

/** No photo without exactly one face, and none that is there already, can be kept. */
const FINAL: ReadonlySet<string> = new Set(["no_face", "several_faces", "near_duplicate"]);

/** Whether the photo may be kept all the same, if somebody says so. */
export function acceptable(findings: readonly ToldFinding[]): boolean {
  return findings.length > 0 && findings.every(({ code }) => !FINAL.has(code));
}

/**
 * What the button says that keeps it all the same: a copy of a photo that is left out is not kept, but that one used.
 */
export function acceptWords(findings: readonly ToldFinding[]): string {
  return t(findings.some(({ code }) => code === "near_left_out") ? "photo.again" : "photos.use-anyway");
}

/** The server's own sentence, for it knows the figures; the catalogue's of a code alone. */
export function findingWords({ code, message }: { code: string; message: string }): string {
  const sentence = message.slice(0, 1).toUpperCase() + message.slice(1);
  return message === code ? known(`finding.${code}`, sentence) : sentence;
}

/** How the face was found where at first there was none; nothing where it was found at once. */
export function foundByHint(foundBy: ToldJudgement["foundBy"]): HTMLElement | undefined {
  return foundBy === undefined ? undefined : h("div", { class: "facenet-hint" }, t(`photos.found-by-${foundBy}`));
}

/** The findings as a list. */
export function findingList(findings: readonly ToldFinding[]): HTMLElement {
  return h(
    "ul",
    { class: "facenet-findings" },
    ...findings.map((finding) =>
      h(
        "li",
        { title: finding.message },
        icon(FINAL.has(finding.code) ? "times-circle" : "exclamation-triangle"),
        " ",
        findingWords(finding),
      ),
    ),
  );
}

/** The findings for which a request was not done; none where it failed for another reason. */
export function findingsOf(error: unknown): readonly ToldFinding[] {
  return error instanceof ApiError ? error.findings : [];
}
