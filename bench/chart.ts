/** Line charts as SVG, drawn by ECharts on the server's side: the curves of the benchmarks. */
import { init } from "echarts";

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

const SIZE = { width: 640, height: 420 };
/** Okabe and Ito's colours, which colour-blind people tell apart. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const TEXT = "#333";

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** @param round whether the scale ends at a round number beyond the data */
function axisOf({ label, log = false, from, to, format = short }: Axis, gap: number, round: boolean): object {
  return {
    type: log ? "log" : "value",
    name: label,
    nameLocation: "middle",
    nameGap: gap,
    nameTextStyle: { color: TEXT },
    scale: true,
    ...(round ? {} : { min: "dataMin", max: "dataMax" }),
    ...(from === undefined ? {} : { min: from }),
    ...(to === undefined ? {} : { max: to }),
    axisLabel: { color: TEXT, formatter: format, hideOverlap: true },
    axisLine: { show: true, onZero: false },
    splitLine: { show: true },
  };
}

/** A chart as SVG. Points that are not finite, and on a logarithmic axis those of 0 or less, are left out. */
export function lineChart({ title, x, y, series }: Chart): string {
  const fits = ({ log = false }: Axis, value: number): boolean => Number.isFinite(value) && (!log || value > 0);
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#fff",
      color: COLOURS,
      title: { text: title, left: "center", top: 8, textStyle: { fontSize: 15, fontWeight: "normal", color: TEXT } },
      legend: { show: series.length > 1, top: 34, textStyle: { color: TEXT } },
      grid: { left: 80, right: 36, top: series.length > 1 ? 66 : 44, bottom: 56 },
      xAxis: axisOf(x, 28, false),
      yAxis: axisOf(y, 52, true),
      series: series.map(({ label, points }) => ({
        type: "line",
        name: label,
        showSymbol: points.length < 20,
        symbol: "circle",
        data: points.filter((point) => fits(x, point.x) && fits(y, point.y)).map((point) => [point.x, point.y]),
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
