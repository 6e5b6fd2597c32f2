/** "How well does it work?": the gallery tried on its own photos and strangers, and what would make it work better. */
import type { Share } from "../lib/calibrate/statistics";
import type { ConfusedPeople, GalleryWorks, Proposal, Works } from "../lib/calibrate/keep";
import type { PhotoOf } from "../lib/calibrate/calibration";
import type { MovedAnswer } from "../api/answers";
import type { PhotoEntry } from "../lib/search/entries";
import { getJson, pathOf, send } from "./api.js";
import { button, type Child, failed, fill, h, liveLine, loading, mayWrite } from "./dom.js";
import { count, errorMessage, number, percent, sentences, t, usedAgainWords } from "./words.js";

/** What it needs of the view around it. */
export interface TrialHost {
  readonly gallery: string;
  /** τ of d' as it is set. */
  threshold(): number;
  picture(photo: PhotoOf): HTMLElement;
  /** @param key tells it from others that lead to the same person */
  link(photo: PhotoOf, key: string): HTMLElement;
}

/** Decimals of a distance. */
const DIGITS = 2;
const OUTCOMES = ["right", "wrong", "nobody", "strangersNamed"] as const satisfies readonly (keyof Works)[];

export class TrialView {
  readonly element = h("div", { class: "facenet-trial" });
  readonly #host: TrialHost;
  readonly #stop: AbortSignal;
  readonly #result = h("div", {});
  readonly #said = liveLine();

  constructor(host: TrialHost, stop: AbortSignal) {
    this.#host = host;
    this.#stop = stop;
    const start = button(
      t("trial.start"),
      () => {
        void this.#try();
      },
      { class: "facenet-try" },
    );
    fill(
      this.element,
      h("h3", {}, t("trial.title")),
      h("p", { class: "facenet-hint" }, t("trial.what")),
      h("div", { class: "facenet-card-buttons" }, start),
      this.#said,
      this.#result,
    );
  }

  async #try(): Promise<void> {
    fill(this.#result, loading());
    try {
      const query = new URLSearchParams({ threshold: String(this.#host.threshold()) });
      const path = `${pathOf(this.#host.gallery, "trial")}?${query.toString()}`;
      const tried = await getJson<GalleryWorks>(path, this.#stop);
      this.#show(tried);
      this.#said.textContent = t("trial.done", { threshold: number(tried.threshold, DIGITS) });
    } catch (error) {
      if (this.#stop.aborted) return;
      fill(
        this.#result,
        failed(error, () => {
          void this.#try();
        }),
      );
    }
  }

  #show({ now, untested, people, photos, proposals, together, pairs }: GalleryWorks): void {
    const list = (items: readonly HTMLElement[], none: string): HTMLElement =>
      items.length === 0 ? h("p", { class: "facenet-hint" }, none) : h("ul", { class: "facenet-near" }, ...items);
    const isSample = photos.counted < photos.of;
    const sample = { photos: number(photos.counted), all: number(photos.of) };
    fill(
      this.#result,
      isSample && h("p", {}, t("trial.sampled", sample)),
      now.right === null && h("p", {}, t("trial.nothing")),
      untested > 0 && people.of > 0 && h("p", {}, t("trial.untested", { people: count("person", untested) })),
      effectTable([{ label: t("trial.now"), works: now }]),
      h("p", { class: "facenet-hint" }, t("trial.strangers-hint")),
      h("h3", {}, t("trial.pairs")),
      list(
        pairs.map((pair) => this.#pair(pair)),
        t("trial.pairs-none"),
      ),
      h("h3", {}, t("trial.proposals")),
      list(
        proposals.map((proposal) => this.#proposal(proposal)),
        t("trial.proposals-none"),
      ),
      together !== null && h("p", {}, t("trial.together", { photos: count("photo", proposals.length) })),
      together !== null &&
        effectTable([
          { label: t("trial.before"), works: together.before },
          { label: t("trial.after"), works: together.after },
        ]),
    );
  }

  #pair({ a, b, distance, confused, advice }: ConfusedPeople): HTMLElement {
    return h(
      "li",
      {},
      this.#host.picture(a),
      this.#host.picture(b),
      h(
        "div",
        { class: "facenet-near-text" },
        this.#host.link(a, `trial ${b.personId}`),
        h("br"),
        this.#host.link(b, `trial ${a.personId}`),
        h("div", {}, t("trial.pair", { distance: number(distance, DIGITS), photos: count("photo", confused) })),
        h("ul", { class: "facenet-advice" }, ...advice.map((each) => h("li", {}, t(`trial.advice.${each}`)))),
      ),
    );
  }

  #proposal({ photo, why, beside, before, after }: Proposal): HTMLElement {
    const other = beside === null ? "" : beside.name;
    // Where it is now: moving it gives it another id.
    const place = { ...photo };
    const reason = why === "confusing" && beside === null ? "far" : why;
    const changes = OUTCOMES.flatMap((outcome) => {
      const [was, is] = [before[outcome], after[outcome]];
      if (was === null || is === null || was.hits === is.hits) return [];
      return [t("trial.change", { what: t(`trial.outcome.${outcome}`), before: ofAll(was), after: ofAll(is) })];
    });
    return h(
      "li",
      {},
      this.#host.picture(photo),
      beside !== null && this.#host.picture(beside),
      h(
        "div",
        { class: "facenet-near-text" },
        this.#host.link(photo, `trial ${photo.photoId}`),
        h("div", {}, t(`trial.why.${reason}`, { other })),
        ...(changes.length === 0 ? [t("trial.same")] : changes).map((each) =>
          h("div", { class: "facenet-hint" }, each),
        ),
        mayWrite() &&
          h(
            "div",
            { class: "facenet-card-buttons" },
            why === "confusing" && beside !== null && this.#mover(photo, beside, place),
            this.#leaver(place),
          ),
      ),
    );
  }

  /** One click gives the photo to the person whom it resembles; the next takes it back. */
  #mover(photo: PhotoOf, to: PhotoOf, place: PhotoOf): HTMLElement {
    let [from, at, id] = [photo.personId, to.personId, photo.photoId];
    let isMoved = false;
    const words = (): string =>
      isMoved ? t("trial.move-back", { name: photo.name }) : t("trial.move", { name: to.name });
    const mover = button(words(), () => {
      void (async (): Promise<void> => {
        mover.disabled = true;
        try {
          const path = pathOf(this.#host.gallery, "people", from, "photos", "move");
          const { photos, usedAgain } = await send<MovedAnswer>("POST", path, { photos: [id], to: { id: at } });
          [from, at, id] = [at, from, photos[0]?.id ?? id];
          Object.assign(place, { personId: from, photoId: id });
          isMoved = !isMoved;
          this.#said.textContent = sentences(
            isMoved ? t("trial.moved", { name: to.name }) : t("trial.moved-back"),
            usedAgainWords(usedAgain, isMoved ? to.name : photo.name),
          );
        } catch (error) {
          this.#said.textContent = errorMessage(error);
        }
        mover.disabled = false;
        mover.textContent = words();
        mover.focus();
      })();
    });
    return mover;
  }

  /** One click leaves the photo out of recognition; the next uses it again. */
  #leaver(place: PhotoOf): HTMLElement {
    let isOut = false;
    const words = (): string => t(isOut ? "photo.again" : "photo.leave-out");
    const leaver = button(
      words(),
      () => {
        void (async (): Promise<void> => {
          leaver.disabled = true;
          try {
            const path = pathOf(this.#host.gallery, "people", place.personId, "photos", place.photoId);
            ({ out: isOut } = await send<PhotoEntry>("PATCH", path, { out: !isOut }));
            this.#said.textContent = t(isOut ? "trial.left-out" : "trial.used-again", { name: place.name });
          } catch (error) {
            this.#said.textContent = errorMessage(error);
          }
          leaver.disabled = false;
          leaver.textContent = words();
          leaver.focus();
        })();
      },
      { class: "facenet-leave-out" },
    );
    return leaver;
  }
}

function effectTable(columns: readonly { label: string; works: Works }[]): HTMLElement {
  const row = (outcome: (typeof OUTCOMES)[number]): HTMLElement =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, t(`trial.outcome.${outcome}`)),
      ...columns.map(({ label, works }) => h("td", { "data-label": label }, ...cell(works[outcome]))),
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
        h("th", { scope: "col" }, t("trial.outcomes")),
        ...columns.map(({ label }) => h("th", { scope: "col" }, label)),
      ),
    ),
    h("tbody", {}, ...OUTCOMES.map(row)),
  );
}

function cell(share: Share | null): readonly Child[] {
  if (share === null) return [t("trial.none")];
  const end = (value: number, roundingMode: "floor" | "ceil"): string =>
    percent(value, { maximumFractionDigits: 1, roundingMode });
  return [
    h("div", { class: "facenet-rate" }, ofAll(share)),
    h(
      "div",
      { class: "facenet-hint" },
      t("trial.interval", { low: end(share.low, "floor"), high: end(share.high, "ceil") }),
    ),
  ];
}

function ofAll({ hits, total }: Share): string {
  return t("trial.of", { number: number(hits), all: number(total) });
}
