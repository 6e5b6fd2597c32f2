/** Histograms of the distances of genuine and impostor pairs, with τ drawn across. */
import type { Distances } from "../lib/calibrate/calibration";
import { h } from "./dom.js";
import uPlot from "./vendor/uPlot.js";
import { percent, t } from "./words.js";

/** Pixels. The slider below the chart is laid out by the same numbers, in sidebar.css. */
const LEFT = 44;
const RIGHT = 12;
const HEIGHT = 220;
/** Of what is between a line and the axis. */
const FILL_ALPHA = 0.3;
const DASHES = [5, 3];
/** An edge of a bin is the same number in two histograms, whatever was rounded on its way. */
const DIGITS = 1e6;

export interface Range {
  min: number;
  max: number;
  /** Width of a bin. */
  step: number;
}

/** Own pairs, and the model's; the latter are null where nothing is known of it. */
export interface ChartData {
  own: Distances;
  model: Distances | null;
}

export interface Look {
  /** An element whose custom properties name them. */
  colours: HTMLElement;
  /** Of the axis of distances. */
  label: string;
}

const round = (value: number): number => Math.round(value * DIGITS) / DIGITS;

/** From where to where distances reach, with τ inside. */
export function rangeOf({ own, model }: ChartData, threshold: number): Range {
  const edges = [own, model].flatMap((distances) => distances?.curve.map((point) => point.threshold) ?? []);
  const [first = 0, second = 0.01] = (model === null || own.curve.length > model.curve.length ? own : model).curve.map(
    (point) => point.threshold,
  );
  const step = round(second - first);
  const highest = Math.max(...edges, threshold);
  const lowest = round(Math.floor(threshold / step + 1e-6) * step);
  return { min: Math.min(...edges, first, lowest), max: round(Math.ceil(highest / step - 1e-6) * step), step };
}

/** Shares of the pairs by the lower edge of their bin: ten pairs and ten thousand are drawn at one height. */
function sharesOf(distances: Distances, kind: "genuine" | "impostor"): Map<number, number> {
  const pairs = kind === "genuine" ? distances.genuinePairs : distances.impostorPairs;
  // The curve begins at the first bin's lower edge.
  return new Map(
    distances[kind].map((count, bin) => [
      round(distances.curve[bin]?.threshold ?? 0),
      pairs === 0 ? 0 : count / pairs,
    ]),
  );
}

export class Chart {
  readonly element: HTMLElement;
  readonly #plot: uPlot;
  readonly #observer: ResizeObserver;
  #threshold: number;

  constructor({ own, model }: ChartData, { min, max, step }: Range, threshold: number, { colours, label }: Look) {
    this.#threshold = threshold;
    this.element = h("div", { class: "facenet-chart", role: "img", "aria-label": t("calibrate.chart-alt") });
    const edges = Array.from({ length: Math.round((max - min) / step) + 1 }, (_, index) => round(min + index * step));
    const colour = (name: string): string => getComputedStyle(colours).getPropertyValue(name).trim();
    const text = (): string => colour("--red-ui-primary-text-color");
    const grid = { stroke: () => colour("--red-ui-secondary-border-color"), width: 1 };
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const lines = [
      { distances: own, kind: "genuine", isModel: false },
      { distances: own, kind: "impostor", isModel: false },
      { distances: model, kind: "genuine", isModel: true },
      { distances: model, kind: "impostor", isModel: true },
    ] as const;
    const drawn = lines.flatMap(({ distances, kind, isModel }) =>
      distances === null || distances[kind].length === 0 ? [] : [{ shares: sharesOf(distances, kind), kind, isModel }],
    );
    const series = drawn.map(({ kind, isModel }): uPlot.Series => {
      const stroke = (): string => colour(`--facenet-${kind}`);
      return {
        stroke,
        width: 1.5,
        points: { show: false },
        ...(stepped === undefined ? {} : { paths: stepped }),
        ...(isModel ? { dash: DASHES } : { fill: () => transparent(stroke()) }),
      };
    });
    this.#plot = new uPlot(
      {
        width: 400,
        height: HEIGHT,
        padding: [8, RIGHT, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [min, max] },
          y: { range: (_, __, highest) => [0, (highest > 0 ? highest : 1) * 1.05] },
        },
        axes: [
          { stroke: text, grid, ticks: grid, label, labelSize: 20, size: 30 },
          {
            stroke: text,
            grid,
            ticks: grid,
            size: LEFT,
            values: (_, values) => values.map((value) => percent(value, { maximumFractionDigits: 1 })),
          },
        ],
        series: [{}, ...series],
        hooks: {
          draw: [
            (plot) => {
              this.#drawThreshold(plot, text());
            },
          ],
        },
      },
      [edges, ...drawn.map(({ shares }) => edges.map((edge) => shares.get(edge) ?? 0))],
      this.element,
    );
    this.#observer = new ResizeObserver(() => {
      this.#fit();
    });
    this.#observer.observe(this.element);
  }

  set threshold(threshold: number) {
    this.#threshold = threshold;
    this.#plot.redraw(false);
  }

  close(): void {
    this.#observer.disconnect();
    this.#plot.destroy();
  }

  #fit(): void {
    const width = this.element.clientWidth;
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  #drawThreshold(plot: uPlot, colour: string): void {
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.#threshold, "x", true));
    ctx.save();
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.setLineDash([]);
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = `${13 * devicePixelRatio}px sans-serif`;
    ctx.textBaseline = "top";
    // On the side that has room.
    const isLeft = x > bbox.left + bbox.width / 2;
    ctx.textAlign = isLeft ? "right" : "left";
    ctx.fillText("τ", x + (isLeft ? -6 : 6) * devicePixelRatio, bbox.top);
    ctx.restore();
  }
}

/** The same colour, seen through. */
function transparent(colour: string): string {
  return `color-mix(in srgb, ${colour} ${FILL_ALPHA * 100}%, transparent)`;
}
