/** The sidebar tab "Faces": which gallery, its sections, and one stream of what happens in it. */
import type { NetworkState } from "../lib/gallery/network-state";
import type { GalleryAnswer } from "../api/answers";
import { galleriesPath, getJson, pathOf, send } from "./api.js";
import { exportGallery, importGallery } from "./archive.js";
import { AttendanceSection } from "./attendance.js";
import { openCalibration } from "./calibrate.js";
import { showDiagnosis } from "./diagnosis.js";
import { attempt } from "./dialogs.js";
import { button, empty, failed, fill, h, icon, loading, mayWrite, select, writeButton } from "./dom.js";
import { Events } from "./events.js";
import { Live } from "./live.js";
import { NetworkNotice } from "./network.js";
import { SitesNotice } from "./sites.js";
import { nodeName } from "./nodes.js";
import { People } from "./people.js";
import type { Host, Section } from "./section.js";
import { EventStream, type ServerEvent } from "./stream.js";
import { Unknowns } from "./unknowns.js";
import { Visits } from "./visits.js";
import { t } from "./words.js";

const TAB = "facenet";
const ACTION = "facenet:show-faces-tab";
const REMEMBERED = "facenet-gallery";
/** Events of a busy gallery come in bursts. */
const SUMMARY_DELAY_MS = 1000;
/** A gallery starts its models after a deploy. */
const RETRY_MS = 2000;

/** What may put nodes in step with the gallery, or out of it. */
const WORKSPACE_EVENTS = ["nodes:change", "nodes:add", "nodes:remove", "deploy"];

const SECTIONS = ["people", "unknowns", "visits", "events", "live", "attendance"] as const;
type SectionName = (typeof SECTIONS)[number];

/** One gallery, opened. */
class OpenGallery implements Host {
  readonly element = h("div", { class: "facenet-gallery" });
  gallery: GalleryAnswer;
  readonly #people = new People(this);
  readonly #visits = new Visits(this);
  readonly #sections: Record<SectionName, Section>;
  readonly #tabs = new Map<SectionName, HTMLButtonElement>();
  readonly #panels = new Map<SectionName, HTMLElement>();
  readonly #badge = h("span", { class: "facenet-badge", hidden: true });
  readonly #notices = h("div", { class: "facenet-notices" });
  readonly #network = new NetworkNotice(this);
  readonly #sites = new SitesNotice(this);
  readonly #onWorkspace = (): void => {
    this.#network.update();
    this.#sites.update();
  };
  readonly #offline = h(
    "div",
    { class: "facenet-notice", role: "status", hidden: true },
    icon("plug"),
    " ",
    t("offline"),
  );
  readonly #said: HTMLElement;
  readonly #onStale: () => void;
  #shown: SectionName = "people";
  #stream: EventStream | undefined;

  constructor(gallery: GalleryAnswer, said: HTMLElement, onStale: () => void) {
    this.gallery = gallery;
    this.#said = said;
    this.#onStale = onStale;
    this.#sections = {
      people: this.#people,
      unknowns: new Unknowns(this),
      visits: this.#visits,
      events: new Events(this),
      live: new Live(this),
      attendance: new AttendanceSection(this),
    };
    const tabs = h("div", {
      class: "facenet-tabs",
      role: "tablist",
      "aria-label": t("sections"),
      keydown: (event) => {
        this.#onTabKey(event as KeyboardEvent);
      },
    });
    const [first, second] = [h("div", { role: "presentation" }), h("div", { role: "presentation" })];
    tabs.append(first, second);
    const panels = h("div", { class: "facenet-panels" });
    for (const name of SECTIONS) {
      const tab = h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `facenet-tab-${name}`,
          "aria-controls": `facenet-panel-${name}`,
          class: "facenet-tab",
          click: () => {
            this.open(name);
          },
        },
        t(`section.${name}`),
        name === "unknowns" && this.#badge,
      );
      const panel = h(
        "div",
        {
          role: "tabpanel",
          id: `facenet-panel-${name}`,
          "aria-labelledby": `facenet-tab-${name}`,
          class: "facenet-panel",
        },
        this.#sections[name].element,
      );
      this.#tabs.set(name, tab);
      this.#panels.set(name, panel);
      (SECTIONS.indexOf(name) < SECTIONS.length / 2 ? first : second).append(tab);
      panels.append(panel);
    }
    this.element.append(this.#offline, this.#notices, this.#network.element, this.#sites.element, tabs, panels);
    this.#mark();
    this.update(gallery);
  }

  /** Begin to ask and to listen. */
  start(): void {
    if (this.#stream !== undefined) return;
    this.#stream = new EventStream(pathOf(this.gallery.id, "events"), {
      onEvent: (event) => {
        this.#onEvent(event);
      },
      onState: (connected) => {
        this.#onConnected(connected);
      },
    });
    for (const event of WORKSPACE_EVENTS) RED.events.on(event, this.#onWorkspace);
    this.#sections[this.#shown].show();
  }

  /** Ask nothing more until it is started again. */
  pause(): void {
    this.#stream?.close();
    this.#stream = undefined;
    for (const event of WORKSPACE_EVENTS) RED.events.off(event, this.#onWorkspace);
    this.#sections[this.#shown].hide();
  }

  close(): void {
    this.pause();
    for (const name of SECTIONS) this.#sections[name].close();
    this.element.remove();
  }

  open(name: SectionName): void {
    if (name !== this.#shown) {
      this.#sections[this.#shown].hide();
      this.#shown = name;
      this.#mark();
      this.#sections[name].show();
    }
  }

  openPerson(id: string): void {
    this.open("people");
    this.#people.open(id);
  }

  openVisits(person: { id: string; name: string }): void {
    this.open("visits");
    this.#visits.showOf(person);
    this.#tabs.get("visits")?.focus();
  }

  touch(): void {
    this.#onStale();
  }

  announce(text: string): void {
    this.#said.textContent = text;
  }

  update(gallery: GalleryAnswer): void {
    this.gallery = gallery;
    this.#badge.hidden = gallery.unknowns === 0;
    this.#badge.textContent = String(gallery.unknowns);
    this.#badge.setAttribute("aria-label", t("unknowns.waiting", { number: gallery.unknowns }));
    const { problems } = gallery;
    const focused = this.#notices.contains(document.activeElement);
    fill(
      this.#notices,
      !mayWrite() && h("div", { class: "facenet-notice" }, icon("lock"), " ", t("permission.write")),
      this.#progress(gallery),
      problems.length > 0 &&
        h(
          "details",
          { class: "facenet-notice facenet-problems" },
          h("summary", {}, icon("exclamation-triangle"), " ", t("problems", { number: problems.length })),
          h("ul", {}, ...problems.map(({ message }) => h("li", {}, message))),
        ),
    );
    this.#network.update();
    this.#sites.update();
    if (focused) this.#notices.querySelector<HTMLElement>("button, summary")?.focus();
  }

  /** Photos that are being embedded, with a button that stops it and one that goes on. */
  #progress({ id, progress, paused }: GalleryAnswer): HTMLElement | null {
    if (progress === null && !paused) return null;
    if (progress?.what === "people") {
      const words = t("progress.people", { done: progress.done, total: progress.total });
      return h(
        "div",
        { class: "facenet-notice facenet-progress" },
        h("div", {}, words, h("progress", { max: progress.total, value: progress.done, "aria-label": words })),
      );
    }
    const set = async (): Promise<void> => {
      await send("POST", pathOf(id, "enrolment"), { paused: !paused });
      this.update({ ...this.gallery, paused: !paused });
      this.#onStale();
    };
    return h(
      "div",
      { class: "facenet-notice facenet-progress" },
      h(
        "div",
        {},
        paused ? t("progress.paused") : t("progress.text", { done: progress?.done ?? 0, total: progress?.total ?? 0 }),
        progress !== null &&
          h("progress", { max: progress.total, value: progress.done, "aria-label": t("progress.label") }),
      ),
      writeButton(t(paused ? "progress.continue" : "progress.stop"), () => {
        attempt(set);
      }),
    );
  }

  #mark(): void {
    for (const name of SECTIONS) {
      const selected = name === this.#shown;
      const tab = this.#tabs.get(name);
      tab?.setAttribute("aria-selected", String(selected));
      tab?.setAttribute("tabindex", selected ? "0" : "-1");
      const panel = this.#panels.get(name);
      if (panel !== undefined) panel.hidden = !selected;
    }
  }

  #onTabKey(event: KeyboardEvent): void {
    const at = SECTIONS.indexOf(this.#shown);
    const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: SECTIONS.length - 1 };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const name = SECTIONS[(target + SECTIONS.length) % SECTIONS.length] ?? "people";
    this.open(name);
    this.#tabs.get(name)?.focus();
  }

  #onConnected(connected: boolean): void {
    this.#offline.hidden = connected;
    // What happened meanwhile was told to nobody.
    if (connected) this.#onStale();
  }

  #onEvent(event: ServerEvent): void {
    if (event.event === "progress") {
      const progress = event.data as GalleryAnswer["progress"];
      this.update({
        ...this.gallery,
        progress: progress === null || progress.done >= progress.total ? null : progress,
      });
    }
    if (event.event === "network") this.update({ ...this.gallery, network: event.data as NetworkState });
    if (!["seen", "network", "visits"].includes(event.event)) this.#onStale();
    for (const name of SECTIONS) this.#sections[name].onEvent(event);
  }
}

class FacesTab {
  readonly element = h("div", { class: "facenet-sidebar" });
  readonly #chooser = h("div", { class: "facenet-chooser" });
  readonly #header: HTMLElement;
  readonly #body = h("div", { class: "facenet-body" });
  readonly #said = h("div", { class: "facenet-said", role: "status", "aria-live": "polite" });
  readonly #tools: HTMLElement;
  #galleries: GalleryAnswer[] | undefined;
  #open: OpenGallery | undefined;
  #visible = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const onOpen = (work: (host: OpenGallery) => unknown) => (): void => {
      const host = this.#open;
      if (host !== undefined) attempt(async () => work(host));
    };
    this.#tools = h(
      "div",
      { class: "facenet-tools", hidden: true },
      writeButton("", onOpen(exportGallery), { icon: "download", title: t("archive.export") }),
      writeButton("", onOpen(importGallery), { icon: "upload", title: t("archive.import-title") }),
      button(
        t("calibrate.short"),
        onOpen(({ gallery }) => {
          openCalibration({
            gallery,
            openPerson: (id) => {
              this.#showPerson(gallery.id, id);
            },
          });
        }),
        { icon: "bar-chart", class: "facenet-do-calibrate", title: t("calibrate.title") },
      ),
    );
    // Also where no gallery opens: then it is needed most.
    const diagnose = button("", () => attempt(showDiagnosis), {
      icon: "stethoscope",
      class: "facenet-do-diagnosis",
      title: t("diagnosis.button"),
    });
    this.#header = h("div", { class: "red-ui-sidebar-header facenet-header" }, this.#chooser, this.#tools, diagnose);
    this.element.append(this.#header, this.#body, this.#said);
    fill(this.#body, loading());
    // Neither a hidden tab nor a closed sidebar nor a window in the background costs the runtime anything.
    let onScreen = false;
    const look = (): void => {
      this.#setVisible(onScreen && !document.hidden);
    };
    new IntersectionObserver((entries) => {
      onScreen = entries.at(-1)?.isIntersecting === true;
      look();
    }).observe(this.element);
    document.addEventListener("visibilitychange", look);
    RED.events.on("deploy", () => {
      this.#refreshSoon();
    });
    RED.events.on("runtime-state", () => {
      this.#refreshSoon();
    });
  }

  #setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (visible) void this.#refresh();
    else this.#open?.pause();
  }

  #refreshSoon(delay = SUMMARY_DELAY_MS): void {
    if (!this.#visible || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh();
    }, delay);
  }

  async #refresh(): Promise<void> {
    try {
      this.#show(await getJson<GalleryAnswer[]>(galleriesPath));
    } catch (error) {
      this.#close();
      fill(
        this.#body,
        failed(error, () => {
          void this.#refresh();
        }),
      );
    }
  }

  #show(galleries: GalleryAnswer[]): void {
    const before = this.#galleries;
    this.#galleries = galleries;
    const id = this.#open?.gallery.id ?? RED.settings.getLocal(REMEMBERED);
    const chosen =
      galleries.find((gallery) => gallery.id === id) ?? (galleries.length === 1 ? galleries[0] : undefined);
    if (
      JSON.stringify(before?.map(({ id: each, name }) => [each, name])) !==
        JSON.stringify(galleries.map(({ id: each, name }) => [each, name])) ||
      this.#open?.gallery.id !== chosen?.id
    )
      this.#showChooser(galleries, chosen);
    if (galleries.length === 0) {
      this.#close();
      fill(this.#body, empty("users", t("galleries.none"), t("galleries.none-hint")));
      return;
    }
    if (chosen === undefined) {
      this.#close();
      fill(this.#body, empty("hand-pointer-o", t("galleries.choose"), t("galleries.choose-hint")));
      return;
    }
    if (chosen.error !== undefined) {
      this.#close();
      fill(this.#body, empty("warning", t("galleries.broken"), chosen.error));
      this.#refreshSoon(RETRY_MS);
      return;
    }
    if (this.#open?.gallery.id === chosen.id) this.#open.update(chosen);
    else {
      this.#close();
      // However it was chosen: with a second one there, the same is shown after a reload.
      RED.settings.setLocal(REMEMBERED, chosen.id);
      this.#open = new OpenGallery(chosen, this.#said, () => {
        this.#refreshSoon();
      });
      fill(this.#body, this.#open.element);
      this.#tools.hidden = false;
    }
    if (this.#visible) this.#open.start();
  }

  /** From beside the sidebar, which may be closed or show another gallery by now. */
  #showPerson(gallery: string, person: string): void {
    RED.sidebar.show(TAB);
    if (this.#open?.gallery.id !== gallery) this.#choose(gallery);
    this.#open?.openPerson(person);
  }

  #choose(id: string): void {
    RED.settings.setLocal(REMEMBERED, id);
    this.#close();
    this.#show(this.#galleries ?? []);
  }

  #showChooser(galleries: readonly GalleryAnswer[], chosen: GalleryAnswer | undefined): void {
    const labelOf = ({ name, id }: GalleryAnswer): string => nodeName({ id, name, type: "face-gallery" });
    if (galleries.length <= 1) {
      fill(
        this.#chooser,
        h("span", { class: "facenet-gallery-name" }, galleries[0] === undefined ? t("tab") : labelOf(galleries[0])),
      );
      return;
    }
    const options = [
      ...(chosen === undefined ? [{ value: "", label: t("galleries.choose-one") }] : []),
      ...galleries.map((gallery) => ({ value: gallery.id, label: labelOf(gallery) })),
    ];
    fill(
      this.#chooser,
      select(
        options,
        chosen?.id ?? "",
        (id) => {
          this.#choose(id);
        },
        { "aria-label": t("galleries.label") },
      ),
    );
  }

  #close(): void {
    this.#open?.close();
    this.#open = undefined;
    this.#tools.hidden = true;
  }
}

RED.plugins.registerPlugin("facenet-sidebar", {
  onadd: () => {
    RED.actions.add(ACTION, () => {
      RED.sidebar.show(TAB);
    });
    RED.sidebar.addTab({
      id: TAB,
      name: t("tab"),
      label: t("tab"),
      iconClass: "fa fa-users",
      content: new FacesTab().element,
      enableOnEdit: true,
      action: ACTION,
    });
  },
});
