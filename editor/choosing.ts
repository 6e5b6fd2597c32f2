/** Several of a list, chosen by checkboxes, and a bar that tells how many and what can be done with them. */
import { type Child, fill, h } from "./dom.js";
import { t } from "./words.js";

export class Choosing {
  /** Shown while something is chosen. */
  readonly bar = h("div", { class: "facenet-chosen", role: "group", hidden: true });
  readonly #chosen = new Set<string>();
  readonly #count = h("span", { role: "status" });
  readonly #boxes = new Map<string, HTMLInputElement>();

  constructor(label: string, ...actions: readonly Child[]) {
    this.bar.setAttribute("aria-label", label);
    fill(this.bar, this.#count, ...actions);
  }

  /** Ids, in the order in which they were chosen. */
  get ids(): string[] {
    return [...this.#chosen];
  }

  box(id: string, label: string): HTMLInputElement {
    const box = h("input", { type: "checkbox", class: "facenet-choose", "aria-label": label });
    box.checked = this.#chosen.has(id);
    box.addEventListener("change", () => {
      if (box.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      this.#tell();
    });
    this.#boxes.set(id, box);
    return box;
  }

  chooseAll(): void {
    for (const [id, box] of this.#boxes) {
      box.checked = true;
      this.#chosen.add(id);
    }
    this.#tell();
  }

  /** The list is made anew: what is not in it any more is not chosen either. */
  keep(ids: readonly string[]): void {
    const there = new Set(ids);
    for (const id of this.#chosen) if (!there.has(id)) this.#chosen.delete(id);
    this.#boxes.clear();
    this.#tell();
  }

  #tell(): void {
    this.bar.hidden = this.#chosen.size === 0;
    this.#count.textContent = t("chosen", { number: this.#chosen.size });
  }
}
