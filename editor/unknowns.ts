/** Strangers to review: name, ignore or delete, each by one click. */
import type { Receipt } from "../lib/people/people";
import type { UnknownEntry } from "../lib/unknowns/entry";
import { getJson, pathOf, send } from "./api.js";
import { askName, sendName } from "./ask-name.js";
import { Choosing } from "./choosing.js";
import { attempt, confirm, tell } from "./dialogs.js";
import { button, empty, failed, fill, h, keepFocus, loading, mayWrite, writeButton } from "./dom.js";
import { Freshness } from "./freshness.js";
import { forgetPictures, picture, release } from "./pictures.js";
import type { Host, Section } from "./section.js";
import type { ServerEvent } from "./stream.js";
import { ago, count, dateTime, number, t } from "./words.js";

export class Unknowns implements Section {
  readonly element = h("div", { class: "facenet-section facenet-scroll", tabindex: "0" });
  readonly #host: Host;
  readonly #list = h("ul", { class: "facenet-cards", role: "list", "aria-label": t("section.unknowns") });
  readonly #choosing = new Choosing(
    t("unknowns.chosen"),
    button(t("choose-all"), () => {
      this.#choosing.chooseAll();
    }),
    writeButton(
      t("delete"),
      () => {
        attempt(() => this.#deleteChosen());
      },
      { icon: "trash", class: "facenet-do-delete-chosen" },
    ),
  );
  readonly #fresh = new Freshness(() => void this.#load());

  constructor(host: Host) {
    this.#host = host;
    this.element.setAttribute("aria-label", t("section.unknowns"));
    this.element.setAttribute("role", "region");
    fill(this.element, loading());
  }

  show(): void {
    this.#fresh.show();
  }

  hide(): void {
    this.#fresh.hide();
  }

  onEvent({ event }: ServerEvent): void {
    if (event === "unknown" || event === "change") this.#fresh.outdate();
  }

  close(): void {
    this.#fresh.close();
    release(this.element);
  }

  #path(...parts: readonly (string | number)[]): string {
    return pathOf(this.#host.gallery.id, "unknowns", ...parts);
  }

  /** Never rejects. */
  async #load(): Promise<void> {
    try {
      this.#show(await getJson<UnknownEntry[]>(this.#path()));
    } catch (error) {
      fill(
        this.element,
        failed(error, () => {
          void this.#load();
        }),
      );
    }
  }

  #show(rows: readonly UnknownEntry[]): void {
    release(this.#list);
    this.#choosing.keep(rows.map(({ id }) => id));
    if (rows.length === 0) {
      fill(this.element, empty("user-secret", t("unknowns.none"), t("unknowns.none-hint")));
      return;
    }
    keepFocus(this.#list, () => {
      fill(this.#list, ...rows.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).map((row) => this.#card(row)));
      fill(this.element, this.#choosing.bar, this.#list);
    });
  }

  #card(row: UnknownEntry): HTMLElement {
    const { id, firstSeenAt, lastSeenAt, visits, nearest, pictures } = row;
    const label = t("unknowns.stranger", { ago: ago(lastSeenAt) });
    return h(
      "li",
      { class: "facenet-card", "data-id": id },
      h(
        "div",
        { class: "facenet-card-pictures" },
        ...Array.from({ length: Math.max(1, pictures) }, (_, index) =>
          picture(index < pictures ? this.#path(id, "pictures", index) : null, {
            alt: index === 0 ? label : "",
            class: index === 0 ? "facenet-card-main" : "facenet-card-more",
          }),
        ),
      ),
      h(
        "div",
        { class: "facenet-card-text" },
        h(
          "div",
          { class: "facenet-card-title" },
          mayWrite() && this.#choosing.box(id, t("choose", { what: label })),
          count("visit", visits),
        ),
        h("div", { class: "facenet-sub", title: dateTime(lastSeenAt) }, t("unknowns.last", { ago: ago(lastSeenAt) })),
        h(
          "div",
          { class: "facenet-sub", title: dateTime(firstSeenAt) },
          t("unknowns.first", { ago: ago(firstSeenAt) }),
        ),
        h(
          "div",
          { class: "facenet-sub" },
          nearest === null
            ? t("unknowns.nearest-none")
            : t("unknowns.nearest", { name: nearest.name, distance: number(nearest.distance, 2) }),
        ),
      ),
      h(
        "div",
        { class: "facenet-card-buttons" },
        writeButton(
          t("unknowns.name"),
          () => {
            attempt(() => this.#name(row));
          },
          { icon: "tag", class: "facenet-do-name" },
        ),
        writeButton(
          t("unknowns.ignore"),
          () => {
            attempt(() => this.#ignore(row));
          },
          { icon: "ban", title: t("unknowns.ignore-hint"), class: "facenet-do-ignore" },
        ),
        writeButton(
          "",
          () => {
            attempt(() => this.#delete(row));
          },
          { icon: "trash", title: t("unknowns.delete"), class: "facenet-do-delete" },
        ),
      ),
    );
  }

  async #name({ id, nearest, pictures }: UnknownEntry): Promise<void> {
    const name = await askName(this.#host.gallery.id, {
      title: t("unknowns.name-title"),
      hint: nearest === null ? t("unknowns.name-hint") : t("unknowns.name-hint-nearest", { name: nearest.name }),
      action: t("unknowns.name-action"),
      above: picture(pictures > 0 ? this.#path(id, "pictures", 0) : null, { alt: "", class: "facenet-card-main" }),
    });
    if (name !== undefined && (await sendName(this.#path(id, "name"), name)))
      this.#done(id, t("unknowns.named", { name }));
  }

  async #ignore({ id }: UnknownEntry): Promise<void> {
    await send("POST", this.#path(id, "ignore"), {});
    this.#done(id, t("unknowns.ignored"));
  }

  async #delete({ id, visits }: UnknownEntry): Promise<void> {
    if (
      !(await confirm(
        t("unknowns.delete"),
        t("unknowns.delete-hint", { visits: count("visit", visits) }),
        t("delete"),
      ))
    )
      return;
    const { thumbnails, embeddings } = await send<Receipt>("DELETE", this.#path(id));
    this.#done(
      id,
      t("unknowns.deleted", { pictures: count("picture", thumbnails), embeddings: count("embedding", embeddings) }),
    );
  }

  async #deleteChosen(): Promise<void> {
    const { ids } = this.#choosing;
    if (
      !(await confirm(
        t("unknowns.delete-chosen", { number: ids.length }),
        t("unknowns.delete-chosen-hint"),
        t("delete"),
      ))
    )
      return;
    const { thumbnails, embeddings } = await send<Receipt>("POST", this.#path("delete"), { ids });
    for (const id of ids) forgetPictures(id);
    this.#choosing.keep([]);
    await this.#load();
    this.element.focus();
    this.#tell(
      t("unknowns.deleted", { pictures: count("picture", thumbnails), embeddings: count("embedding", embeddings) }),
    );
  }

  #tell(words: string): void {
    tell(words);
    this.#host.touch();
    this.#host.announce(words);
  }

  /** The stranger is dealt with: take the card away and go on to the next. */
  #done(id: string, words: string): void {
    forgetPictures(id);
    const item = this.#list.querySelector(`li[data-id="${CSS.escape(id)}"]`);
    const next = item?.nextElementSibling ?? item?.previousElementSibling;
    item?.remove();
    if (next == null) void this.#load();
    (next?.querySelector<HTMLElement>("button") ?? this.element).focus();
    this.#tell(words);
  }
}
