/** A real Node-RED that is watched for long: what it holds, what its cameras decide, and what a test does to it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after as afterTests } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CutCamera } from "./cut-camera";
import { type FlowNode, linkedUserDir, type NodeRed, type StartOptions, startNodeRed } from "./node-red";
import { type RtspCamera, rtspCamera, type RtspCameraOptions } from "./rtsp-camera";

/** `npm run test:soak -- --long`: as often and as long as it takes to be sure; CI has the short form. */
export const LONG = process.env["SOAK_LONG"] === "1";

/** The one or the other. */
export function often(short: number, long: number): number {
  return LONG ? long : short;
}

const MB = 1024 * 1024;

/** What a Node-RED holds after its garbage was collected. */
export interface Figures {
  /** Bytes. */
  rss: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
  /** Worker threads of JavaScript, and all threads. */
  workers: number;
  threads: number;
  /** Open files and connections. */
  descriptors: number;
  /** Ids of child processes. */
  children: number[];
  /** What keeps the event loop alive, by kind. */
  resources: Record<string, number>;
  /** On the process and on Node-RED's own events. */
  listeners: number;
}

/** What the tally of a flow knows of one camera. */
export interface Seen {
  frames: number;
  /** Frames in which each name was, or "" for a face without one. */
  names: Record<string, number>;
  /** Milliseconds between two decided frames at most, since it was begun anew. */
  worstGap: number;
  /** From capture to decision at most, by the clock of Node-RED. */
  worstTotal: number;
  /** Since the last decided frame. */
  silent: number;
}

export type Tally = Record<string, Seen>;

export interface Watched extends NodeRed {
  figures(): Promise<Figures>;
  /** @param anew the worst is counted anew from now on */
  tally(anew?: boolean): Promise<Tally>;
  /** End one of its threads. @returns whether there was one */
  endWorker(index: number): Promise<boolean>;
  /** Put the computer's clock so many milliseconds off. */
  moveClock(offset: number): Promise<void>;
  /** From now on time goes so many times as fast, also by the clock that is never put forward or back. */
  hurry(speed: number): Promise<void>;
  leak(what: { megabytes?: number; timers?: number; listeners?: number }): Promise<void>;
}

/**
 * Nodes that keep count of what reaches "tally", by cameras.
 */
export function tallyNodes(z: string): FlowNode[] {
  return [
    {
      id: "tally",
      type: "function",
      z,
      name: "",
      func: `const all = flow.get("tally") ?? {};
        flow.set("tally", all);
        const { source, sequence } = msg.frame;
        const seen = (all[source] ??= { frames: 0, names: {}, worstGap: 0, worstTotal: 0, at: 0, last: -1 });
        // A frame with a match and a stranger comes by two outputs.
        if (seen.last === sequence) return null;
        seen.last = sequence;
        const now = global.get("ticks")();
        if (seen.at > 0) seen.worstGap = Math.max(seen.worstGap, now - seen.at);
        seen.at = now;
        seen.frames += 1;
        seen.worstTotal = Math.max(seen.worstTotal, msg.timing?.total ?? 0);
        for (const { identity } of msg.faces)
          if (identity.outcome === "match" || identity.outcome === "unknown") {
            const name = identity.name ?? "";
            seen.names[name] = (seen.names[name] ?? 0) + 1;
          }
        return null;`,
      outputs: 1,
      wires: [[]],
    },
    { id: "ask", type: "http in", z, url: "/tally", method: "get", wires: [["answer"]] },
    {
      id: "answer",
      type: "function",
      z,
      name: "",
      func: `const now = global.get("ticks")();
        msg.payload = {};
        for (const [source, seen] of Object.entries(flow.get("tally") ?? {})) {
          const { at, last, ...rest } = seen;
          msg.payload[source] = { ...rest, names: { ...rest.names }, silent: now - at };
          if (msg.req.query.anew === "1") Object.assign(seen, { worstGap: 0, worstTotal: 0 });
        }
        return msg;`,
      outputs: 1,
      wires: [["answered"]],
    },
    { id: "answered", type: "http response", z, wires: [] },
  ];
}

/**
 * A face-presence "presence" and what it tells, in the log: "visit: arrived Alice".
 * @param away seconds
 */
export function presenceNodes(z: string, away: number): FlowNode[] {
  return [
    {
      id: "presence",
      type: "face-presence",
      z,
      name: "",
      gallery: "g",
      away: String(away),
      wires: [["visit"], []],
    },
    {
      id: "visit",
      type: "function",
      z,
      name: "",
      func: 'node.warn("visit: " + msg.visit.event + " " + (msg.visit.name ?? "somebody")); return null;',
      outputs: 1,
      wires: [[]],
    },
  ];
}

/** What was told of visits, in order: "arrived Alice". */
export function visitsIn(log: string): string[] {
  return [...log.matchAll(/visit: (\w+ \w+)/g)].map(([, told]) => told as string);
}

export interface Recognizer {
  /** Wired to the detector by whoever makes them. */
  cameras: readonly FlowNode[];
  folder: string;
  gallery?: object;
  /** Nodes that face-match's outputs go to besides. */
  after?: readonly string[];
  match?: object;
}

/** Cameras → face-detect → facenet-embed → face-match → tally, on the tab "t"; "d" is the detector. */
export function recognizer({ cameras, folder, gallery = {}, after = [], match = {} }: Recognizer): FlowNode[] {
  const z = "t";
  const out = ["tally", ...after];
  return [
    { id: z, type: "tab", label: "soak" },
    { id: "g", type: "face-gallery", name: "people", folder, ...gallery },
    ...cameras,
    { id: "d", type: "face-detect", z, name: "", tracking: true, motionGate: false, version: 2, wires: [["e"]] },
    { id: "e", type: "facenet-embed", z, name: "", wires: [["m"]] },
    {
      id: "m",
      type: "face-match",
      z,
      name: "",
      gallery: "g",
      mode: "identify",
      distance: "cohort",
      wanted: "0.01",
      tracks: true,
      ...match,
      wires: [out, out, out, [], []],
    },
    ...tallyNodes(z),
  ];
}

/** A camera node on the tab "t". */
export function camera(id: string, fields: object, to: readonly string[] = ["d"]): FlowNode {
  return {
    id,
    type: "facewire-camera",
    z: "t",
    name: id,
    autostart: true,
    output: "jpeg",
    ...fields,
    wires: [to, []],
  };
}

/** A camera node "http" that looks at a camera. */
export function httpCamera(
  { url }: CutCamera,
  fps: number,
  { id = "http", ...fields }: { id?: string; idle?: string } = {},
): FlowNode {
  return camera(id, { source: "mjpeg", url: `${url}/stream`, fps: String(fps), ...fields });
}

/** A camera node "rtsp" that does. */
export function rtspNode({ port }: RtspCamera, fields: object = {}): FlowNode {
  const url = `rtsp://127.0.0.1:${port}/card`;
  return camera("rtsp", { source: "rtsp", oldFfmpeg: true, url, fps: "2", ...fields });
}

/** A clock that no test moves, for functions. */
const TICKS = "functionGlobalContext: { ticks: () => Number(process.hrtime.bigint()) / 1e6 },";

/** Node-RED takes what has no place in the editor for a config node. */
export function placed(flow: readonly FlowNode[]): FlowNode[] {
  return flow.map((node, index) => (node["z"] === undefined ? node : { x: 100, y: 20 * index, ...node }));
}

export async function startWatched(
  flow: FlowNode[],
  options: StartOptions & { offset?: number } = {},
): Promise<Watched> {
  const { offset = 0, ...rest } = options;
  const userDir = options.userDir ?? linkedUserDir();
  const place = join(mkdtempSync(join(tmpdir(), "soak-")), "port");
  const red = await startNodeRed(placed(flow), {
    settings: TICKS,
    ...rest,
    userDir,
    env: {
      NODE_OPTIONS: `--require ${join(__dirname, "soak-probe.cjs")}`,
      SOAK_PORT: place,
      SOAK_OFFSET: String(offset),
      ...options.env,
    },
  });
  const ask = async (what: string, more: object = {}): Promise<Record<string, unknown>> => {
    const response = await fetch(`http://127.0.0.1:${readFileSync(place, "utf8")}`, {
      method: "POST",
      body: JSON.stringify({ ask: what, ...more }),
      signal: AbortSignal.timeout(120_000),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    assert.equal(answer["error"], undefined);
    return answer;
  };
  let latest: Tally = {};
  return {
    ...red,
    figures: async () => (await ask("figures")) as unknown as Figures,
    tally: async (anew = false) => {
      const response = await fetch(`${red.url}/tally?anew=${anew ? 1 : 0}`, {
        headers: { Connection: "close" },
        signal: AbortSignal.timeout(120_000),
      });
      // While a deploy is under way nobody answers.
      if (response.ok) latest = (await response.json()) as Tally;
      else await response.body?.cancel();
      return latest;
    },
    endWorker: async (index) => (await ask("endWorker", { index }))["ended"] === true,
    moveClock: async (moved) => void (await ask("clock", { offset: moved })),
    hurry: async (speed) => void (await ask("clock", { speed })),
    leak: async (what) => void (await ask("leak", what)),
  };
}

/** The cameras and the Node-RED of a describe: after its tests they end, the last first. */
export class Stage {
  readonly #ends: (() => unknown)[] = [];

  constructor() {
    afterTests(async () => {
      for (const end of this.#ends.toReversed()) await end();
    });
  }

  /** Something more that is to end. */
  push(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** A camera over HTTP that shows these pictures again and again. */
  async http(frames: readonly Buffer[], fps: number): Promise<CutCamera> {
    const one = await new CutCamera(frames, fps).start();
    this.push(() => one.stop());
    return one;
  }

  /** A camera over RTSP. */
  async rtsp({ timestamp = (index) => index * 9000 }: Pick<RtspCameraOptions, "timestamp"> = {}): Promise<RtspCamera> {
    const one = await rtspCamera({ timestamp });
    this.push(() => one.close());
    return one;
  }

  async watch(...given: Parameters<typeof startWatched>): Promise<Watched> {
    const red = await startWatched(...given);
    this.push(() => red.stop());
    return red;
  }
}

/** Of a camera that has decided nothing yet. */
const NOTHING: Seen = { frames: 0, names: {}, worstGap: 0, worstTotal: 0, silent: Infinity };

export function seenBy(tally: Tally, source: string): Seen {
  return tally[source] ?? NOTHING;
}

/** Once it is so. @throws what was the matter last when it is not in time */
export async function once(what: string, is: () => Promise<boolean>, timeoutMs: number): Promise<number> {
  const began = performance.now();
  while (!(await is())) {
    if (performance.now() - began > timeoutMs) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await setTimeout(100);
  }
  return performance.now() - began;
}

/** How much more may be held at the end than in the beginning, and why not less. */
export interface Allowance {
  /** Megabytes of V8's heap after a collection: caches that fill, code that is compiled later. */
  heap: number;
  /** Megabytes outside of it: pictures. */
  external: number;
  /** Megabytes resident: allocators give back late, each thread has arenas of its own. */
  rss: number;
  descriptors: number;
  workers: number;
  children: number;
  /** Of timers, and of each other kind of resource. */
  resources: number;
  listeners: number;
}

const USUAL: Allowance = {
  heap: 6,
  external: 12,
  rss: 90,
  descriptors: 12,
  workers: 0,
  children: 0,
  resources: 6,
  listeners: 0,
};

/** Fails where more is held than before, beyond what is allowed. @returns a line of figures */
export function assertNoLeak(before: Figures, after: Figures, allowed: Partial<Allowance> = {}): string {
  const most = { ...USUAL, ...allowed };
  const grown: Record<string, [by: number, most: number]> = {
    "MB of heap": [(after.heapUsed - before.heapUsed) / MB, most.heap],
    "MB outside the heap": [(after.external - before.external) / MB, most.external],
    "MB resident": [(after.rss - before.rss) / MB, most.rss],
    "open files": [after.descriptors - before.descriptors, most.descriptors],
    workers: [after.workers - before.workers, most.workers],
    "child processes": [after.children.length - before.children.length, most.children],
    listeners: [after.listeners - before.listeners, most.listeners],
  };
  for (const kind of new Set([...Object.keys(before.resources), ...Object.keys(after.resources)]))
    grown[kind] = [(after.resources[kind] ?? 0) - (before.resources[kind] ?? 0), most.resources];
  const line = `${figuresLine(before)} → ${figuresLine(after)}`;
  for (const [what, [by, bound]] of Object.entries(grown))
    assert.ok(by <= bound, `${by.toFixed(1)} more ${what} than before, allowed ${bound}: ${line}`);
  return line;
}

export interface Rounds {
  rounds: number;
  /** The first compile code and fill caches; what is held is measured after them. */
  warm?: number;
  /** What was ended just now may not be counted yet. */
  settleMs?: number;
  allowed?: Partial<Allowance>;
}

/** Do something again and again; fails where it leaves something behind. @returns a line of figures */
export async function leavesNothing(
  red: Watched,
  round: (index: number) => Promise<unknown>,
  { rounds, warm = Math.ceil(rounds / 4), settleMs = 0, allowed = {} }: Rounds,
): Promise<string> {
  for (let index = 0; index < warm; index += 1) await round(index);
  const before = await red.figures();
  for (let index = warm; index < rounds; index += 1) await round(index);
  await setTimeout(settleMs);
  return assertNoLeak(before, await red.figures(), allowed);
}

function figuresLine({
  rss,
  heapUsed,
  external,
  descriptors,
  workers,
  children,
  threads,
  listeners,
}: Figures): string {
  const mb = (bytes: number): string => (bytes / MB).toFixed(0);
  return (
    `RSS ${mb(rss)} MB (heap ${mb(heapUsed)}, outside ${mb(external)}), ${descriptors} files, ${workers} workers, ` +
    `${threads} threads, ${children.length} children, ${listeners} listeners`
  );
}

/** Of milliseconds: the median and the worst, in seconds. */
export function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const seconds = (ms: number | undefined): string => ((ms ?? 0) / 1000).toFixed(1);
  return `${seconds(sorted[sorted.length >> 1])} s (median), ${seconds(sorted.at(-1))} s (worst)`;
}

/** A figure for the note. */
export function tell(what: string, line: string): void {
  console.log(`soak: ${what}: ${line}`);
}
