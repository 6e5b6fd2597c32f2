/** What to send with a report about this package: shown before it is copied, so that people see what they send. */
import type { DiagnosisAnswer } from "../api/answers";
import { diagnosisPath, getJson } from "./api.js";
import { dialog, tell, tellError } from "./dialogs.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** Ask for the diagnosis and show it; a button copies it. */
export async function showDiagnosis(): Promise<void> {
  const text = JSON.stringify(await getJson<DiagnosisAnswer>(diagnosisPath), null, 2);
  const box = h("textarea", {
    class: "facenet-diagnosis",
    readonly: true,
    spellcheck: "false",
    "aria-label": t("diagnosis.label"),
  });
  box.value = text;
  // Shown from its beginning.
  box.setSelectionRange(0, 0);
  await dialog<true>(
    t("diagnosis.title"),
    [h("p", {}, t("diagnosis.hint")), box],
    [
      { label: t("close"), answer: true },
      {
        label: t("diagnosis.copy"),
        primary: true,
        answer: () => {
          copy(box).then(() => tell(t("diagnosis.copied")), tellError);
          return undefined;
        },
      },
    ],
  );
}

/** Browsers give the clipboard to pages of https and of this computer alone; elsewhere there is the older way. */
async function copy(box: HTMLTextAreaElement): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(box.value);
    return;
  }
  box.focus();
  box.select();
  if (!document.execCommand("copy")) throw new Error(t("diagnosis.by-hand"));
}
