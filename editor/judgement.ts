/** What is said of a photo before it is kept. */
import { ApiError, type Finding } from "./api.js";
import { h, icon } from "./dom.js";
import { known } from "./words.js";

/** No photo without exactly one face, and none that is there already, can be kept. */
const FINAL: ReadonlySet<string> = new Set(["no_face", "several_faces", "near_duplicate"]);

/** Whether the photo may be kept all the same, if somebody says so. */
export function acceptable(findings: readonly Finding[]): boolean {
  return findings.length > 0 && findings.every(({ code }) => !FINAL.has(code));
}

export function findingWords({ code, message }: Finding): string {
  return known(`finding.${code}`, message);
}

/** The findings as a list. */
export function findingList(findings: readonly Finding[]): HTMLElement {
  return h(
    "ul",
    { class: "facenet-findings" },
    ...findings.map((finding) => h("li", { title: finding.message }, icon(FINAL.has(finding.code) ? "times-circle" : "exclamation-triangle"), " ", findingWords(finding), finding.code === "resembles" || finding.code === "unlike" ? h("div", { class: "facenet-hint" }, finding.message) : null)),
  );
}

/** The findings for which a request was not done; none where it failed for another reason. */
export function findingsOf(error: unknown): readonly Finding[] {
  return error instanceof ApiError ? error.findings : [];
}
