/** Everybody in the gallery: search, groups, order; and one person, opened. */
import type { Person } from "../lib/people/people";
import type { PeoplePage, PersonEntry } from "../lib/search/entries";
import { getJson, pathOf, send } from "./api.js";
import { attempt, dialog, tellError } from "./dialogs.js";
import { button, empty, failed, field, fill, h, icon, loading, select, writeButton } from "./dom.js";
import { Freshness } from "./freshness.js";
import { PersonView } from "./person.js";
import { facesOn, PICTURES, showWho } from "./photo-faces.js";
import { picture } from "./pictures.js";
import type { Host, Section } from "./section.js";
import type { ServerEvent } from "./stream.js";
import { VirtualList } from "./virtual-list.js";
import { ago, bracketed, count, t } from "./words.js";

const ROW_HEIGHT = 54;
const SEARCH_DELAY_MS = 200;
const SORTS = ["name", "lastSeen", "added"] as const;

export class People implements Section {
  readonly element = h("div", { class: "facenet-section" });
  readonly #host: Host;
  readonly #list: VirtualList<PersonEntry>;
  readonly #listView: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #groupFilter: HTMLSelectElement;
  readonly #notice = h("div", { class: "facenet-notice-area" });
  readonly #total = h("span", { class: "facenet-total", role: "status" });
  #person: PersonView | undefined;
  #group = "";
  #sort: string = SORTS[0];
  readonly #fresh = new Freshness(() => {
    this.#reload();
  });
  #searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#search = h("input", {
      type: "text",
      class: "facenet-search-input",
      placeholder: t("people.search"),
      "aria-label": t("people.search"),
      autocomplete: "off",
      input: () => {
        this.#searchSoon();
      },
      keydown: (event) => {
        this.#onSearchKey(event as KeyboardEvent);
      },
    });
    this.#groupFilter = select(
      [{ value: "", label: t("people.all-groups") }],
      "",
      (value) => {
        this.#group = value;
        this.#list.reload(true);
      },
      { "aria-label": t("people.group") },
    );
    const sort = select(
      SORTS.map((value) => ({ value, label: t(`people.sort.${value}`) })),
      this.#sort,
      (value) => {
        this.#sort = value;
        this.#list.reload(true);
      },
      { "aria-label": t("people.sort.label") },
    );
    this.#list = new VirtualList<PersonEntry>({
      label: t("section.people"),
      rowHeight: ROW_HEIGHT,
      fetch: async (offset, limit, signal) => this.#fetch(offset, limit, signal),
      render: (row) => this.#row(row),
      onOpen: ({ id }) => {
        this.open(id);
      },
      onTotal: (total) => {
        this.#onTotal(total);
      },
      onError: (error) => {
        fill(
          this.#notice,
          failed(error, () => {
            this.#list.reload(true);
          }),
        );
      },
    });
    this.#listView = h(
      "div",
      { class: "facenet-section" },
      h(
        "div",
        { class: "facenet-filters" },
        h("div", { class: "facenet-search" }, icon("search"), this.#search, this.#total),
        h(
          "div",
          { class: "facenet-filter-row" },
          this.#groupFilter,
          sort,
          this.#byPhoto(),
          writeButton(
            "",
            () => {
              attempt(() => this.#add());
            },
            { icon: "user-plus", title: t("people.add"), class: "facenet-do-add" },
          ),
        ),
      ),
      this.#notice,
      this.#list.element,
    );
    this.element.append(this.#listView);
    fill(this.#notice, loading());
  }

  show(): void {
    this.#fresh.show();
  }

  hide(): void {
    this.#fresh.hide();
  }

  onEvent({ event }: ServerEvent): void {
    if (event === "change" || event === "seen") this.#fresh.outdate();
  }

  close(): void {
    clearTimeout(this.#searchTimer);
    this.#fresh.close();
    this.#list.close();
    this.#person?.close();
  }

  /** Show one person in place of the list. */
  open(id: string): void {
    this.#person?.close();
    this.#person = new PersonView(this.#host, id, (changed) => {
      this.#back(changed);
    });
    fill(this.element, this.#person.element);
    this.#person.start();
  }

  #back(changed: boolean): void {
    this.#person?.close();
    this.#person = undefined;
    fill(this.element, this.#listView);
    if (changed || this.#fresh.stale) this.#fresh.load();
    this.#list.focus();
  }

  #reload(): void {
    if (this.#person === undefined) this.#list.reload(false);
    else {
      this.#fresh.stale = true;
      void this.#person.refresh();
    }
  }

  async #fetch(offset: number, limit: number, signal: AbortSignal): Promise<{ total: number; rows: PersonEntry[] }> {
    const query = new URLSearchParams({
      search: this.#search.value.trim(),
      offset: String(offset),
      limit: String(limit),
      sort: this.#sort,
      ...(this.#group === "" ? {} : { group: this.#group }),
    });
    const { total, groups, people } = await getJson<PeoplePage>(
      `${pathOf(this.#host.gallery.id, "people")}?${query.toString()}`,
      signal,
    );
    this.#showGroups(groups);
    return { total, rows: people };
  }

  #showGroups(groups: PeoplePage["groups"]): void {
    const wanted = [
      { value: "", label: t("people.all-groups") },
      ...groups.map(({ name, count: people }) => ({ value: name, label: `${name}${bracketed(String(people))}` })),
    ];
    // A group that has just lost its last person stays chosen until another is.
    if (this.#group !== "" && groups.every(({ name }) => name !== this.#group))
      wanted.push({ value: this.#group, label: `${this.#group} (0)` });
    fill(this.#groupFilter, ...wanted.map(({ value, label }) => h("option", { value }, label)));
    this.#groupFilter.value = this.#group;
  }

  #onTotal(total: number): void {
    this.#total.textContent = count("person", total);
    const searching = this.#search.value.trim() !== "" || this.#group !== "";
    if (total > 0) fill(this.#notice);
    else if (searching)
      fill(
        this.#notice,
        empty(
          "search",
          t("people.none-found"),
          t("people.none-found-hint"),
          button(t("people.clear"), () => {
            this.#clear();
          }),
        ),
      );
    else
      fill(
        this.#notice,
        empty(
          "users",
          t("people.none"),
          t("people.none-hint"),
          writeButton(
            t("people.add"),
            () => {
              attempt(() => this.#add());
            },
            { icon: "user-plus" },
          ),
        ),
      );
  }

  #row({ name, groups, photos, lastSeenAt, thumbnail, id, validFrom, validUntil, out }: PersonEntry): readonly Node[] {
    const now = Date.now();
    const outside = (validFrom !== null && now < validFrom) || (validUntil !== null && now > validUntil);
    return [
      picture(
        thumbnail === null ? null : pathOf(this.#host.gallery.id, "people", id, "photos", thumbnail, "thumbnail"),
        { alt: "", class: "facenet-round" },
      ),
      h(
        "span",
        { class: "facenet-row-text" },
        h(
          "span",
          { class: "facenet-row-line" },
          h("span", { class: "facenet-row-name" }, name),
          h("span", { class: "facenet-row-side" }, lastSeenAt === null ? t("people.never-seen") : ago(lastSeenAt)),
        ),
        h(
          "span",
          { class: "facenet-row-line facenet-row-sub" },
          h(
            "span",
            { class: "facenet-tags" },
            ...groups.map((group) => tag(group)),
            outside && h("span", { class: "facenet-tag facenet-tag-warning" }, t("people.outside")),
            out && h("span", { class: "facenet-tag facenet-tag-warning", title: t("person.out") }, t("people.out")),
          ),
          h("span", { class: "facenet-row-side" }, count("photo", photos)),
        ),
      ),
    ];
  }

  #searchSoon(): void {
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => {
      this.#list.reload(true);
    }, SEARCH_DELAY_MS);
  }

  #onSearchKey(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#search.value !== "") {
      event.stopPropagation();
      this.#clear();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#list.focus();
    }
  }

  /** Who is on this photo? Nothing of it is kept. */
  #byPhoto(): HTMLElement {
    const input = h("input", {
      type: "file",
      accept: PICTURES,
      class: "facenet-hidden-input",
      tabindex: "-1",
      "aria-label": t("people.by-photo"),
    });
    const search = async (file: File): Promise<void> => {
      this.#host.announce(t("people.by-photo-looking"));
      const name = await showWho(file, await facesOn(this.#host.gallery.id, file));
      if (name === undefined) return;
      this.#search.value = name;
      this.#list.reload(true);
      this.#search.focus();
    };
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      input.value = "";
      if (file !== undefined) attempt(() => search(file));
    });
    return h(
      "span",
      { class: "facenet-by-photo" },
      input,
      button(
        "",
        () => {
          input.click();
        },
        { icon: "camera", title: t("people.by-photo") },
      ),
    );
  }

  #clear(): void {
    this.#search.value = "";
    this.#group = "";
    this.#groupFilter.value = "";
    this.#list.reload(true);
    this.#search.focus();
  }

  async #add(): Promise<void> {
    const input = h("input", { type: "text", autocomplete: "off", maxlength: "80" });
    const name = await dialog<string>(
      t("people.add"),
      [field(t("person.name"), input, t("people.add-hint"))],
      [
        { label: t("cancel"), answer: "" },
        {
          label: t("people.add-action"),
          answer: () => (input.value.trim() === "" ? undefined : input.value.trim()),
          primary: true,
        },
      ],
    );
    if (name === undefined || name === "") return;
    try {
      const person = await send<Person>("POST", pathOf(this.#host.gallery.id, "people"), { name });
      this.#fresh.stale = true;
      this.open(person.id);
    } catch (error) {
      tellError(error);
    }
  }
}

/** A group as a small label; "blocked" stands out. */
export function tag(group: string): HTMLElement {
  return h("span", { class: `facenet-tag${group === "blocked" ? " facenet-tag-warning" : ""}` }, group);
}
