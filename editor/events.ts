/** Who was seen, newest first, with the distance against τ and the reason in words. */
import type { SeenEvent } from "../lib/observe/journal";
import { getJson, pathOf, send } from "./api.js";
import { askName, sendName } from "./ask-name.js";
import { showCorrections } from "./corrections.js";
import { attempt, confirm, tell } from "./dialogs.js";
import { button, empty, failed, fill, h, icon, loading, writeButton } from "./dom.js";
import { picture, release } from "./pictures.js";
import { sourceName } from "./nodes.js";
import type { Host, Section } from "./section.js";
import type { ServerEvent } from "./stream.js";
import { ago, bracketed, dateTime, known, number, percent, t, whoIs } from "./words.js";

/** As many as the server keeps. */
const MOST = 200;
/**
 * A face that counts less is called uncertain: of such faces of people who are known 3 % match (bench/small-faces.ts).
 */
const UNCERTAIN = 0.2;
const AGES_EVERY_MS = 30_000;
const ICON: Readonly<Record<string, string>> = { match: "check-circle", ambiguous: "question-circle", denied: "ban" };

export class Events implements Section {
  readonly element = h("div", {
    class: "facenet-section facenet-scroll",
    tabindex: "0",
    role: "region",
    "aria-label": t("section.events"),
  });
  readonly #host: Host;
  readonly #list = h("ol", { class: "facenet-cards", role: "list", "aria-label": t("section.events") });
  readonly #bar = h(
    "div",
    { class: "facenet-bar" },
    button(
      t("corrections.title"),
      () => {
        attempt(() => showCorrections(this.#host));
      },
      { icon: "undo" },
    ),
  );
  #rows: SeenEvent[] | undefined;
  #ages: ReturnType<typeof setInterval> | undefined;

  constructor(host: Host) {
    this.#host = host;
    fill(this.element, loading());
  }

  show(): void {
    void this.#load();
    this.#ages = setInterval(() => {
      for (const element of this.#list.querySelectorAll<HTMLElement>("time"))
        element.textContent = ago(Number(element.dataset["at"]));
    }, AGES_EVERY_MS);
  }

  hide(): void {
    clearInterval(this.#ages);
  }

  onEvent({ event, data }: ServerEvent): void {
    if (event !== "seen" || this.#rows === undefined) return;
    const row = data as SeenEvent;
    if (this.#rows.some(({ id }) => id === row.id)) return;
    this.#rows.unshift(row);
    if (this.#rows.length === 1) {
      this.#showAll();
      return;
    }
    this.#list.prepend(this.#card(row));
    for (const dropped of this.#rows.splice(MOST)) {
      const item = this.#list.querySelector(`li[data-id="${CSS.escape(dropped.id)}"]`);
      if (item === null) continue;
      release(item);
      item.remove();
    }
  }

  close(): void {
    clearInterval(this.#ages);
    release(this.element);
  }

  async #load(): Promise<void> {
    try {
      this.#rows = (await getJson<SeenEvent[]>(pathOf(this.#host.gallery.id, "events", "recent"))).toSorted(
        (a, b) => b.at - a.at,
      );
      this.#showAll();
    } catch (error) {
      fill(
        this.element,
        failed(error, () => {
          void this.#load();
        }),
      );
    }
  }

  #showAll(): void {
    release(this.#list);
    if (this.#rows === undefined || this.#rows.length === 0) {
      fill(this.element, this.#bar, empty("eye", t("events.none"), t("events.none-hint")));
      return;
    }
    fill(this.#list, ...this.#rows.map((row) => this.#card(row)));
    fill(this.element, this.#bar, this.#list);
  }

  #card(row: SeenEvent): HTMLElement {
    const {
      id,
      at,
      source,
      outcome,
      name,
      distance,
      threshold,
      reason,
      sure,
      frames,
      candidates,
      person,
      picture: hasPicture,
      weight,
    } = row;
    const who = whoIs(row);
    const opens = person !== null && name !== null;
    const where = [name === null ? "" : t(`outcome.${outcome}`), source === null ? "" : sourceName(source)]
      .filter((words) => words !== "")
      .join(" · ");
    return h(
      "li",
      { class: "facenet-card facenet-event", "data-id": id },
      picture(!hasPicture ? null : pathOf(this.#host.gallery.id, "events", id, "picture"), {
        alt: "",
        class: "facenet-event-picture",
      }),
      h(
        "div",
        { class: "facenet-card-text" },
        h(
          "div",
          { class: "facenet-row-line" },
          opens
            ? h(
                "button",
                {
                  type: "button",
                  class: "facenet-link facenet-card-title",
                  click: () => {
                    this.#host.openPerson(person);
                  },
                },
                who,
              )
            : h("span", { class: "facenet-card-title" }, who),
          h(
            "time",
            { class: "facenet-row-side", "data-at": at, datetime: new Date(at).toISOString(), title: dateTime(at) },
            ago(at),
          ),
        ),
        h(
          "div",
          { class: `facenet-outcome facenet-outcome-${outcome}` },
          icon(ICON[outcome] ?? "user-secret"),
          " ",
          where,
        ),
        distance === null ? null : distanceBar(distance, threshold),
        h(
          "div",
          { class: "facenet-sub" },
          known(`reason.${reason}`, reason),
          sure === undefined || frames === undefined ? null : bracketed(surely(sure, frames)),
        ),
        weight === null || weight >= UNCERTAIN
          ? null
          : h(
              "div",
              { class: "facenet-sub facenet-uncertain" },
              t("events.uncertain", { percent: number(100 * weight) }),
            ),
        candidates.length === 0
          ? null
          : h(
              "details",
              { class: "facenet-considered" },
              h("summary", {}, t("events.considered", { number: candidates.length })),
              h(
                "ul",
                {},
                ...candidates.map((candidate) =>
                  h(
                    "li",
                    {},
                    `${candidate.name} · ${number(candidate.distance, 2)}` +
                      (candidate.ruledOut === true ? ` · ${t("events.ruled-out")}` : ""),
                  ),
                ),
              ),
            ),
        h(
          "div",
          { class: "facenet-card-buttons" },
          writeButton(
            t("events.is"),
            () => {
              attempt(() => this.#itIs(row));
            },
            { icon: "tag", title: t("events.is-hint") },
          ),
          person !== null &&
            name !== null &&
            writeButton(
              t("events.not-this-person"),
              (event) => {
                attempt(() => this.#notThisPerson(row, event.currentTarget as HTMLButtonElement));
              },
              { icon: "thumbs-o-down", title: t("events.not-hint", { name }) },
            ),
        ),
      ),
    );
  }

  /** Somebody else, or a stranger who is known: the face becomes a photo of whoever it is. */
  async #itIs({ id, name: taken, picture: hasPicture }: SeenEvent): Promise<void> {
    const name = await askName(this.#host.gallery.id, {
      title: t("unknowns.name-title"),
      hint: taken === null ? t("events.is-hint") : t("events.is-hint-not", { name: taken }),
      action: t("unknowns.name-action"),
      above: picture(hasPicture ? pathOf(this.#host.gallery.id, "events", id, "picture") : null, {
        alt: "",
        class: "facenet-card-main",
      }),
    });
    if (name === undefined || !(await sendName(pathOf(this.#host.gallery.id, "events", id, "is"), name))) return;
    tell(t("events.is-noted", { name }));
    this.#host.announce(t("events.is-noted", { name }));
    this.#host.touch();
  }

  async #notThisPerson({ id, name }: SeenEvent, pressed: HTMLButtonElement): Promise<void> {
    if (
      !(await confirm(
        t("events.not-title", { name: name ?? "" }),
        t("events.not-hint", { name: name ?? "" }),
        t("events.not-this-person"),
      ))
    )
      return;
    await send("POST", pathOf(this.#host.gallery.id, "events", id, "not-this-person"), {});
    pressed.disabled = true;
    fill(pressed, icon("check"), " ", t("events.noted"));
    tell(t("events.noted-hint", { name: name ?? "" }));
  }
}

/** "after 4 frames, 98 % sure"; never quite sure. */
function surely(sure: number, frames: number): string {
  return t(frames === 1 ? "events.sure-one" : "events.sure-other", {
    frames: number(frames),
    percent: percent(Math.min(0.99, sure)),
  });
}

/** Farther than this many times τ is drawn at the end of the bar. */
const SCALE = 1.7;

/** How near the face was: a bar up to the distance, with a mark at τ. */
export function distanceBar(distance: number, threshold: number): HTMLElement {
  // A cohort-normalised distance may lie below 0.
  const place = (value: number): string =>
    `${Math.min(100, Math.max(0, (value / (threshold * SCALE)) * 100)).toFixed(1)}%`;
  const fillBar = h("span", {
    class: `facenet-bar-fill ${distance <= threshold ? "facenet-bar-near" : "facenet-bar-far"}`,
  });
  fillBar.style.width = place(distance);
  const mark = h("span", { class: "facenet-bar-mark" });
  mark.style.left = place(threshold);
  const words = t(distance <= threshold ? "events.near" : "events.far", {
    distance: number(distance, 2),
    threshold: number(threshold, 2),
  });
  return h(
    "div",
    { class: "facenet-distance" },
    h("span", { class: "facenet-distance-track", "aria-hidden": "true" }, fillBar, mark),
    h("span", { class: "facenet-distance-words" }, words),
  );
}
