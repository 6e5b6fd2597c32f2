/** What people call a node that the runtime knows by its id. */
import { t } from "./words.js";

const CAMERA = "facewire-camera";
/** So much of an id tells two nodes apart. */
const SHORT_ID = 6;
/** Of a node in a subflow, which the editor does not know: Node-RED makes it an id of its own. */
const ID = /^[0-9a-f]{16}$|^[0-9a-f]{6,8}\.[0-9a-f]{4,8}$/;

/** A node and all from which messages come to it, nearest first, along its wires and through link nodes. */
export function* upstreamOf(node: FlowNode): Generator<FlowNode> {
  const waiting = [node];
  const seen = new Set<string>();
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    if (seen.has(one.id)) continue;
    seen.add(one.id);
    yield one;
    waiting.push(...RED.nodes.filterLinks({ target: one }).map(({ source }) => source));
    if (one.type === "link in")
      waiting.push(
        ...(one.links ?? []).map((id) => RED.nodes.node(id)).filter((each) => each !== null && each !== undefined),
      );
  }
}

/** Its name, or what it is and where: "camera on Flow 1", with a part of its id where there are several of these. */
export function nodeName({ id, name, type }: { id: string; name?: string | undefined; type: string }): string {
  if (name !== undefined && name !== "" && name !== id) return name;
  const kind = type.replace(/^facewire-/, "");
  const short = `${kind} ${id.slice(0, SHORT_ID)}`;
  const node = RED.nodes.node(id);
  const place = node?.z;
  if (place === undefined || place === "") return short;
  const flow = RED.nodes.workspace(place)?.label ?? RED.nodes.subflow(place)?.name;
  if (flow === undefined || flow === "") return short;
  const alike = RED.nodes.filterNodes({ type, z: place }).filter((each) => (each.name ?? "") === "").length > 1;
  return t("node.on", { node: alike ? short : kind, flow });
}

/** The camera that a frame came from; one without a name goes by its id. */
export function sourceName(source: string): string {
  return RED.nodes.node(source)?.type === CAMERA || ID.test(source) ? nodeName({ id: source, type: CAMERA }) : source;
}
