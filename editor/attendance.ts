/** Attendance books: who was there on a day or in a month, what is missing, and corrections with their reason. */
import type { AttendanceBookAnswer } from "../api/answers";
import type { DayReport, MonthReport, Span, ToldCheckIn } from "../lib/attendance/pairs";
import type { Change, CheckInType } from "../lib/attendance/check-in";
import type { PeoplePage } from "../lib/search/entries";
import { ask, getJson, pathOf, send } from "./api.js";
import { attempt, dialog, tell } from "./dialogs.js";
import {
  type Child,
  button,
  empty,
  failed,
  field,
  fill,
  h,
  icon,
  loading,
  mayWrite,
  select,
  writeButton,
} from "./dom.js";
import { saveAs } from "./save-as.js";
import type { Host, Section } from "./section.js";
import { bracketed, dateTime, list, t } from "./words.js";

type ToldHistory = ToldCheckIn & { history: Change[] };
type View = "day" | "month";
type PersonDay = DayReport["people"][number];

/** While somebody looks: whoever comes is shown by then. */
const REFRESH_MS = 10_000;
const MINUTE_MS = 60_000;
const MINUTES_AN_HOUR = 60;
const DAY_LENGTH = "2026-11-26".length;
const MONTH_LENGTH = "2026-11".length;
const MOST_PEOPLE = "1000";
const LONGEST_REASON = "300";
/** What is kept for so long is kept for ever. */
const EVER_DAYS = 36_500;

export class AttendanceSection implements Section {
  readonly element = h("div", { class: "facenet-section facenet-scroll facenet-attendance", tabindex: "0" });
  readonly #host: Host;
  #books: AttendanceBookAnswer[] = [];
  #book: AttendanceBookAnswer | undefined;
  #view: View = "day";
  /** "2026-11-26"; of a month any day of it. */
  #day = "";
  #shown = "";
  #visible = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.element.setAttribute("aria-label", t("section.attendance"));
    this.element.setAttribute("role", "region");
    fill(this.element, loading());
  }

  show(): void {
    this.#visible = true;
    this.#timer = setInterval(() => void this.#load(), REFRESH_MS);
    void this.#load();
  }

  hide(): void {
    this.#visible = false;
    clearInterval(this.#timer);
  }

  onEvent(): void {
    // Names come with the next look.
  }

  close(): void {
    this.hide();
  }

  #path(...parts: readonly string[]): string {
    return pathOf(this.#host.gallery.id, "attendance", ...parts);
  }

  /** Never rejects. */
  async #load(): Promise<void> {
    try {
      this.#books = await getJson<AttendanceBookAnswer[]>(this.#path());
      this.#book = this.#books.find(({ id }) => id === this.#book?.id) ?? this.#books[0];
      const book = this.#book;
      if (book === undefined) {
        this.#show("none", empty("calendar-check-o", t("attendance.none"), t("attendance.none-hint")));
        return;
      }
      if (book.today === null) {
        this.#show(JSON.stringify(book), this.#chooser(), empty("warning", t("error.title"), book.error ?? ""));
        return;
      }
      if (this.#day === "") this.#day = book.today;
      await this.#loadReport(book);
    } catch (error) {
      this.#shown = "";
      fill(
        this.element,
        failed(error, () => {
          void this.#load();
        }),
      );
    }
  }

  async #loadReport(book: AttendanceBookAnswer): Promise<void> {
    const [view, day] = [this.#view, this.#day];
    const report =
      view === "day"
        ? await getJson<DayReport>(this.#path(book.id, "days", day))
        : await getJson<MonthReport>(this.#path(book.id, "months", day.slice(0, MONTH_LENGTH)));
    // Something else is asked for by now.
    if (!this.#visible || view !== this.#view || day !== this.#day || book.id !== this.#book?.id) return;
    const now = JSON.stringify([view, day, this.#books, report]);
    if (now === this.#shown) return;
    this.#show(
      now,
      h("div", { class: "facenet-attendance-bar" }, ...this.#controls(book)),
      h("div", { class: "facenet-notices" }, ...this.#noticesOf(book)),
      "month" in report ? this.#month(report) : this.#people(report),
    );
  }

  /** What somebody is about to press keeps the focus. */
  #show(shown: string, ...children: readonly Child[]): void {
    const focused = this.element.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset["key"]
      : undefined;
    this.#shown = shown;
    fill(this.element, ...children);
    if (focused !== undefined) this.element.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #chooser(): Child {
    if (this.#books.length < 2) return null;
    return select(
      this.#books.map(({ id, name }) => ({ value: id, label: name || "face-attendance" })),
      this.#book?.id ?? "",
      (id) => {
        this.#book = this.#books.find((each) => each.id === id);
        void this.#load();
      },
      { "aria-label": t("attendance.book"), "data-key": "book" },
    );
  }

  #controls(book: AttendanceBookAnswer): Child[] {
    const isDay = this.#view === "day";
    const go = (to: string): void => {
      this.#day = to;
      void this.#load();
    };
    const date = h("input", {
      type: isDay ? "date" : "month",
      value: isDay ? this.#day : this.#day.slice(0, MONTH_LENGTH),
      "aria-label": t(isDay ? "attendance.day" : "attendance.month"),
      "data-key": "date",
    });
    date.addEventListener("change", () => {
      if (date.value !== "") go(isDay ? date.value : `${date.value}-01`);
    });
    const step = (by: 1 | -1): HTMLButtonElement =>
      keyed(
        button("", () => go(isDay ? dayBeside(this.#day, by) : monthBeside(this.#day, by)), {
          icon: by < 0 ? "chevron-left" : "chevron-right",
          title: t(by < 0 ? "attendance.before" : "attendance.after"),
        }),
        `step ${by}`,
      );
    const viewButton = (view: View): HTMLButtonElement => {
      const made = keyed(
        button(t(`attendance.${view}`), () => {
          this.#view = view;
          void this.#load();
        }),
        `view ${view}`,
      );
      made.setAttribute("aria-pressed", String(view === this.#view));
      if (view === this.#view) made.classList.add("facenet-pressed");
      return made;
    };
    const today = keyed(
      button(t("attendance.today"), () => go(book.today ?? this.#day)),
      "today",
    );
    return [
      this.#chooser(),
      h("div", { class: "facenet-attendance-tools" }, viewButton("day"), viewButton("month"), today),
      h("div", { class: "facenet-attendance-date" }, step(-1), date, step(1)),
      h(
        "div",
        { class: "facenet-attendance-tools" },
        keyed(
          writeButton(t("attendance.add"), () => attempt(() => this.#add(book)), {
            icon: "plus",
            class: "facenet-do-add-check-in",
          }),
          "add",
        ),
        keyed(
          button("CSV", () => attempt(() => this.#export("csv")), {
            icon: "download",
            title: t("attendance.csv"),
            class: "facenet-do-csv",
          }),
          "csv",
        ),
        keyed(
          button("JSON", () => attempt(() => this.#export("json")), {
            icon: "download",
            title: t("attendance.json"),
            class: "facenet-do-json",
          }),
          "json",
        ),
      ),
      h(
        "div",
        { class: "facenet-sub" },
        t("attendance.time-zone", { zone: book.timeZone ?? "" }),
        book.days !== null && book.days < EVER_DAYS && ` ${t("attendance.kept", { days: book.days })}`,
        book.site !== null && ` ${t("attendance.all-sites", { name: book.site })}`,
      ),
    ];
  }

  #noticesOf({ id, sending }: AttendanceBookAnswer): Child[] {
    if (sending === null) return [];
    const { waiting, refused, problem } = sending;
    const again = async (): Promise<void> => {
      await send("POST", this.#path(id, "send"), {});
      await this.#load();
    };
    return [
      problem !== null &&
        h(
          "div",
          { class: "facenet-notice" },
          icon("exclamation-triangle"),
          " ",
          t("attendance.waiting", { number: waiting }),
          " ",
          problem,
        ),
      refused > 0 &&
        h(
          "div",
          { class: "facenet-notice" },
          icon("exclamation-triangle"),
          " ",
          t("attendance.refused", { number: refused }),
          " ",
          writeButton(t("attendance.again"), () => attempt(again)),
        ),
    ];
  }

  #people({ people, day }: DayReport): HTMLElement {
    if (people.length === 0) return this.#nobody(day);
    return h(
      "ul",
      { class: "facenet-attendance-people", role: "list", "aria-label": dayWords(day) },
      ...people.map((person) => this.#person(person)),
    );
  }

  #nobody(day: string): HTMLElement {
    const { keptFrom = null } = this.#book ?? {};
    const hint =
      keptFrom !== null && day < keptFrom
        ? t("attendance.deleted-hint", { day: dayWords(keptFrom) })
        : t("attendance.nobody-hint");
    return empty("calendar-o", t("attendance.nobody"), hint);
  }

  #person({ name, ms, missing, running, spans, checkIns }: PersonDay): HTMLElement {
    const byId = new Map(checkIns.map((row) => [row.id, row]));
    return h(
      "li",
      { class: "facenet-attendance-person" },
      h(
        "div",
        { class: "facenet-attendance-head" },
        h("span", { class: "facenet-attendance-name" }, name),
        missing > 0 && warning(t("attendance.missing", { number: missing })),
        h("span", { class: "facenet-attendance-hours" }, hours(ms)),
      ),
      h(
        "ul",
        { class: "facenet-attendance-spans", role: "list" },
        ...spans.map((span) => h("li", {}, ...this.#span(span, byId, name))),
        ...checkIns
          .filter(({ removed }) => removed)
          .map((row) =>
            h(
              "li",
              {},
              this.#checkIn(row, name),
              h("span", { class: "facenet-sub" }, ` ${t("attendance.is-removed")}`),
            ),
          ),
      ),
      running && h("div", { class: "facenet-sub" }, icon("circle"), " ", t("attendance.here")),
    );
  }

  #span(span: Span, byId: ReadonlyMap<string, ToldCheckIn>, name: string): Child[] {
    const end = (id: string | null, type: CheckInType): Child => {
      const row = id === null ? undefined : byId.get(id);
      if (row !== undefined) return this.#checkIn(row, name);
      return span.running ? h("span", { class: "facenet-sub" }, "…") : warning(t("attendance.no", { type }));
    };
    return [
      end(span.in, "IN"),
      h("span", { "aria-hidden": "true" }, " – "),
      end(span.out, "OUT"),
      span.ms !== null && h("span", { class: "facenet-sub" }, ` ${hours(span.ms)}`),
    ];
  }

  #checkIn(row: ToldCheckIn, name: string): HTMLElement {
    const { id, type, local, site, removed, corrected, sending } = row;
    const marks = [
      site !== "" && site,
      corrected && t("attendance.corrected"),
      removed && t("attendance.is-removed"),
      sending?.state === "refused" && t("attendance.is-refused"),
      sending?.state === "waiting" && differs(row, sending) && t("attendance.sending.correcting"),
    ].filter((mark) => mark !== false);
    const time = local.slice(DAY_LENGTH + 1, DAY_LENGTH + 6);
    const made = keyed(
      button("", () => attempt(() => this.#open(id)), {
        class: `facenet-check-in facenet-link${removed ? " facenet-removed" : ""}`,
        title: `${name}: ${type} ${local}${marks.length === 0 ? "" : bracketed(list(marks))}`,
      }),
      id,
    );
    made.append(
      `${type} ${time}`,
      ...(this.#isElsewhere(site) ? [h("span", { class: "facenet-sub" }, ` ${site}`)] : []),
      ...(corrected ? [" ", icon("pencil")] : []),
      ...(sending?.state === "refused" ? [" ", icon("exclamation-triangle")] : []),
    );
    return made;
  }

  /** Whether a site has to be said: another than this one. */
  #isElsewhere(site: string): boolean {
    return site !== "" && site !== this.#book?.site;
  }

  #month({ month, days, people }: MonthReport): HTMLElement {
    if (people.length === 0) return this.#nobody(`${month}-01`);
    const open = (day: string): void => {
      this.#view = "day";
      this.#day = day;
      void this.#load();
    };
    const row = ({ name, ms, missing, days: own }: MonthReport["people"][number]): HTMLElement => {
      const byDay = new Map(own.map((each) => [each.day, each]));
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, name),
        h(
          "td",
          { class: "facenet-attendance-hours" },
          hours(ms),
          missing > 0 && " ",
          missing > 0 && warning(t("attendance.missing", { number: missing })),
        ),
        ...days.map((day) => {
          const found = byDay.get(day);
          if (found === undefined) return h("td", {});
          const words = [
            hours(found.ms),
            found.missing > 0 && t("attendance.missing", { number: found.missing }),
            found.running && t("attendance.here"),
            ...(found.sites.some((site) => this.#isElsewhere(site)) ? found.sites : []),
          ].filter((word) => word !== false);
          const made = button(hours(found.ms), () => open(day), {
            class: `facenet-link${found.missing > 0 ? " facenet-incomplete" : ""}`,
            title: `${name}, ${dayWords(day)}: ${list(words)}`,
          });
          if (found.missing > 0) made.append(" ", icon("exclamation-triangle"));
          made.setAttribute("aria-label", made.title);
          return h("td", {}, keyed(made, `${name} ${day}`));
        }),
      );
    };
    const monthName = new Intl.DateTimeFormat(RED.i18n.lang(), { month: "long", year: "numeric", timeZone: "UTC" });
    const words = monthName.format(Date.parse(`${month}-01T00:00:00Z`));
    return h(
      "div",
      { class: "facenet-attendance-month", tabindex: "0", role: "region", "aria-label": words },
      h(
        "table",
        {},
        h("caption", { class: "facenet-said" }, words),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, t("attendance.person")),
            h("th", { scope: "col" }, t("attendance.hours")),
            ...days.map((day) => h("th", { scope: "col", title: dayWords(day) }, String(Number(day.slice(-2))))),
          ),
        ),
        h("tbody", {}, ...people.map(row)),
      ),
    );
  }

  async #open(id: string): Promise<void> {
    const { id: book = "" } = this.#book ?? {};
    const row = await getJson<ToldHistory>(this.#path(book, "check-ins", id));
    const type = typeSelect(row.type);
    const time = timeInput(row.local);
    const reason = reasonInput();
    const given =
      <T>(answer: T) =>
      (): T | undefined =>
        hasReason(reason) ? answer : undefined;
    const answer = await dialog<"close" | "remove" | "save">(
      t("attendance.check-in", { name: row.name }),
      [
        h(
          "dl",
          { class: "facenet-facts" },
          ...(row.zone === ""
            ? []
            : [
                h("dt", {}, t("attendance.zone")),
                h("dd", {}, `${row.zone}${row.source === "" ? "" : bracketed(row.source)}`),
              ]),
          ...(row.site === "" ? [] : [h("dt", {}, t("attendance.site")), h("dd", {}, row.site)]),
          ...(row.sending === undefined
            ? []
            : [h("dt", {}, "Frappe HRMS"), h("dd", {}, sendingWords(row, row.sending))]),
        ),
        h("h3", {}, t("attendance.history")),
        h("ol", { class: "facenet-attendance-history", role: "list" }, ...row.history.map(changeItem)),
        mayWrite() && h("h3", {}, t("attendance.correct")),
        ...(mayWrite()
          ? [
              field(t("attendance.type"), type),
              field(t("attendance.time"), time),
              field(t("attendance.why"), reason, t("attendance.why-hint")),
            ]
          : []),
      ],
      [
        { label: t("close"), answer: "close", primary: !mayWrite() },
        ...(mayWrite()
          ? [
              { label: t(row.removed ? "attendance.restore" : "attendance.remove"), answer: given("remove" as const) },
              { label: t("attendance.save"), answer: given("save" as const), primary: true },
            ]
          : []),
      ],
    );
    if (answer !== "remove" && answer !== "save") return;
    const change =
      answer === "remove"
        ? { removed: !row.removed }
        : { type: type.value, ...(localOf(time) === row.local ? {} : { local: localOf(time) }) };
    await send("PATCH", this.#path(book, "check-ins", id), { ...change, why: reason.value.trim() });
    await this.#done();
  }

  async #add({ id: book }: AttendanceBookAnswer): Promise<void> {
    const { people } = await getJson<PeoplePage>(`${pathOf(this.#host.gallery.id, "people")}?limit=${MOST_PEOPLE}`);
    const person = select(
      people.map(({ id, name }) => ({ value: id, label: name })),
      people[0]?.id ?? "",
      () => undefined,
    );
    const type = typeSelect("IN");
    const time = timeInput(`${this.#day} 08:00:00`);
    const reason = reasonInput();
    const answer = await dialog<boolean>(
      t("attendance.add"),
      [
        field(t("attendance.person"), person),
        field(t("attendance.type"), type),
        field(t("attendance.time"), time),
        field(t("attendance.why"), reason, t("attendance.why-hint")),
      ],
      [
        { label: t("cancel"), answer: false },
        {
          label: t("attendance.add-action"),
          answer: () => (hasReason(reason) && person.value !== "" && time.value !== "" ? true : undefined),
          primary: true,
        },
      ],
    );
    if (answer !== true) return;
    await send("POST", this.#path(book, "check-ins"), {
      person: person.value,
      type: type.value,
      local: localOf(time),
      why: reason.value.trim(),
    });
    await this.#done();
  }

  async #done(): Promise<void> {
    tell(t("attendance.saved"));
    this.#host.announce(t("attendance.saved"));
    await this.#load();
  }

  async #export(kind: "csv" | "json"): Promise<void> {
    const { id: book = "" } = this.#book ?? {};
    const month = this.#day.slice(0, MONTH_LENGTH);
    const isDay = this.#view === "day";
    const last = dayBeside(monthBeside(this.#day, 1), -1);
    const [from, to] = isDay ? [this.#day, this.#day] : [`${month}-01`, last];
    const csv = `${this.#path(book, "csv")}?from=${from}&to=${to}`;
    const json = isDay ? this.#path(book, "days", this.#day) : this.#path(book, "months", month);
    const answer = await ask(kind === "csv" ? csv : json);
    // As bytes: as text a table would lose its byte order mark.
    saveAs(new Blob([await answer.arrayBuffer()]), `attendance-${isDay ? this.#day : month}.${kind}`);
  }
}

function keyed<E extends HTMLElement>(element: E, key: string): E {
  element.dataset["key"] = key;
  return element;
}

function warning(words: string): HTMLElement {
  return h("span", { class: "facenet-attendance-missing" }, icon("exclamation-triangle"), " ", words);
}

function changeItem({ what, at, by, why, was }: Change): HTMLElement {
  return h(
    "li",
    {},
    h(
      "div",
      {},
      t(`attendance.what.${what}`),
      by !== null && ` ${t("attendance.by", { name: by })}`,
      h("span", { class: "facenet-sub" }, ` ${dateTime(at)}`),
    ),
    why !== "" && h("div", {}, t("attendance.because", { why })),
    was !== null &&
      h("div", { class: "facenet-sub" }, t("attendance.was", { type: was.type, time: dateTime(was.at) })),
  );
}

function typeSelect(type: CheckInType): HTMLSelectElement {
  return select(
    [
      { value: "IN", label: t("attendance.in") },
      { value: "OUT", label: t("attendance.out") },
    ],
    type,
    () => undefined,
  );
}

function timeInput(local: string): HTMLInputElement {
  return h("input", { type: "datetime-local", step: "1", value: local.replace(" ", "T") });
}

/** "2026-11-26 08:00:00"; browsers leave out seconds that are none. */
function localOf({ value }: HTMLInputElement): string {
  const stamp = value.replace("T", " ");
  return stamp.length === "2026-11-26 08:00".length ? `${stamp}:00` : stamp.slice(0, "2026-11-26 08:00:00".length);
}

function reasonInput(): HTMLInputElement {
  return h("input", { type: "text", maxlength: LONGEST_REASON, autocomplete: "off", "aria-required": "true" });
}

function hasReason(input: HTMLInputElement): boolean {
  const there = input.value.trim() !== "";
  input.setAttribute("aria-invalid", String(!there));
  input.classList.toggle("input-error", !there);
  if (!there) input.focus();
  return there;
}

/** "8:05". */
function hours(ms: number): string {
  const minutes = Math.round(ms / MINUTE_MS);
  return `${Math.trunc(minutes / MINUTES_AN_HOUR)}:${String(minutes % MINUTES_AN_HOUR).padStart(2, "0")}`;
}

function dayWords(day: string): string {
  return new Intl.DateTimeFormat(RED.i18n.lang(), { dateStyle: "full", timeZone: "UTC" }).format(
    Date.parse(`${day}T00:00:00Z`),
  );
}

function dayBeside(day: string, by: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + by);
  return date.toISOString().slice(0, DAY_LENGTH);
}

/** The first day of the month. */
function monthBeside(day: string, by: number): string {
  const date = new Date(`${day.slice(0, MONTH_LENGTH)}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + by);
  return date.toISOString().slice(0, DAY_LENGTH);
}

type Sending = NonNullable<ToldCheckIn["sending"]>;

/** Whether Frappe HRMS has it, and otherwise. */
function differs({ person, type, at, removed }: ToldCheckIn, { there }: Sending): boolean {
  return there !== undefined && (removed || there.person !== person || there.type !== type || there.at !== at);
}

/** How the sending of a check-in stands, and where it is refused what to do. */
function sendingWords(row: ToldCheckIn, sending: Sending): string {
  const { state, reason, problem } = sending;
  const said = problem === undefined ? reason : t(`attendance.problem.${problem}`);
  const isOther = differs(row, sending);
  const words = t(`attendance.sending.${state === "waiting" && isOther ? "correcting" : state}`);
  const warned = state === "refused" && isOther ? ` ${t("attendance.differs")}` : "";
  return `${words}${said === "" ? "" : `: ${said}`}${warned}`;
}
