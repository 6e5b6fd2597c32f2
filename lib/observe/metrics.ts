/**
 * How the recognizer does: decisions, frames a second, dropped frames and milliseconds by stage, for people and for
 * Prometheus.
 */
import { z } from "zod";
import type { Face, Timing } from "../message";
import { countSchema } from "../validate";

const STAGES = ["decode", "detect", "align", "embed", "match", "total"] as const;
type Stage = (typeof STAGES)[number];

/** Upper bounds of the histogram's buckets, in ms: from one core's best to a picture nobody waits for. */
const BUCKETS_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 5000] as const;

/** Frames a second are counted over this time. */
const WINDOW_MS = 10_000;

/** Sources that a wrong flow may name; more are counted together. */
const MAX_SERIES = 64;
const OTHERS = "others";

interface Histogram {
  /** How many were at most as long as each bound. */
  buckets: number[];
  sum: number;
  count: number;
}

interface Series {
  source: string;
  frames: number;
  dropped: number;
  outcomes: Map<string, number>;
  stages: Map<Stage, Histogram>;
  newest: Map<Stage, number>;
  /** When the frames of the window were decided, oldest first. */
  recent: number[];
}

const milliseconds = z.number().min(0).optional();
const byStage: Record<Stage, typeof milliseconds> = {
  decode: milliseconds,
  detect: milliseconds,
  align: milliseconds,
  embed: milliseconds,
  match: milliseconds,
  total: milliseconds,
};
export const sourceStatsSchema = z
  .object({
    source: z.string(),
    frames: countSchema,
    dropped: countSchema.describe("Frames that newer ones replaced before they were looked at"),
    fps: z.number().min(0).describe("Decided a second, over the last ten seconds"),
    outcomes: z.record(z.string(), countSchema),
    timing: z.object(byStage).describe("Of the newest frame, in milliseconds by stage"),
  })
  .meta({ id: "Stats" });
/** One source as the editor shows it. */
export type SourceStats = z.infer<typeof sourceStatsSchema>;

export class Metrics {
  readonly #series = new Map<string, Series>();

  /** Count a decided frame. @param at milliseconds of a clock that is never put forward or back */
  observe(source: string, faces: readonly Face[], timing: Timing, at: number): void {
    const series = this.#seriesOf(source);
    series.frames += 1;
    series.dropped = Math.max(series.dropped, timing.dropped ?? 0);
    for (const { identity } of faces)
      if (identity !== undefined)
        series.outcomes.set(identity.outcome, (series.outcomes.get(identity.outcome) ?? 0) + 1);
    for (const stage of STAGES) {
      const ms = timing[stage];
      if (ms === undefined) continue;
      series.newest.set(stage, ms);
      add(series.stages, stage, ms);
    }
    series.recent.push(at);
    while ((series.recent[0] ?? at) <= at - WINDOW_MS) series.recent.shift();
  }

  /** @param at by the same clock */
  sources(at: number): SourceStats[] {
    return [...this.#series.values()].map(({ source, frames, dropped, outcomes, newest, recent }) => {
      const seen = recent.filter((each) => each > at - WINDOW_MS);
      const span = Math.min(WINDOW_MS, Math.max(1000, at - (seen[0] ?? at)));
      return {
        source,
        frames,
        dropped,
        fps: (1000 * seen.length) / span,
        outcomes: Object.fromEntries(outcomes),
        timing: Object.fromEntries(newest),
      };
    });
  }

  /** Prometheus' text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
  text(): string {
    const all = [...this.#series.values()];
    return [
      ...family(
        "facenet_frames_total",
        "counter",
        "Frames decided.",
        all.map(({ source, frames }) => line("facenet_frames_total", { source }, frames)),
      ),
      ...family(
        "facenet_dropped_frames_total",
        "counter",
        "Frames that newer ones replaced.",
        all.map(({ source, dropped }) => line("facenet_dropped_frames_total", { source }, dropped)),
      ),
      ...family(
        "facenet_faces_total",
        "counter",
        "Faces decided, by outcome.",
        all.flatMap(({ source, outcomes }) =>
          [...outcomes].map(([outcome, count]) => line("facenet_faces_total", { source, outcome }, count)),
        ),
      ),
      ...family(
        "facenet_stage_seconds",
        "histogram",
        "Time by stage; total is from capture to decision.",
        all.flatMap(({ source, stages }) =>
          [...stages].flatMap(([stage, histogram]) => lines({ source, stage }, histogram)),
        ),
      ),
      "",
    ].join("\n");
  }

  #seriesOf(named: string): Series {
    const source = this.#series.has(named) || this.#series.size < MAX_SERIES ? named : OTHERS;
    const series = this.#series.get(source) ?? {
      source,
      frames: 0,
      dropped: 0,
      outcomes: new Map(),
      stages: new Map(),
      newest: new Map(),
      recent: [],
    };
    this.#series.set(source, series);
    return series;
  }
}

function add(stages: Map<Stage, Histogram>, stage: Stage, ms: number): void {
  const histogram = stages.get(stage) ?? { buckets: BUCKETS_MS.map(() => 0), sum: 0, count: 0 };
  BUCKETS_MS.forEach((bound, index) => {
    if (ms <= bound) histogram.buckets[index] = (histogram.buckets[index] ?? 0) + 1;
  });
  histogram.sum += ms;
  histogram.count += 1;
  stages.set(stage, histogram);
}

function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
}

function lines(labels: Record<string, string>, { buckets, sum, count }: Histogram): string[] {
  const name = "facenet_stage_seconds";
  return [
    ...buckets.map((value, index) =>
      line(`${name}_bucket`, { ...labels, le: String((BUCKETS_MS[index] as number) / 1000) }, value),
    ),
    line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
    line(`${name}_sum`, labels, sum / 1000),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Record<string, string>, value: number): string {
  return `${name}{${Object.entries(labels)
    .map(([label, text]) => `${label}="${escaped(text)}"`)
    .join(",")}} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** The one register of this process. */
export const metrics = new Metrics();
