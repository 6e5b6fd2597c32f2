/** Visits whose face-presence is not there any more: in a real Node-RED, at its start and at each deploy. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openStore } from "../../lib/people/lmdb/store";
import type { VisitRecord } from "../../lib/visits/book";
import { openBook } from "../../lib/visits/lmdb-book";
import { DAY, MINUTE, staysIn, visitOf } from "../lib/visits/visits";
import { fetchApi } from "../support/api";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";

const place = { x: 1, y: 1 };
const gallery = (id: string): FlowNode => ({
  id,
  type: "face-gallery",
  name: "",
  folder: "",
  model: "dlib-resnet-v1",
});
/** Nobody leaves while it runs. */
const presence = (id: string, fields: object = {}): FlowNode => ({
  id,
  type: "face-presence",
  name: "",
  gallery: "g",
  away: "86400",
  wires: [[], []],
  ...place,
  ...fields,
});
/** One of each kind that a visit may be of; `gone` was deleted while Node-RED was down. */
const FLOW: FlowNode[] = [
  { id: "t", type: "tab" },
  { id: "s", type: "subflow", name: "Door", in: [], out: [], env: [] },
  gallery("g"),
  gallery("h"),
  presence("kept", { z: "t" }),
  presence("moved", { z: "t" }),
  presence("disabled", { z: "t" }),
  presence("deleted", { z: "t" }),
  presence("wrong", { z: "t", away: "0" }),
  presence("inner", { z: "s" }),
  { id: "use", type: "subflow:s", z: "t", name: "", wires: [], ...place },
];
const HERE = ["kept", "moved", "disabled", "deleted", "use-inner"];
const GONE = ["gone", "wrong", "without"];

const SEEN = Date.now() - 10 * MINUTE;
const openOf = (node: string): string => `${node}-0123456789abcdef`;

async function leaveOpen(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const store = await openStore({ folder });
  const book = await openBook({ folder, secret: store.secret, keepMs: 30 * DAY });
  for (const [number, node] of [...HERE, ...GONE].entries())
    await book.put(
      visitOf(number, {
        visit: node === "without" ? "without" : openOf(node),
        since: SEEN - MINUTE,
        until: null,
        lastSeen: SEEN,
        stays: staysIn(SEEN - MINUTE, "door"),
      }),
    );
  await book.close();
  await store.close();
}

const visitsOf = async ({ url }: NodeRed): Promise<VisitRecord[]> =>
  ((await (await fetchApi(`${url}/facenet/api/g/visits`)).json()) as { visits?: VisitRecord[] }).visits ?? [];

/** Once only these are open; of the others each has ended when somebody was last seen. */
async function untilOpen(red: NodeRed, nodes: readonly string[]): Promise<void> {
  const wanted = nodes.map(openOf).toSorted().join(", ");
  let open = "";
  const all = await eventually(`open: ${wanted}`, async () => {
    const visits = await visitsOf(red);
    open = visits
      .flatMap(({ visit, until }) => (until === null ? [visit] : []))
      .toSorted()
      .join(", ");
    return visits.length > 0 && open === wanted ? visits : undefined;
  }).catch((error: unknown) => {
    throw new Error(`but ${open}\n${red.log()}`, { cause: error });
  });
  assert.equal(all.length, HERE.length + GONE.length);
  for (const { until } of all) assert.ok(until === null || until === SEEN);
}

async function deploy({ url }: NodeRed, flow: FlowNode[]): Promise<void> {
  const { ok } = await fetch(`${url}/flows`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Node-RED-Deployment-Type": "nodes" },
    body: JSON.stringify(flow),
  });
  assert.equal(ok, true);
}

describe("visits that nobody watches any more", () => {
  it("end when somebody was last seen, at the start and at a deploy, and those that a node watches stay", async () => {
    const userDir = linkedUserDir();
    await leaveOpen(join(userDir, "facenet/g/people"));
    const red = await startNodeRed(FLOW, { userDir });
    try {
      await untilOpen(red, HERE);
      const moved: FlowNode[] = FLOW.filter(({ id }) => id !== "deleted").map((node) => ({
        ...node,
        ...(node.id === "moved" ? { gallery: "h" } : {}),
        ...(node.id === "disabled" ? { d: true } : {}),
      }));
      await deploy(red, moved);
      await untilOpen(red, ["kept", "use-inner"]);
      // Whoever comes back knows nobody of before.
      await deploy(red, FLOW);
      await untilOpen(red, ["kept", "use-inner"]);
      await deploy(
        red,
        FLOW.filter(({ id }) => id !== "use"),
      );
      await untilOpen(red, ["kept"]);
    } finally {
      await red.stop();
    }
  });
});
