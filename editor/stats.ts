/**
 * How the recognizer does: frames a second, dropped frames and milliseconds by stage for each source. Asks only while
 * it is shown.
 */
import type { SourceStats } from "../lib/observe/metrics";
import { getJson, statsPath } from "./api.js";
import { fill, h } from "./dom.js";
import { sourceName } from "./nodes.js";
import { labelled, t } from "./words.js";

const INTERVAL_MS = 2000;
const STAGES = ["decode", "detect", "align", "embed", "match", "total"] as const;

export class Stats {
  readonly element = h("div", { class: "facenet-stats" });
  #timer: ReturnType<typeof setInterval> | undefined;

  start(): void {
    this.stop();
    const look = (): void => {
      void this.#look();
    };
    look();
    this.#timer = setInterval(look, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    // The picture above tells when the server is out of reach.
    const sources = await getJson<SourceStats[]>(statsPath).catch(() => undefined);
    if (sources === undefined || this.#timer === undefined) return;
    fill(this.element, ...(sources.length === 0 ? [] : [h("h3", {}, t("stats.title")), ...sources.map(tableOf)]));
  }
}

function tableOf({ source, frames, dropped, fps, timing }: SourceStats): HTMLElement {
  const cell = (number: number | undefined, digits = 0): string =>
    number === undefined ? "–" : number.toFixed(digits);
  return h(
    "table",
    {},
    h(
      "caption",
      {},
      labelled(
        sourceName(source),
        t("stats.rate", { fps: fps.toFixed(1), frames: frames.toLocaleString(), dropped: dropped.toLocaleString() }),
      ),
    ),
    // A line for each: a narrow sidebar has no room for them side by side.
    h(
      "tbody",
      {},
      ...STAGES.map((stage) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, t(`stats.${stage}`)),
          h("td", {}, cell(timing[stage], stage === "match" ? 1 : 0)),
        ),
      ),
    ),
  );
}
