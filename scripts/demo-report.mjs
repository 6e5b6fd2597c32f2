// What the demo prints: a line for every decision, and the table at the end.
import { PEOPLE, SHOTS, FPS } from "./demo-video.mjs";

const STAGES = ["decode", "detect", "align", "embed", "match", "total"];

export class Report {
  #start;
  #decided = new Set();
  #rows = new Map(
    [...PEOPLE.map(({ name }) => name), null].map((name) => [
      name,
      { frames: 0, matched: 0, unknown: 0, wrong: 0, greeted: undefined },
    ]),
  );

  /** The clock of "first greeting" starts here. */
  start() {
    this.#start = Date.now();
  }

  /**
   * Lines for one message of face-match; none if this frame was told of before (a frame with a match and a stranger
   * leaves by two outputs).
   */
  decision({ frame, faces, timing = {} }) {
    const id = `${frame?.source} ${frame?.sequence}`;
    if (this.#decided.has(id)) return [];
    this.#decided.add(id);
    const identities = faces.map(({ identity }) => identity).filter((identity) => identity.outcome !== "noface");
    this.#count(frame, identities);
    const time = new Date().toTimeString().slice(0, 8);
    const times = STAGES.filter((stage) => timing[stage] !== undefined)
      .map((stage) => `${stage} ${timing[stage].toFixed(0)}`)
      .join(" ");
    const lines =
      identities.length === 0 ? [{ outcome: "noface", name: null, distance: null, threshold: null }] : identities;
    return lines.map(
      ({ outcome, name, distance, threshold }) =>
        `${time}  ${frame?.source} #${String(frame?.sequence).padEnd(4)} ${outcome.padEnd(9)} ` +
        `${(name ?? "–").padEnd(8)} ${distance === null ? "d –   " : `d ${distance.toFixed(2)}`} ` +
        `${threshold === null ? "      " : `τ ${threshold.toFixed(2)}`}  ms: ${times}`,
    );
  }

  /** Somebody was greeted. @returns seconds since the start */
  greeted(names) {
    const seconds = (Date.now() - this.#start) / 1000;
    for (const name of names) {
      const row = this.#rows.get(name);
      if (row !== undefined) row.greeted ??= seconds;
    }
    return seconds;
  }

  /** Frames in which an enrolled person was recognized. */
  get matched() {
    return [...this.#rows.values()].reduce((sum, { matched }) => sum + matched, 0);
  }

  /** The table, a line each. */
  summary() {
    const header = ["who is in the video", "frames", "matched", "unknown", "wrong name", "first greeting"];
    const rows = [...this.#rows].map(([name, row]) =>
      [
        name ?? "strangers",
        row.frames,
        row.matched,
        row.unknown,
        row.wrong,
        row.greeted === undefined ? "–" : `${row.greeted.toFixed(1)} s`,
      ].map(String),
    );
    const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
    const line = (cells) =>
      cells
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join("  ");
    return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)];
  }

  /** The video's shots say who is to be seen; the frame's number says in which shot it is. */
  #count(frame, identities) {
    if (identities.length === 0 || frame === undefined) return;
    const { who } = shotAt(frame.sequence / FPS);
    const names = identities.filter(({ outcome }) => outcome === "match").map(({ name }) => name);
    const strange = names.filter((name) => !who.includes(name)).length;
    for (const name of who.length === 0 ? [null] : who) {
      const row = this.#rows.get(name);
      row.frames += 1;
      if (name !== null && names.includes(name)) row.matched += 1;
      else if (identities.some(({ outcome }) => outcome !== "match")) row.unknown += 1;
      if (strange > 0) row.wrong += 1;
    }
  }
}

/** The shot at a time of the video in seconds; the video may loop. */
export function shotAt(seconds) {
  let left = seconds % SHOTS.reduce((sum, shot) => sum + shot.seconds, 0);
  return SHOTS.find((shot) => (left -= shot.seconds) < 0) ?? SHOTS.at(-1);
}
