import type { Node, NodeAPI } from "node-red";
import { nameError, onInput } from "./on-input";

/** A short translated text for the badge under a node. */
export function statusText(RED: NodeAPI, key: string, values: Record<string, string | number>): string {
  return RED._(key, values);
}

/** A node whose configuration is wrong says so at deploy, and again to each message, instead of being silent. */
export function failToStart(node: Node, error: unknown): void {
  const said = nameError(node, error);
  node.error(said.message);
  node.status({ fill: "red", shape: "ring", text: "configuration" });
  onInput(node, () => {
    throw error instanceof Error ? error : new Error(String(error));
  });
}
