/** A line chart as SVG: enough for the curves of the benchmarks. */

export interface Series {
  label: string;
  points: readonly { x: number; y: number }[];
}

export interface Axis {
  label: string;
  log?: boolean;
  /** Ends of the axis; default the ends of the data. */
  from?: number;
  to?: number;
  /** How a tick is written. */
  format?: (value: number) => string;
}

export interface Chart {
  title: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

const WIDTH = 640;
const HEIGHT = 420;
const MARGIN = { left: 70, right: 20, top: 40, bottom: 56 };
/** Okabe and Ito's colours, which colour-blind people tell apart. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const TICKS = 6;

interface Scale {
  place(value: number): number;
  ticks: number[];
}

function scaleOf(axis: Axis, values: readonly number[], low: number, high: number): Scale {
  const shown = values.filter((value) => Number.isFinite(value) && (axis.log !== true || value > 0));
  const from = axis.from ?? Math.min(...shown);
  const to = axis.to ?? Math.max(...shown);
  const bend = axis.log === true ? Math.log10 : (value: number): number => value;
  const [start, end] = [bend(from), bend(to)];
  const span = end - start || 1;
  return { place: (value) => low + ((bend(Math.min(Math.max(value, from), to)) - start) / span) * (high - low), ticks: axis.log === true ? decades(from, to) : even(from, to) };
}

function decades(from: number, to: number): number[] {
  const first = Math.ceil(Math.log10(from) - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(Math.log10(to) + 1e-9) - first + 1) }, (_, index) => 10 ** (first + index));
}

function even(from: number, to: number): number[] {
  const raw = (to - from) / TICKS || 1;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * magnitude >= raw) as number) * magnitude;
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step);
}

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const short = (value: number): string => String(Number(value.toPrecision(3)));
const round = (value: number): string => value.toFixed(1);

export function lineChart({ title, x, y, series }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const across = scaleOf(x, all.map((point) => point.x), MARGIN.left, WIDTH - MARGIN.right);
  const up = scaleOf(y, all.map((point) => point.y), HEIGHT - MARGIN.bottom, MARGIN.top);
  const label = (axis: Axis, value: number): string => escape((axis.format ?? short)(value));
  const middle = (MARGIN.left + WIDTH - MARGIN.right) / 2;
  const parts = [
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${middle}" y="24" text-anchor="middle" font-size="15">${escape(title)}</text>`,
    ...across.ticks.flatMap((tick) => [`<path d="M${round(across.place(tick))} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}" stroke="#ddd"/>`, `<text x="${round(across.place(tick))}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${label(x, tick)}</text>`]),
    ...up.ticks.flatMap((tick) => [`<path d="M${MARGIN.left} ${round(up.place(tick))}H${WIDTH - MARGIN.right}" stroke="#ddd"/>`, `<text x="${MARGIN.left - 6}" y="${round(up.place(tick) + 4)}" text-anchor="end">${label(y, tick)}</text>`]),
    `<text x="${middle}" y="${HEIGHT - 14}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(16 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    `<path d="M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#333"/>`,
  ];
  series.forEach(({ label: name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] as string;
    const shown = points.filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y) && (x.log !== true || point.x > 0) && (y.log !== true || point.y > 0));
    parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${shown.map((point) => `${round(across.place(point.x))},${round(up.place(point.y))}`).join(" ")}"/>`);
    if (series.length > 1) parts.push(`<path d="M${MARGIN.left + 12} ${MARGIN.top + 14 + 18 * index}h22" stroke="${colour}" stroke-width="2"/>`, `<text x="${MARGIN.left + 40}" y="${MARGIN.top + 18 + 18 * index}">${escape(name)}</text>`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">\n${parts.join("\n")}\n</svg>\n`;
}
