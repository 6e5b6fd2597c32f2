/** Dialogs in the editor's look; the focus goes back to where it was. */
import type { Receipt } from "../lib/people/people";
import { type Child, h } from "./dom.js";
import { count, dateTime, errorMessage, t } from "./words.js";

interface DialogButton<T> {
  label: string;
  /** The dialog stays open while this is undefined. */
  answer: T | (() => T | undefined);
  primary?: boolean;
  /** Enter presses it once the dialog is open; else the first. */
  focused?: boolean;
}

const WIDTH = 420;

/** Ask in a dialog. @returns undefined when it was closed by Escape */
export function dialog<T>(
  title: string,
  body: readonly Child[],
  buttons: readonly DialogButton<T>[],
): Promise<T | undefined> {
  const before = document.activeElement;
  const content = h("div", { class: "facenet-dialog" }, ...body);
  document.body.append(content);
  const view = $(content);
  return new Promise((resolve) => {
    let answer: T | undefined;
    view.dialog({
      modal: true,
      autoOpen: false,
      width: Math.min(WIDTH, window.innerWidth - 20),
      resizable: false,
      title,
      classes: {
        "ui-dialog": "red-ui-editor-dialog facenet-dialog-frame",
        "ui-dialog-titlebar-close": "hide",
        "ui-widget-overlay": "red-ui-editor-dialog",
      },
      buttons: buttons.map(({ label, answer: given, primary = false }) => ({
        text: label,
        ...(primary ? { class: "primary" } : {}),
        click: () => {
          answer = typeof given === "function" ? (given as () => T | undefined)() : given;
          if (answer !== undefined) view.dialog("close");
        },
      })),
      close: () => {
        // The editor still looks at where the Escape key was pressed; it must be in the document until then.
        setTimeout(() => {
          view.dialog("destroy");
          content.remove();
          if (before instanceof HTMLElement && before.isConnected) before.focus();
          resolve(answer);
        });
      },
    });
    view.dialog("open");
    // Enter in a field means the dialog's purpose.
    content.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      content.closest(".ui-dialog")?.querySelector<HTMLButtonElement>(".ui-dialog-buttonset .primary")?.click();
    });
    content.querySelector<HTMLElement>("input, select, textarea")?.focus();
    const focused = buttons.findIndex((each) => each.focused === true);
    content.closest(".ui-dialog")?.querySelectorAll<HTMLElement>(".ui-dialog-buttonset button")[focused]?.focus();
  });
}

export async function confirm(title: string, text: string, action: string): Promise<boolean> {
  return (
    (await dialog(
      title,
      [h("p", {}, text)],
      [
        { label: t("cancel"), answer: false },
        { label: action, answer: true, primary: true },
      ],
    )) === true
  );
}

/** Show what a deletion deleted. */
export async function showReceipt(receipt: Receipt): Promise<void> {
  const line = (label: string, value: string): readonly Node[] => [h("dt", {}, label), h("dd", {}, value)];
  await dialog(
    t("receipt.title"),
    [
      h(
        "p",
        {},
        receipt.name === null ? t(`receipt.what.${receipt.what}`) : t("receipt.named", { name: receipt.name }),
      ),
      h(
        "dl",
        { class: "facenet-facts" },
        ...line(t("receipt.photos"), count("photo", receipt.photos)),
        ...line(t("receipt.embeddings"), count("embedding", receipt.embeddings)),
        ...line(t("receipt.thumbnails"), count("thumbnail", receipt.thumbnails)),
        ...(receipt.visits === 0 ? [] : line(t("receipt.visits"), count("visit", receipt.visits))),
        ...line(t("receipt.backups"), count("backup", receipt.backups)),
        ...line(t("receipt.at"), dateTime(receipt.at)),
        ...line(t("receipt.id"), receipt.id),
      ),
    ],
    [{ label: t("close"), answer: true, primary: true }],
  );
}

/** Say in a corner of the editor that something was done. */
export function tell(text: string, type: "success" | "warning" | "error" = "success"): void {
  RED.notify(h("p", {}, text), { type, timeout: 6000 });
}

/** Say why something was not done. */
export function tellError(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  tell(errorMessage(error), "error");
}

/** Do something that may fail, from a listener. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch(tellError);
}
