/** Strangers to review: name, ignore or delete, each by one click. */
import type { Receipt } from "../lib/gallery/people";
import { getJson, type PeoplePage, pathOf, send, type UnknownRow } from "./api.js";
import { attempt, confirm, dialog, tell } from "./dialogs.js";
import { empty, failed, field, fill, h, loading, writeButton } from "./dom.js";
import { acceptable, findingList, findingsOf } from "./judgement.js";
import { forgetPictures, picture, release } from "./pictures.js";
import type { Host, Section } from "./section.js";
import type { ServerEvent } from "./stream.js";
import { ago, count, dateTime, number, t } from "./words.js";

const RELOAD_DELAY_MS = 500;
const SUGGEST_DELAY_MS = 150;
const SUGGESTIONS = 8;

export class Unknowns implements Section {
  readonly element = h("div", { class: "facenet-section facenet-scroll", tabindex: "0" });
  readonly #host: Host;
  readonly #list = h("ul", { class: "facenet-cards", role: "list", "aria-label": t("section.unknowns") });
  #visible = false;
  #stale = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.element.setAttribute("aria-label", t("section.unknowns"));
    this.element.setAttribute("role", "region");
    fill(this.element, loading());
  }

  show(): void {
    this.#visible = true;
    if (this.#stale) void this.#load();
  }

  hide(): void {
    this.#visible = false;
  }

  onEvent({ event }: ServerEvent): void {
    if (event !== "unknown" && event !== "change") return;
    this.#stale = true;
    if (!this.#visible || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#visible) void this.#load();
    }, RELOAD_DELAY_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    release(this.element);
  }

  #path(...parts: readonly (string | number)[]): string {
    return pathOf(this.#host.gallery.id, "unknowns", ...parts);
  }

  async #load(): Promise<void> {
    this.#stale = false;
    try {
      this.#show(await getJson<UnknownRow[]>(this.#path()));
    } catch (error) {
      fill(this.element, failed(error, () => { void this.#load(); }));
    }
  }

  #show(rows: readonly UnknownRow[]): void {
    // What somebody is about to click on must not be taken away by a reload: the focus stays on the same stranger's button.
    const focused = this.#list.contains(document.activeElement) ? [document.activeElement?.closest("li")?.dataset["id"], document.activeElement?.className] : undefined;
    release(this.#list);
    if (rows.length === 0) {
      fill(this.element, empty("user-secret", t("unknowns.none"), t("unknowns.none-hint")));
      return;
    }
    fill(this.#list, ...rows.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).map((row) => this.#card(row)));
    fill(this.element, this.#list);
    if (focused !== undefined) [...this.#list.querySelectorAll<HTMLElement>(`li[data-id="${CSS.escape(focused[0] ?? "")}"] button`)].find(({ className }) => className === focused[1])?.focus();
  }

  #card(row: UnknownRow): HTMLElement {
    const { id, firstSeenAt, lastSeenAt, visits, nearest, pictures } = row;
    const label = t("unknowns.stranger", { ago: ago(lastSeenAt) });
    return h(
      "li",
      { class: "facenet-card", "data-id": id },
      h("div", { class: "facenet-card-pictures" }, ...Array.from({ length: Math.max(1, pictures) }, (_, index) => picture(index < pictures ? this.#path(id, "pictures", index) : null, { alt: index === 0 ? label : "", class: index === 0 ? "facenet-card-main" : "facenet-card-more" }))),
      h(
        "div",
        { class: "facenet-card-text" },
        h("div", { class: "facenet-card-title" }, count("visit", visits)),
        h("div", { class: "facenet-sub", title: dateTime(lastSeenAt) }, t("unknowns.last", { ago: ago(lastSeenAt) })),
        h("div", { class: "facenet-sub", title: dateTime(firstSeenAt) }, t("unknowns.first", { ago: ago(firstSeenAt) })),
        h("div", { class: "facenet-sub" }, nearest === null ? t("unknowns.nearest-none") : t("unknowns.nearest", { name: nearest.name, distance: number(nearest.distance, 2) })),
      ),
      h(
        "div",
        { class: "facenet-card-buttons" },
        writeButton(t("unknowns.name"), () => { attempt(() => this.#name(row)); }, { icon: "tag", class: "facenet-do-name" }),
        writeButton(t("unknowns.ignore"), () => { attempt(() => this.#ignore(row)); }, { icon: "ban", title: t("unknowns.ignore-hint"), class: "facenet-do-ignore" }),
        writeButton("", () => { attempt(() => this.#delete(row)); }, { icon: "trash", title: t("unknowns.delete"), class: "facenet-do-delete" }),
      ),
    );
  }

  async #name({ id, nearest, pictures }: UnknownRow): Promise<void> {
    const names = h("datalist", { id: "facenet-names" });
    const input = h("input", { type: "text", autocomplete: "off", maxlength: "80", list: "facenet-names" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const suggest = async (): Promise<void> => {
      const { people } = await getJson<PeoplePage>(`${pathOf(this.#host.gallery.id, "people")}?${new URLSearchParams({ search: input.value.trim(), limit: String(SUGGESTIONS) }).toString()}`);
      fill(names, ...people.map(({ name }) => h("option", { value: name })));
    };
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { attempt(suggest); }, SUGGEST_DELAY_MS);
    });
    attempt(suggest);
    const name = await dialog<string>(
      t("unknowns.name-title"),
      [picture(pictures > 0 ? this.#path(id, "pictures", 0) : null, { alt: "", class: "facenet-card-main" }), field(t("person.name"), input, nearest === null ? t("unknowns.name-hint") : t("unknowns.name-hint-nearest", { name: nearest.name })), names],
      [{ label: t("cancel"), answer: "" }, { label: t("unknowns.name-action"), answer: () => (input.value.trim() === "" ? undefined : input.value.trim()), primary: true }],
    );
    clearTimeout(timer);
    if (name === undefined || name === "") return;
    await this.#give(id, name, []);
  }

  async #give(id: string, name: string, accept: readonly string[]): Promise<void> {
    try {
      await send("POST", this.#path(id, "name"), { name, ...(accept.length === 0 ? {} : { accept }) });
    } catch (error) {
      const findings = findingsOf(error);
      if (!acceptable(findings)) throw error;
      const anyway = await dialog<boolean>(t("photos.asks"), [h("p", {}, t("unknowns.asks", { name })), findingList(findings)], [{ label: t("cancel"), answer: false }, { label: t("photos.use-anyway"), answer: true, primary: true }]);
      if (anyway === true) await this.#give(id, name, findings.map(({ code }) => code));
      return;
    }
    this.#done(id, t("unknowns.named", { name }));
  }

  async #ignore({ id }: UnknownRow): Promise<void> {
    await send("POST", this.#path(id, "ignore"), {});
    this.#done(id, t("unknowns.ignored"));
  }

  async #delete({ id, visits }: UnknownRow): Promise<void> {
    if (!(await confirm(t("unknowns.delete"), t("unknowns.delete-hint", { visits: count("visit", visits) }), t("delete")))) return;
    const { thumbnails, embeddings } = await send<Receipt>("DELETE", this.#path(id));
    this.#done(id, t("unknowns.deleted", { pictures: count("picture", thumbnails), embeddings: count("embedding", embeddings) }));
  }

  /** The stranger is dealt with: take the card away and go on to the next. */
  #done(id: string, words: string): void {
    forgetPictures(id);
    const item = this.#list.querySelector(`li[data-id="${CSS.escape(id)}"]`);
    const next = item?.nextElementSibling ?? item?.previousElementSibling;
    item?.remove();
    if (next == null) void this.#load();
    (next?.querySelector<HTMLElement>("button") ?? this.element).focus();
    tell(words);
    this.#host.touch();
    this.#host.announce(words);
  }
}
