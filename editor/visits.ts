/** Who came when: a timeline by day, with filters, a person's history, and "was this face here before?". */
import type { AlikeAnswer, VisitPageAnswer } from "../api/answers";
import type { Receipt } from "../lib/people/people";
import { getJson, pathOf, send, upload } from "./api.js";
import { askName, sendName } from "./ask-name.js";
import { attempt, confirm, dialog, tell } from "./dialogs.js";
import { button, empty, failed, fill, h, loading, mayWrite, select, writeButton } from "./dom.js";
import { distanceBar } from "./events.js";
import { PICTURES, typeOf } from "./photo-faces.js";
import { Freshness } from "./freshness.js";
import { forgetPictures, picture } from "./pictures.js";
import type { Host, Section } from "./section.js";
import type { ServerEvent } from "./stream.js";
import { VirtualList } from "./virtual-list.js";
import { count, dateTime, day, duration, labelled, t, timeOfDay } from "./words.js";

type Visit = VisitPageAnswer["visits"][number];
/** `heads` says whether it is the first of its day from above. */
type Row = Visit & { id: string; heads: boolean };

const ROW_HEIGHT = 80;
const WHO = ["all", "known", "unknown"] as const;
/** Of a photo so many visits are shown. */
const MOST_ALIKE = 12;

export class Visits implements Section {
  readonly element = h("div", { class: "facenet-section" });
  readonly #host: Host;
  readonly #list: VirtualList<Row>;
  readonly #total = h("span", { class: "facenet-visits-total", role: "status" });
  readonly #notice = h("div", { class: "facenet-notice-area" });
  readonly #chip = h("div", { class: "facenet-filter-row", hidden: true });
  readonly #zoneFilter: HTMLSelectElement;
  readonly #dayFilter: HTMLInputElement;
  readonly #whoFilter: HTMLSelectElement;
  #person: { id: string; name: string } | undefined;
  readonly #fresh = new Freshness(() => {
    this.#list.reload(false);
  });

  constructor(host: Host) {
    this.#host = host;
    const anew = (): void => {
      this.#list.reload(true);
    };
    this.#whoFilter = select(
      WHO.map((value) => ({ value, label: t(`visits.who.${value}`) })),
      "all",
      anew,
      { "aria-label": t("visits.who.label") },
    );
    this.#zoneFilter = select([{ value: "", label: t("visits.all-zones") }], "", anew, {
      "aria-label": t("visits.zone"),
    });
    this.#dayFilter = h("input", {
      type: "date",
      class: "facenet-visits-day",
      "aria-label": t("visits.day"),
      title: t("visits.day"),
      change: anew,
    });
    this.#list = new VirtualList<Row>({
      label: t("section.visits"),
      rowHeight: ROW_HEIGHT,
      fetch: async (offset, limit, signal) => this.#fetch(offset, limit, signal),
      render: (row) => this.#row(row),
      onOpen: (row) => {
        attempt(() => this.#open(row));
      },
      onTotal: (total) => {
        this.#onTotal(total);
      },
      onError: (error) => {
        fill(this.#notice, failed(error, anew));
      },
    });
    this.element.append(
      h(
        "div",
        { class: "facenet-filters" },
        h("div", { class: "facenet-filter-row" }, this.#whoFilter, this.#zoneFilter),
        h("div", { class: "facenet-filter-row" }, this.#dayFilter, this.#byPhoto(), this.#total),
        this.#chip,
      ),
      this.#notice,
      this.#list.element,
    );
    fill(this.#notice, loading());
  }

  show(): void {
    this.#fresh.show();
  }

  hide(): void {
    this.#fresh.hide();
  }

  /** All visits of one person. */
  showOf(person: { id: string; name: string }): void {
    this.#filterBy(person);
  }

  onEvent({ event }: ServerEvent): void {
    // Whoever is called otherwise, or is deleted, is a change.
    if (event === "visits" || event === "change") this.#fresh.outdate();
  }

  close(): void {
    this.#fresh.close();
    this.#list.close();
  }

  #path(...parts: readonly string[]): string {
    return pathOf(this.#host.gallery.id, "visits", ...parts);
  }

  /** By this person alone, or by nothing. */
  #filterBy(person?: { id: string; name: string }): void {
    this.#person = person;
    this.#whoFilter.value = "all";
    this.#zoneFilter.value = "";
    this.#dayFilter.value = "";
    this.#showChip();
    this.#fresh.stale = false;
    this.#list.reload(true);
  }

  async #fetch(offset: number, limit: number, signal: AbortSignal): Promise<{ total: number; rows: Row[] }> {
    // The one before tells whether the first is another day's.
    const before = Math.min(1, offset);
    const query = new URLSearchParams({
      offset: String(offset - before),
      limit: String(limit + before),
      ...this.#filters(),
    });
    const { visits, matching, zones } = await getJson<VisitPageAnswer>(`${this.#path()}?${query.toString()}`, signal);
    this.#showZones(zones);
    const rows = visits.map((visit, at) => {
      const above = visits[at - 1];
      return { ...visit, id: visit.visit, heads: above === undefined || day(above.since) !== day(visit.since) };
    });
    return { total: matching, rows: rows.slice(before) };
  }

  #filters(): Record<string, string> {
    const [year = 0, month = 1, date = 1] = this.#dayFilter.value.split("-").map(Number);
    // A day may have 23 or 25 hours.
    const midnight = (days: number): string => String(new Date(year, month - 1, date + days).getTime());
    return {
      ...(this.#person === undefined ? {} : { person: this.#person.id }),
      ...(this.#whoFilter.value === "all" ? {} : { known: String(this.#whoFilter.value === "known") }),
      ...(this.#zoneFilter.value === "" ? {} : { zone: this.#zoneFilter.value }),
      ...(this.#dayFilter.value === "" ? {} : { from: midnight(0), to: midnight(1) }),
    };
  }

  #showZones(zones: readonly string[]): void {
    const chosen = this.#zoneFilter.value;
    // A zone that has just lost its last visit stays chosen until another is.
    const wanted = chosen === "" || zones.includes(chosen) ? zones : [...zones, chosen];
    fill(
      this.#zoneFilter,
      h("option", { value: "" }, t("visits.all-zones")),
      ...wanted.map((zone) => h("option", { value: zone }, zone)),
    );
    this.#zoneFilter.value = chosen;
  }

  #showChip(): void {
    this.#chip.hidden = this.#person === undefined;
    if (this.#person === undefined) return;
    const { id, name } = this.#person;
    fill(
      this.#chip,
      button(
        name,
        () => {
          this.#filterBy();
          this.#whoFilter.focus();
        },
        { icon: "times", title: t("visits.show-all"), class: "facenet-visits-of" },
      ),
      writeButton(
        t("visits.delete-all"),
        () => {
          attempt(() => this.#deleteAllOf(id, name));
        },
        { icon: "trash", class: "facenet-do-delete-visits" },
      ),
    );
  }

  #onTotal(total: number): void {
    this.#total.textContent = count("visit", total);
    if (total > 0) fill(this.#notice);
    else if (Object.keys(this.#filters()).length === 0)
      fill(this.#notice, empty("history", t("visits.none"), t("visits.none-hint")));
    else
      fill(
        this.#notice,
        empty(
          "search",
          t("visits.none-found"),
          t("visits.none-found-hint"),
          button(t("people.clear"), () => {
            this.#filterBy();
            this.#whoFilter.focus();
          }),
        ),
      );
  }

  #row(visit: Row): readonly Node[] {
    const { until, heads, since, lastSeen } = visit;
    return [
      this.#picture(visit, "facenet-event-picture"),
      h(
        "span",
        { class: "facenet-row-text" },
        heads && h("span", { class: "facenet-visit-day" }, day(since)),
        h(
          "span",
          { class: "facenet-row-line" },
          h("span", { class: "facenet-row-name" }, whoCame(visit)),
          h("span", { class: "facenet-row-side" }, fromTo(visit)),
        ),
        h(
          "span",
          { class: "facenet-row-line facenet-row-sub" },
          h(
            "span",
            { class: "facenet-tags" },
            until === null && h("span", { class: "facenet-tag facenet-tag-here" }, t("visits.here")),
            ...zonesOf(visit).map((zone) => h("span", { class: "facenet-tag" }, zone)),
          ),
          h("span", { class: "facenet-row-side" }, duration((until ?? lastSeen) - since)),
        ),
      ),
    ];
  }

  #picture({ visit, pictured, revision }: Visit, className: string): HTMLElement {
    // It may have a better picture by now.
    return picture(pictured ? `${this.#path(visit, "picture")}?${revision}` : null, { alt: "", class: className });
  }

  /** One visit, with what can be done about it. */
  async #open(visit: Visit): Promise<void> {
    const { person, name, stranger, until, lastSeen, since } = visit;
    const fact = (label: string, value: string): readonly Node[] => [h("dt", {}, label), h("dd", {}, value)];
    const canBeNamed = person === null && stranger !== undefined && mayWrite();
    const answer = await dialog<"delete" | "person" | "visits" | "name" | "">(
      whoCame(visit),
      [
        this.#picture(visit, "facenet-card-main"),
        h(
          "dl",
          { class: "facenet-facts" },
          ...fact(t("visits.came"), dateTime(since)),
          ...fact(until === null ? t("visits.last-seen") : t("visits.left"), dateTime(until ?? lastSeen)),
          ...fact(t("visits.duration"), duration((until ?? lastSeen) - since)),
        ),
        h(
          "ol",
          { class: "facenet-stays", "aria-label": t("visits.stays") },
          ...visit.stays.map((stay) =>
            h(
              "li",
              {},
              h("span", { class: "facenet-tag" }, stay.zone),
              ` ${labelled(stay.source, `${timeOfDay(stay.from)} – ${timeOfDay(stay.until)}`)}`,
            ),
          ),
        ),
      ],
      [
        ...(mayWrite() ? [{ label: t("delete"), answer: "delete" as const }] : []),
        ...(canBeNamed ? [{ label: t("unknowns.name"), answer: "name" as const }] : []),
        ...(person === null
          ? []
          : [
              { label: t("visits.all-of"), answer: "visits" as const },
              { label: t("visits.person"), answer: "person" as const },
            ]),
        { label: t("close"), answer: "", primary: true, focused: true },
      ],
    );
    if (answer === "delete") await this.#delete(visit);
    else if (answer === "name") await this.#name(visit);
    else if (answer === "person" && person !== null) this.#host.openPerson(person);
    else if (answer === "visits" && person !== null) this.#filterBy({ id: person, name: name ?? "" });
  }

  async #name(visit: Visit): Promise<void> {
    const name = await askName(this.#host.gallery.id, {
      title: t("unknowns.name-title"),
      hint: t("unknowns.name-hint"),
      action: t("unknowns.name-action"),
      above: this.#picture(visit, "facenet-card-main"),
    });
    if (name === undefined) return;
    if (await sendName(pathOf(this.#host.gallery.id, "unknowns", visit.stranger ?? "", "name"), name))
      this.#done(t("unknowns.named", { name }));
  }

  async #delete({ visit }: Visit): Promise<void> {
    if (!(await confirm(t("visits.delete"), t("visits.delete-hint"), t("delete")))) return;
    this.#deleted(await send<Receipt>("DELETE", this.#path(visit)), visit);
  }

  async #deleteAllOf(id: string, name: string): Promise<void> {
    if (!(await confirm(t("visits.delete-all-title", { name }), t("visits.delete-hint"), t("delete")))) return;
    this.#deleted(await send<Receipt>("DELETE", pathOf(this.#host.gallery.id, "people", id, "visits")), "/visits/");
  }

  /** @param pictures part of the paths of pictures that are gone */
  #deleted({ visits, thumbnails, embeddings }: Receipt, pictures: string): void {
    forgetPictures(pictures);
    this.#done(
      t("visits.deleted", {
        visits: count("visit", visits),
        pictures: count("picture", thumbnails),
        embeddings: count("embedding", embeddings),
      }),
    );
  }

  #done(words: string): void {
    tell(words);
    this.#host.announce(words);
    this.#host.touch();
    this.#fresh.load();
    this.#list.focus();
  }

  #byPhoto(): HTMLElement {
    const input = h("input", {
      type: "file",
      accept: PICTURES,
      class: "facenet-hidden-input",
      tabindex: "-1",
      "aria-label": t("visits.by-photo"),
    });
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      input.value = "";
      if (file !== undefined) attempt(() => this.#lookFor(file));
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
        { icon: "camera", title: t("visits.by-photo"), class: "facenet-do-alike" },
      ),
    );
  }

  /** Was this face here before? */
  async #lookFor(file: File): Promise<void> {
    this.#host.announce(t("visits.looking"));
    const path = `${this.#path("alike")}?limit=${MOST_ALIKE}`;
    const { threshold, faces } = await upload<AlikeAnswer>(path, file, typeOf(file), () => undefined);
    const usable = faces.filter(({ rejected }) => rejected === undefined);
    let opened: Visit | undefined;
    const choose = (visit: Visit, event: Event): void => {
      opened = visit;
      (event.currentTarget as HTMLElement)
        .closest(".ui-dialog")
        ?.querySelector<HTMLButtonElement>(".ui-dialog-buttonset .primary")
        ?.click();
    };
    const line = ({ visit, distance }: (typeof usable)[number]["visits"][number]): HTMLElement =>
      h(
        "li",
        { class: "facenet-alike" },
        this.#picture(visit, "facenet-event-picture"),
        h(
          "div",
          { class: "facenet-card-text" },
          h(
            "button",
            {
              type: "button",
              class: "facenet-link",
              click: (event) => {
                choose(visit, event);
              },
            },
            whoCame(visit),
          ),
          h("div", { class: "facenet-sub" }, [dateTime(visit.since), ...zonesOf(visit)].join(" · ")),
          distanceBar(distance, threshold),
        ),
      );
    await dialog(
      t("visits.by-photo-title"),
      [
        usable.length === 0 && h("p", {}, t("people.by-photo-none", { file: file.name })),
        ...usable.map(({ visits }, index) => {
          const near = visits.filter(({ distance }) => distance <= threshold).length;
          const said = near === 0 ? t("visits.not-before") : t("visits.before", { visits: count("visit", near) });
          return h(
            "div",
            { class: "facenet-who" },
            h("strong", {}, usable.length > 1 ? `${index + 1}. ` : "", said),
            visits.length > 0 && h("ul", { role: "list" }, ...visits.map(line)),
          );
        }),
      ],
      [{ label: t("close"), answer: true, primary: true }],
    );
    if (opened !== undefined) await this.#open(opened);
  }
}

/** Their name; of somebody who has none whether that is settled. */
function whoCame({ name, confirmed }: Visit): string {
  return name ?? t(confirmed ? "visits.unknown" : "visits.unsettled");
}

/** Each once, in the order in which they were there. */
function zonesOf({ stays }: Visit): string[] {
  return [...new Set(stays.map(({ zone }) => zone))];
}

function fromTo({ since, until }: Visit): string {
  return until === null ? t("visits.since", { time: timeOfDay(since) }) : `${timeOfDay(since)} – ${timeOfDay(until)}`;
}
