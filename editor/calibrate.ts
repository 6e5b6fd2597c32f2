/** Calibrate τ on the gallery's own people: what a threshold does, whom it mixes up, one click into the nodes. */
import type { Calibration, CurvePoint, Distances, Outlier, PhotoOf } from "../lib/calibrate/calibration";
import type { DistanceKind } from "../lib/search/roster";
import type { GalleryAnswer } from "../api/answers";
import { getJson, pathOf } from "./api.js";
import { Chart, type Range, rangeOf } from "./calibrate-chart.js";
import { matchNodesOf, type MatchNode, putThreshold, usualKind } from "./calibrate-nodes.js";
import { tell } from "./dialogs.js";
import { button, type Child, failed, fill, h, liveLine, loading, select } from "./dom.js";
import { picture, release } from "./pictures.js";
import type { Step } from "./steps.js";
import { whoDecides } from "./threshold.js";
import { TrialView } from "./trial.js";
import { count, errorMessage, exact, number, percent, sentences, t } from "./words.js";

/** What the view needs of the sidebar. */
export interface CalibrateHost {
  readonly gallery: GalleryAnswer;
  openPerson(id: string): void;
}

/** Pixels; as much of it as the window has. */
const WIDTH = 800;
/** False-match rates to choose from. */
const WANTED = [0.1, 0.01, 0.001, 0.0001];
const USUAL_WANTED = 0.001;
/** τ is measured anew once it is left alone for so long. */
const SETTLE_MS = 300;
/** A gallery that takes longer is measured anew only when asked: its server has a camera to watch. */
const SLOW_MS = 3000;
/** Decimals of a distance. */
const DIGITS = 2;
const LARGEST_THRESHOLD = 100;
const WORKSPACE_EVENTS = ["nodes:change", "nodes:add", "nodes:remove", "deploy"];

let isOpen = false;

/** Show it in a tray beside the sidebar. */
export function openCalibration(host: CalibrateHost): void {
  if (isOpen) return;
  // A tray on top of a form would change nodes that the form is about to save.
  if (document.querySelector(".red-ui-tray") !== null) {
    tell(t("calibrate.close-first"), "warning");
    return;
  }
  isOpen = true;
  const view = new CalibrateView(host);
  let isClosing = false;
  const close = (): void => {
    if (isClosing) return;
    isClosing = true;
    RED.tray.close();
  };
  view.element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
  RED.tray.show({
    title: t("calibrate.title"),
    width: WIDTH,
    // By this id Node-RED's own key for closing a form closes it too.
    // Node-RED 5 presses the primary button on a click beside the tray.
    buttons: [{ id: "node-dialog-cancel", text: t("close"), class: "primary", click: close }],
    open: (tray) => {
      tray[0]?.querySelector(".red-ui-tray-body")?.append(view.element);
      view.start();
    },
    close: () => {
      isOpen = false;
      view.close();
    },
    focusElement: view.element,
  });
}

class CalibrateView {
  readonly element = h("div", {
    class: "facenet-calibrate",
    tabindex: "-1",
    role: "region",
    "aria-label": t("calibrate.title"),
  });
  readonly #host: CalibrateHost;
  readonly #stop = new AbortController();
  readonly #summary = h("div", {});
  readonly #plot = h("div", {});
  readonly #slider = h("input", {
    type: "range",
    "aria-label": t("calibrate.threshold"),
    input: () => {
      this.#slide(Number(this.#slider.value));
    },
  });
  readonly #number = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "facenet-threshold",
    id: "facenet-calibrate-threshold",
    autocomplete: "off",
    change: () => {
      this.#type();
    },
  });
  readonly #rates = h("div", {});
  readonly #suggestion = h("div", {});
  readonly #nodes = h("div", {});
  readonly #near = h("div", {});
  readonly #asOf = h("div", { class: "facenet-hint", role: "status" });
  readonly #outliers = h("div", {});
  readonly #trial: TrialView;
  /** What became of the nodes. */
  readonly #done = liveLine();
  /** What the table says, for a screen reader. */
  readonly #said = h("div", { class: "facenet-said", role: "status" });
  readonly #onWorkspace = (): void => {
    this.#showNodes();
  };
  /** What the server measured last. */
  #measured: Calibration | undefined;
  #chart: Chart | undefined;
  #range: Range | undefined;
  /** What is measured. */
  #kind: DistanceKind;
  #threshold = 0;
  #wantedFmr = USUAL_WANTED;
  #tookMs = 0;
  #isAsking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Nodes whose tick people set themselves; the others have that of their kind. */
  readonly #ticks = new Map<string, boolean>();
  #step: Step | undefined;
  /** What the lists show, as text: they are made anew only when it changes, so that the focus stays. */
  #listed = "";

  constructor(host: CalibrateHost) {
    this.#host = host;
    this.#kind = usualKind(host.gallery);
    const within = {
      gallery: host.gallery.id,
      threshold: () => this.#threshold,
      picture: (photo: PhotoOf) => this.#picture(photo),
      link: (photo: PhotoOf, key: string) => this.#link(photo, key),
    };
    this.#trial = new TrialView(within, this.#stop.signal);
  }

  start(): void {
    for (const event of WORKSPACE_EVENTS) RED.events.on(event, this.#onWorkspace);
    void this.#begin();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    for (const event of WORKSPACE_EVENTS) RED.events.off(event, this.#onWorkspace);
    this.#chart?.close();
    release(this.element);
  }

  async #begin(): Promise<void> {
    fill(this.element, loading());
    try {
      const measured = await this.#ask(thresholdOf(matchNodesOf(this.#host.gallery, this.#kind)));
      this.#threshold = measured.threshold;
      this.#measured = measured;
      this.#build(measured);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      fill(
        this.element,
        failed(error, () => {
          void this.#begin();
        }),
      );
    }
  }

  async #ask(threshold: number | undefined): Promise<Calibration> {
    const began = performance.now();
    const query = new URLSearchParams({
      distance: this.#kind,
      wantedFmr: String(this.#wantedFmr),
      ...(threshold === undefined ? {} : { threshold: String(threshold) }),
    });
    const measured = await getJson<Calibration>(
      `${pathOf(this.#host.gallery.id, "calibration")}?${query.toString()}`,
      this.#stop.signal,
    );
    this.#tookMs = performance.now() - began;
    return measured;
  }

  /** Ask for what was set meanwhile, one request after the other. */
  async #askAgain(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#outliers.setAttribute("aria-busy", "true");
    this.#asOf.textContent = t("calibrate.measuring");
    try {
      do {
        this.#measured = await this.#ask(this.#threshold);
      } while (this.#isBehind() && this.#tookMs < SLOW_MS);
      this.#isAsking = false;
      this.#showMeasured(this.#measured);
      this.#announce();
    } catch (error) {
      this.#isAsking = false;
      if (!this.#stop.signal.aborted)
        fill(
          this.#asOf,
          errorMessage(error),
          " ",
          button(t("retry"), () => {
            void this.#askAgain();
          }),
        );
    } finally {
      this.#outliers.removeAttribute("aria-busy");
    }
  }

  /** Whether something else is set than what was measured. */
  #isBehind(): boolean {
    const measured = this.#measured;
    return (
      measured?.threshold !== this.#threshold ||
      measured.wantedFmr !== this.#wantedFmr ||
      measured.distance !== this.#kind
    );
  }

  #build(measured: Calibration): void {
    const { own, model } = measured;
    if (own.genuinePairs + own.impostorPairs === 0 && model === null) {
      fill(this.element, this.#kindChoice(), h("p", {}, t("calibrate.nothing")));
      return;
    }
    const legend = (kind: "genuine" | "impostor", isModel: boolean, words: string): HTMLElement =>
      h(
        "li",
        {},
        h("span", {
          class: `facenet-swatch facenet-series-${kind}${isModel ? " facenet-swatch-line" : ""}`,
          "aria-hidden": "true",
        }),
        words,
      );
    fill(
      this.element,
      this.#kindChoice(),
      this.#summary,
      h(
        "ul",
        { class: "facenet-legend" },
        own.genuinePairs > 0 &&
          legend("genuine", false, t("calibrate.genuine", { pairs: count("pair", own.genuinePairs) })),
        own.impostorPairs > 0 &&
          legend("impostor", false, t("calibrate.impostor", { pairs: count("pair", own.impostorPairs) })),
        model !== null && legend("genuine", true, t("calibrate.model-genuine")),
        model !== null && legend("impostor", true, t("calibrate.model-impostor")),
      ),
      this.#plot,
      h("div", { class: "facenet-slider" }, this.#slider),
      h(
        "div",
        { class: "facenet-threshold-row" },
        h("label", { for: this.#number.id }, t("calibrate.threshold")),
        this.#number,
      ),
      this.#rates,
      this.#said,
      h("h3", {}, t("calibrate.wanted-title")),
      h(
        "label",
        { class: "facenet-wanted" },
        t("calibrate.wanted"),
        select(
          WANTED.map((rate) => ({ value: String(rate), label: oneIn(rate) })),
          String(this.#wantedFmr),
          (value) => {
            this.#wantedFmr = Number(value);
            void this.#askAgain();
          },
        ),
      ),
      this.#suggestion,
      this.#kind === "cohort" && this.#wantedTau(),
      h("h3", {}, t("calibrate.nodes")),
      this.#nodes,
      this.#done,
      h("h3", {}, t("calibrate.nearest")),
      this.#near,
      h("h3", {}, t("calibrate.outliers")),
      this.#asOf,
      this.#outliers,
      this.#kind === "cohort" && this.#trial.element,
    );
    this.#draw(measured);
    this.#showThreshold();
    this.#showMeasured(measured);
  }

  /** Which distance is measured; nothing to choose where the model has no cohort. */
  #kindChoice(): HTMLElement | null {
    if (this.#host.gallery.cohortThreshold === null) return null;
    const kinds: readonly DistanceKind[] = ["cohort", "euclidean"];
    const options = kinds.map((value) => ({ value, label: t(`calibrate.kind.${value}`) }));
    const choice = select(options, this.#kind, (value) => {
      void this.#compareBy(value === "euclidean" ? "euclidean" : "cohort");
    });
    return h("label", { class: "facenet-wanted facenet-kind" }, t("calibrate.kind.label"), choice);
  }

  async #compareBy(kind: DistanceKind): Promise<void> {
    this.#kind = kind;
    await this.#begin();
    // It was made anew.
    this.element.querySelector<HTMLElement>(".facenet-kind select")?.focus();
  }

  /** The chart, with τ in it. */
  #draw(measured: Calibration): void {
    this.#chart?.close();
    this.#range = rangeOf(measured, this.#threshold);
    const { min, max, step } = this.#range;
    Object.assign(this.#slider, { min: String(min), max: String(max), step: String(step) });
    const label = t(`calibrate.axis.${this.#kind}`);
    this.#chart = new Chart(measured, this.#range, this.#threshold, { colours: this.element, label });
    fill(this.#plot, this.#chart.element);
  }

  #slide(threshold: number): void {
    const smallest = this.#kind === "euclidean" ? (this.#range?.step ?? 0) : -LARGEST_THRESHOLD;
    this.#set(Math.max(threshold, smallest));
  }

  #type(): void {
    const text = this.#number.value.trim().replace(",", ".").replace("−", "-");
    const threshold = text === "" ? Number.NaN : Number(text);
    // Only d' may be below 0.
    const isPossible = Math.abs(threshold) <= LARGEST_THRESHOLD && (this.#kind === "cohort" || threshold > 0);
    this.#markNumber(isPossible);
    if (isPossible) this.#set(threshold);
  }

  #markNumber(isPossible: boolean): void {
    this.#number.classList.toggle("input-error", !isPossible);
    if (isPossible) this.#number.removeAttribute("aria-invalid");
    else this.#number.setAttribute("aria-invalid", "true");
  }

  #set(threshold: number): void {
    if (threshold === this.#threshold || this.#measured === undefined) return;
    this.#threshold = threshold;
    const range = this.#range;
    if (range !== undefined && (threshold > range.max || threshold < range.min)) this.#draw(this.#measured);
    this.#showThreshold();
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#tookMs < SLOW_MS) void this.#askAgain();
      else this.#announce();
    }, SETTLE_MS);
  }

  /** Only when it is set: an answer must not take away what is being typed. */
  #showThreshold(): void {
    this.#slider.value = String(this.#threshold);
    this.#number.value = String(this.#threshold);
    this.#markNumber(true);
  }

  #showMeasured(measured: Calibration): void {
    this.#showSummary(measured);
    this.#showSuggestion(measured);
    this.#show();
  }

  /** All that depends on τ as it is set. */
  #show(): void {
    const measured = this.#measured;
    if (measured === undefined) return;
    if (this.#chart !== undefined) this.#chart.threshold = this.#threshold;
    fill(this.#rates, this.#ratesTable(measured), h("p", { class: "facenet-hint" }, t("calibrate.bound-hint")));
    this.#showNodes();
    this.#showLists(measured);
    if (this.#isAsking) return;
    if (!this.#isBehind()) fill(this.#asOf);
    else if (this.#tookMs >= SLOW_MS)
      fill(
        this.#asOf,
        t("calibrate.as-of", { threshold: thresholdWords(measured.threshold) }),
        " ",
        button(t("calibrate.look-again"), () => {
          void this.#askAgain();
        }),
      );
  }

  #showSummary({
    own,
    model,
    people,
    photos,
    impostorPairs,
    comparablePhotos,
    seed,
    wantedFmr,
    pairsForWantedFmr,
  }: Calibration): void {
    const isNothing = own.genuinePairs + own.impostorPairs === 0;
    const line = (...children: readonly Child[]): HTMLElement => h("p", {}, ...children);
    fill(
      this.#summary,
      isNothing && line(t("calibrate.nothing")),
      !isNothing &&
        line(
          t(this.#kind === "cohort" ? "calibrate.measured-cohort" : "calibrate.measured", {
            people: count("person", people.counted),
            photos: count("photo", photos.counted),
            genuine: number(own.genuinePairs),
            impostor: number(own.impostorPairs),
          }),
        ),
      seed !== null &&
        line(
          t("calibrate.sampled", {
            photos: number(photos.counted),
            allPhotos: number(photos.of),
            pairs: number(impostorPairs.counted),
            allPairs: number(impostorPairs.of),
          }),
        ),
      !isNothing &&
        line(
          own.supportedFmr === null ? t("calibrate.supports-none") : supportWords(own, wantedFmr, pairsForWantedFmr),
        ),
      !isNothing && comparablePhotos === 0 && line(t("calibrate.one-photo-each")),
      model !== null &&
        line(
          t("calibrate.model-measured", {
            model: model.model,
            people: count("person", model.people),
            photos: count("photo", model.photos),
            genuine: number(model.genuinePairs),
            impostor: number(model.impostorPairs),
          }),
        ),
    );
  }

  #ratesTable({ own, model, now, threshold, people }: Calibration): HTMLElement {
    const isCohort = this.#kind === "cohort";
    // Exact where it was measured for this very τ; else as far as the bins tell.
    const columns = [
      { label: t("calibrate.own"), point: threshold === this.#threshold ? now : pointAt(own, this.#threshold) },
      ...(model === null ? [] : [{ label: t("calibrate.model"), point: pointAt(model, this.#threshold) }]),
    ];
    const row = (
      name: "fmr" | "fnmr" | "fpir",
      hint: string,
      cell: (point: CurvePoint | undefined) => readonly Child[],
    ): HTMLElement =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, t(`calibrate.${name}`), h("div", { class: "facenet-hint" }, hint)),
        ...columns.map(({ label, point }) => h("td", { "data-label": label }, ...cell(point))),
      );
    return h(
      "table",
      { class: "facenet-rates" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("calibrate.at", { threshold: thresholdWords(this.#threshold) })),
          ...columns.map(({ label }) => h("th", { scope: "col" }, label)),
        ),
      ),
      h(
        "tbody",
        {},
        row("fmr", t(isCohort ? "calibrate.fmr-hint-cohort" : "calibrate.fmr-hint"), (point) =>
          pairsCell(point?.fmr ?? null),
        ),
        row("fnmr", t(isCohort ? "calibrate.fnmr-hint-cohort" : "calibrate.fnmr-hint"), (point) =>
          pairsCell(point?.fnmr ?? null),
        ),
        people.of > 0 &&
          row("fpir", t("calibrate.fpir-hint", { people: count("person", people.of) }), (point) => {
            const fpir = point?.fpir ?? null;
            return fpir === null ? [t("calibrate.no-pairs")] : rateCell(fpir.share, fpir.high);
          }),
      ),
    );
  }

  /** τ that nodes take by themselves where they are told what is wanted of strangers, and why. */
  #wantedTau(): HTMLElement | null {
    const { wanted } = this.#host.gallery;
    if (wanted == null) return null;
    const { threshold, people, photos, strangers } = wanted;
    const range =
      photos.least === photos.most ? count("photo", photos.least) : `${photos.least} – ${count("photo", photos.most)}`;
    const why = t("calibrate.wanted-why", {
      share: inShare(wanted.wanted),
      people: count("person", people),
      photos: range,
      named: inShare(strangers.share),
      high: inShareAtMost(strangers.high),
    });
    return h(
      "div",
      { class: "facenet-suggestion facenet-wanted-tau" },
      h(
        "div",
        {},
        h("strong", {}, t("calibrate.suggested", { threshold: thresholdWords(threshold) })),
        h("div", {}, sentences(why, whoDecides(wanted))),
      ),
      button(t("calibrate.use"), () => {
        this.#set(threshold);
      }),
    );
  }

  #showSuggestion({ suggestion, wantedFmr }: Calibration): void {
    if (suggestion === null) {
      fill(this.#suggestion, h("p", { class: "facenet-hint" }, t("calibrate.no-suggestion")));
      return;
    }
    const { threshold, from, supported, fmr, fnmr } = suggestion;
    const rates = [
      t("calibrate.rate-of", { name: "FMR", rate: t("calibrate.at-most", { rate: inShareAtMost(fmr.high) }) }),
      ...(fnmr === null
        ? []
        : [
            t("calibrate.rate-of", {
              name: "FNMR",
              rate: fnmr.hits === 0 ? t("calibrate.none-seen") : inShare(fnmr.share),
            }),
          ]),
    ];
    const use = button(
      t("calibrate.use"),
      () => {
        this.#set(threshold);
      },
      { class: "facenet-use" },
    );
    const block = h(
      "div",
      { class: "facenet-suggestion" },
      h(
        "div",
        {},
        h("strong", {}, t("calibrate.suggested", { threshold: thresholdWords(threshold) })),
        h("div", {}, t(from === "own" ? "calibrate.from-own" : "calibrate.from-model")),
        h("div", { class: "facenet-hint" }, rates.join(" · ")),
        !supported &&
          h(
            "div",
            { class: "facenet-hint" },
            t("calibrate.unsupported", { rate: oneIn(wantedFmr), supported: oneInAtMost(fmr.high) }),
          ),
      ),
      use,
    );
    const focused = this.#suggestion.contains(document.activeElement);
    fill(this.#suggestion, block);
    if (focused) use.focus();
  }

  #showNodes(): void {
    if (this.#measured === undefined) return;
    const nodes = matchNodesOf(this.#host.gallery, this.#kind);
    if (nodes.length === 0) {
      fill(this.#nodes, h("p", { class: "facenet-hint" }, t(`calibrate.no-nodes.${this.#kind}`)));
      return;
    }
    const ticked = (node: MatchNode): boolean => !node.isLocked && (this.#ticks.get(node.id) ?? !node.isVariable);
    const chosen = nodes.filter(ticked);
    const canBeSet = this.#threshold > 0;
    const apply = button(
      chosen.length === 0
        ? t("calibrate.apply")
        : t("calibrate.apply-to", { threshold: thresholdWords(this.#threshold), nodes: count("node", chosen.length) }),
      () => {
        this.#apply(new Set(chosen.map(({ id }) => id)));
      },
      { class: "primary facenet-apply", disabled: chosen.length === 0 || !canBeSet },
    );
    const undo =
      this.#step?.isLast() === true
        ? button(
            t("calibrate.undo"),
            () => {
              this.#undo();
            },
            { icon: "undo", class: "facenet-undo" },
          )
        : null;
    const row = (node: MatchNode): HTMLElement => {
      const { id, name, isLocked } = node;
      const box = h("input", {
        type: "checkbox",
        id: `facenet-calibrate-node-${id}`,
        disabled: isLocked,
        change: () => {
          this.#ticks.set(id, box.checked);
          this.#showNodes();
        },
      });
      box.checked = ticked(node);
      box.setAttribute("aria-describedby", `${box.id}-now`);
      return h(
        "li",
        {},
        box,
        h("label", { for: box.id }, name),
        h("span", { class: "facenet-hint", id: `${box.id}-now` }, nodeWords(node)),
      );
    };
    const focused = this.#nodes.contains(document.activeElement) ? document.activeElement : null;
    fill(
      this.#nodes,
      h("ul", { class: "facenet-nodes" }, ...nodes.map(row)),
      !canBeSet && h("p", { class: "facenet-hint" }, t("calibrate.not-positive")),
      h("div", { class: "facenet-card-buttons" }, apply, undo),
    );
    if (focused === null) return;
    // What had the focus is made anew; where it is gone, the button beside it.
    if (focused.id !== "") document.getElementById(focused.id)?.focus();
    else (focused.classList.contains("facenet-undo") ? (undo ?? apply) : apply).focus();
  }

  #apply(ids: ReadonlySet<string>): void {
    const step = putThreshold(this.#host.gallery.id, ids, this.#threshold);
    if (step === undefined) {
      this.#done.textContent = t("calibrate.unchanged");
      return;
    }
    this.#step = step;
    this.#showNodes();
    this.#done.textContent = t("calibrate.applied", {
      threshold: thresholdWords(this.#threshold),
      nodes: count("node", step.nodes),
    });
    this.#done.scrollIntoView({ block: "nearest" });
  }

  #undo(): void {
    this.#step?.undo();
    this.#step = undefined;
    this.#showNodes();
    this.#done.textContent = t("calibrate.undone");
  }

  /** People and photos; those who are too near are so by τ as it is set. */
  #showLists({ nearest, outliers, outlierCount }: Calibration): void {
    const threshold = this.#threshold;
    const listed = JSON.stringify([nearest.map((pair) => [pair, pair.distance <= threshold]), outliers, outlierCount]);
    if (listed === this.#listed) return;
    this.#listed = listed;
    const focused = this.element.contains(document.activeElement)
      ? document.activeElement?.getAttribute("data-key")
      : null;
    release(this.#near);
    release(this.#outliers);
    const pairs = nearest.map(({ distance, a, b }) => {
      const isTooNear = distance <= threshold;
      const words = t(isTooNear ? "calibrate.too-near" : "calibrate.apart", { distance: inWords(distance) });
      return h(
        "li",
        { class: isTooNear ? "facenet-too-near" : undefined },
        this.#picture(a),
        this.#picture(b),
        h(
          "div",
          { class: "facenet-near-text" },
          this.#link(a, `pair ${b.personId}`),
          h("br"),
          this.#link(b, `pair ${a.personId}`),
          h("div", {}, words),
        ),
      );
    });
    fill(
      this.#near,
      pairs.length === 0
        ? h("p", { class: "facenet-hint" }, t("calibrate.nearest-none"))
        : h("ul", { class: "facenet-near" }, ...pairs),
    );
    const more = outlierCount - outliers.length;
    fill(
      this.#outliers,
      outlierCount === 0
        ? h("p", { class: "facenet-hint" }, t("calibrate.outliers-none"))
        : h("ul", { class: "facenet-near" }, ...outliers.map((outlier) => this.#outlier(outlier))),
      more > 0 && h("p", { class: "facenet-hint" }, t("calibrate.outliers-more", { number: number(more) })),
    );
    if (focused != null) this.element.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #outlier({ photo, codes, own, other }: Outlier): HTMLElement {
    const reasons = codes.map((code) =>
      h(
        "div",
        {},
        t(`calibrate.outlier.${code}`, {
          own: inWords(own),
          other: other?.photo.name ?? "",
          distance: other === null ? "" : inWords(other.distance),
        }),
      ),
    );
    return h(
      "li",
      {},
      this.#picture(photo),
      other !== null && this.#picture(other.photo),
      h("div", { class: "facenet-near-text" }, this.#link(photo, `photo ${photo.photoId}`), ...reasons),
    );
  }

  #picture({ personId, photoId, name }: PhotoOf): HTMLElement {
    const { id, keepPhotos } = this.#host.gallery;
    return picture(keepPhotos ? pathOf(id, "people", personId, "photos", photoId, "thumbnail") : null, {
      alt: name,
      class: "facenet-near-picture",
    });
  }

  /** @param key tells it from others that lead to the same person */
  #link({ personId, name }: PhotoOf, key: string): HTMLElement {
    return h(
      "button",
      {
        type: "button",
        class: "facenet-link",
        title: t("calibrate.open", { name }),
        "data-key": `${personId} ${key}`,
        click: () => {
          this.#host.openPerson(personId);
        },
      },
      name,
    );
  }

  /** Tell a screen reader what the table says. */
  #announce(): void {
    const measured = this.#measured;
    if (measured === undefined) return;
    const { now, threshold, own, model } = measured;
    const ownPoint = threshold === this.#threshold ? now : pointAt(own, this.#threshold);
    const point = ownPoint?.fmr == null && model !== null ? pointAt(model, this.#threshold) : ownPoint;
    const rates = (["fmr", "fnmr"] as const).flatMap((name) => {
      const rate = point?.[name];
      return rate == null
        ? []
        : [
            t("calibrate.rate-of", {
              name: name.toUpperCase(),
              rate: rate.hits === 0 ? t("calibrate.none-seen") : inShare(rate.share),
            }),
          ];
    });
    const at = t("calibrate.at", { threshold: thresholdWords(this.#threshold) });
    this.#said.textContent = [at, ...rates].join(" · ");
  }
}

/** τ that the nodes have, where they have one and the same; else undefined, for the model's. */
function thresholdOf(nodes: readonly MatchNode[]): number | undefined {
  const values = new Set(
    nodes.filter(({ isVariable, isWanted }) => !isVariable && !isWanted).map(({ threshold }) => Number(threshold)),
  );
  const [value = 0] = values;
  return values.size === 1 && value > 0 && value <= LARGEST_THRESHOLD ? value : undefined;
}

/** The first point that is not below τ: false matches are not understated. */
function pointAt({ curve }: Distances, threshold: number): CurvePoint | undefined {
  return curve.find((point) => point.threshold >= threshold - 1e-9) ?? curve.at(-1);
}

function supportWords({ supportedFmr, impostorPairs }: Distances, wanted: number, needed: number): string {
  const words = { pairs: count("pair", impostorPairs), rate: oneInAtMost(supportedFmr ?? 1) };
  return impostorPairs >= needed
    ? t("calibrate.supports", words)
    : t("calibrate.supports-not", { ...words, wanted: oneIn(wanted), needed: count("pair", needed) });
}

function pairsCell(rate: { hits: number; total: number; share: number; high: number } | null): readonly Child[] {
  if (rate === null) return [t("calibrate.no-pairs")];
  const pairs = count("pair", rate.total);
  return [
    ...rateCell(rate.share, rate.high),
    h(
      "div",
      { class: "facenet-hint" },
      rate.hits === 0
        ? t("calibrate.none-of", { pairs })
        : t("calibrate.some-of", { number: number(rate.hits), pairs }),
    ),
  ];
}

function rateCell(share: number, high: number): readonly Child[] {
  return [
    h("div", { class: "facenet-rate" }, share === 0 ? t("calibrate.none-seen") : inShare(share)),
    h("div", { class: "facenet-hint" }, t("calibrate.at-most", { rate: inShareAtMost(high) })),
  ];
}

function nodeWords({ threshold, isVariable, isWanted, isLocked }: MatchNode): string {
  if (isLocked) return t("calibrate.node-locked");
  if (isWanted) return t("calibrate.node-wanted");
  if (isVariable) return t("calibrate.node-variable", { variable: threshold });
  return threshold === "" ? t("calibrate.node-model") : t("calibrate.node-now", { threshold });
}

/** τ, as exactly as it was set. */
function thresholdWords(threshold: number): string {
  return new Intl.NumberFormat(RED.i18n.lang(), { minimumFractionDigits: DIGITS, maximumFractionDigits: 6 }).format(
    threshold,
  );
}

/** A distance. */
function inWords(distance: number): string {
  return number(distance, DIGITS);
}

/** A share in percent, or as one in so many where percents get too small to read. */
function inShare(share: number, roundingMode: "halfExpand" | "ceil" = "halfExpand"): string {
  const READABLE = 0.0001;
  if (share > 0 && share < READABLE) return roundingMode === "ceil" ? oneInAtMost(share) : oneIn(share);
  return percent(share, {
    ...(share < 0.1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 1 }),
    roundingMode,
  });
}

/** What a share is at most: never told smaller than it is. */
function inShareAtMost(share: number): string {
  return inShare(share, "ceil");
}

function oneIn(share: number): string {
  return t("calibrate.one-in", { number: number(1 / share) });
}

/** One in fewer is the larger share. */
function oneInAtMost(share: number): string {
  return t("calibrate.one-in", { number: number(Math.floor(exact(1 / share))) });
}
