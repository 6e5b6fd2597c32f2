import type { Node, NodeAPI } from "node-red";
import { heard } from "../../lib/observe/heard";
import { Fault } from "../../lib/errors";
import { failures } from "../../lib/observe/failures";
import { logFault, nameError, onInput } from "./on-input";
import { phrase } from "../../lib/words/sentence";
import { say } from "./language";

/** A short translated text for the badge under a node. */
export function statusText(RED: NodeAPI, key: string, values: Record<string, string | number>): string {
  return RED._(key, values);
}

/** What a badge under a node says. */
export type Status = Exclude<Parameters<Node["status"]>[0], string>;

/** People cannot read faster, and every status goes to every open editor. */
const STATUS_INTERVAL_MS = 250;

/** A node's status while frames come: the newest, a few times a second. */
export function liveStatus(node: Node): (status: Status) => void {
  let waiting: Status | undefined;
  let timer: NodeJS.Timeout | undefined;
  node.on("close", () => clearTimeout(timer));
  const show = (status: Status): void => {
    node.status(status);
    timer = setTimeout(() => {
      timer = undefined;
      if (waiting !== undefined) show(waiting);
      waiting = undefined;
    }, STATUS_INTERVAL_MS);
  };
  return (status) => {
    if (timer === undefined) show(status);
    else waiting = status;
  };
}

/**
 * What a node loads at deploy: its badge tells how that ended. A redeploy ends the workers; what they were loading is
 * nobody's error.
 */
export function whileLoading<T>(
  node: Node,
  loading: Promise<T>,
  { ready, failed }: { ready?: (loaded: T) => Status; failed: string },
): void {
  let closed = false;
  node.on("close", () => {
    closed = true;
  });
  const tell = async (): Promise<void> => {
    try {
      const loaded = await loading;
      if (!closed && ready !== undefined) node.status(ready(loaded));
    } catch (error) {
      if (closed) return;
      node.status({ fill: "red", shape: "ring", text: failed });
      logFault(node, error);
      node.error(nameError(node, error).message);
    }
  };
  heard(node.type, tell());
}

/** A node whose configuration is wrong says so at deploy, and again to each message, instead of being silent. */
export function failToStart(node: Node, error: unknown): void {
  failures.note(node.type, error);
  const said = nameError(node, error);
  node.error(said.message);
  node.status({ fill: "red", shape: "ring", text: say(phrase("nodes.configuration")) });
  onInput(node, () => {
    throw error instanceof Error ? error : new Fault(String(error));
  });
}

const NAME_LENGTH = 14;

/** A person's name as a badge has room for it. */
export function shortName(name: string): string {
  const characters = Array.from(name);
  return characters.length <= NAME_LENGTH ? name : `${characters.slice(0, NAME_LENGTH - 1).join("")}…`;
}
