/** What people have said against or beside a decision, each with a way back. */
import type { CorrectionEntry } from "../lib/people/people";
import { getJson, pathOf, send } from "./api.js";
import { attempt, dialog, tell } from "./dialogs.js";
import { empty, fill, h, icon, liveLine, writeButton } from "./dom.js";
import type { Host } from "./section.js";
import { dateTime, t } from "./words.js";

const ICON: Readonly<Record<CorrectionEntry["what"], string>> = { not: "thumbs-o-down", ignored: "ban", is: "tag" };

/** The corrections in a dialog. */
export async function showCorrections(host: Host): Promise<void> {
  const path = (...parts: readonly string[]): string => pathOf(host.gallery.id, "corrections", ...parts);
  const list = h("ul", { class: "facenet-corrections", role: "list" });
  const said = liveLine();
  const show = (entries: readonly CorrectionEntry[]): void => {
    if (entries.length === 0)
      fill(list, h("li", {}, empty("check", t("corrections.none"), t("corrections.none-hint"))));
    else fill(list, ...entries.map(item));
  };
  const undo = async (entry: CorrectionEntry): Promise<void> => {
    await send("DELETE", path(entry.id));
    said.textContent = t("corrections.undone");
    tell(t("corrections.undone"));
    host.touch();
    show(await getJson<CorrectionEntry[]>(path()));
    // The button that had the focus is gone.
    (
      list.querySelector<HTMLElement>("button") ?? list.closest(".ui-dialog")?.querySelector<HTMLElement>(".primary")
    )?.focus();
  };
  const item = (entry: CorrectionEntry): HTMLElement => {
    const words = t(`corrections.${entry.what}`, { name: entry.name ?? "" });
    return h(
      "li",
      { class: "facenet-correction" },
      h("span", {}, icon(ICON[entry.what]), " ", words, h("span", { class: "facenet-sub" }, ` ${dateTime(entry.at)}`)),
      writeButton(
        t("corrections.undo"),
        () => {
          attempt(() => undo(entry));
        },
        { title: t("corrections.undo-what", { what: words }) },
      ),
    );
  };
  show(await getJson<CorrectionEntry[]>(path()));
  await dialog(
    t("corrections.title"),
    [h("p", {}, t("corrections.hint")), said, list],
    [{ label: t("close"), answer: true, primary: true }],
  );
}
