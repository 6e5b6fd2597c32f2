/** A flow that tells face-notify whatever is posted to it. */
import assert from "node:assert/strict";
import { fetchApi } from "./api";
import type { FlowNode, NodeRed } from "./node-red";

/** @param port of the broker, on this computer */
export const notifyFlow = (port: number): FlowNode[] => [
  { id: "t", type: "tab" },
  { id: "g", type: "face-gallery", name: "G" },
  { id: "b", type: "mqtt-broker", broker: "127.0.0.1", port: String(port) },
  { id: "i", type: "http in", z: "t", url: "/tell", method: "post", x: 1, y: 1, wires: [["f"]] },
  {
    id: "f",
    type: "function",
    z: "t",
    func: "return { ...msg, ...msg.payload };",
    outputs: 1,
    x: 2,
    y: 1,
    wires: [["n"]],
  },
  { id: "n", type: "face-notify", z: "t", name: "", gallery: "g", broker: "b", x: 3, y: 1, wires: [["o"]] },
  { id: "o", type: "http response", z: "t", x: 4, y: 1, wires: [] },
];

const post = (body: object): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** A new person of its gallery. @returns their id */
export async function createPerson(red: NodeRed, name: string): Promise<string> {
  const answer = await fetchApi(`${red.url}/facenet/api/g/people`, post({ name }));
  return ((await answer.json()) as { id: string }).id;
}

/** Resolves once face-notify has taken it. */
export async function tellNodeRed(red: NodeRed, message: object): Promise<void> {
  const answer = await fetch(`${red.url}/tell`, post(message));
  assert.equal(answer.status, 200, red.log());
}
