/** The nodes that run, those in subflows among them: each instance of a subflow has nodes of its own. */
import type { NodeAPI, NodeDef } from "node-red";

/** A node that runs. */
export interface Deployed<Def extends NodeDef> {
  def: Def;
  /** As Node-RED finds it: in an instance of a subflow the instance's id goes before. */
  id: string;
  /** Its own, and where it is in a subflow, which instance's it is. */
  name: string;
  /** What goes before the ids of nodes beside it. */
  prefix: string;
}

/** An instance of a subflow, as deep as it may lie in others. */
interface Instance {
  prefix: string;
  /** From the outermost inwards; empty outside of subflows. */
  names: readonly string[];
}

const SUBFLOW = "subflow:";
/** Deeper nesting, or instances beyond number, are somebody's mistake. */
const MOST_INSTANCES = 1000;

/** Every node of a type that runs. */
export function deployedNodes<Def extends NodeDef>(RED: NodeAPI, type: string): Deployed<Def>[] {
  const all: NodeDef[] = [];
  RED.nodes.eachNode((def) => {
    all.push(def);
  });
  const subflows = new Map(all.filter((def) => def.type === "subflow").map((def) => [def.id, def]));
  const uses = new Map<string, NodeDef[]>();
  for (const def of all) {
    if (!def.type.startsWith(SUBFLOW)) continue;
    const of = def.type.slice(SUBFLOW.length);
    uses.set(of, [...(uses.get(of) ?? []), def]);
  }
  const instancesOf = (subflow: string, within: readonly string[]): Instance[] => {
    // A subflow in itself runs nowhere.
    if (within.includes(subflow)) return [];
    const used = uses.get(subflow) ?? [];
    return used
      .flatMap((use, index) => {
        const name =
          use.name || `${subflows.get(subflow)?.name || "subflow"}${used.length > 1 ? ` ${index + 1}` : ""}`;
        return placesOf(use, [...within, subflow]).map(({ prefix, names }) => ({
          prefix: `${prefix}${use.id}-`,
          names: [...names, name],
        }));
      })
      .slice(0, MOST_INSTANCES);
  };
  const placesOf = ({ z }: NodeDef, within: readonly string[]): Instance[] =>
    z !== undefined && subflows.has(z) ? instancesOf(z, within) : [{ prefix: "", names: [] }];
  return all
    .filter((def) => def.type === type)
    .flatMap((def) =>
      placesOf(def, []).map(({ prefix, names }) => ({
        def: def as Def,
        id: prefix + def.id,
        name: nameIn(def, names),
        prefix,
      })),
    )
    .filter(({ id }) => (RED.nodes.getNode(id) ?? undefined) !== undefined);
}

/** Finds once for all who ask in one turn of the event loop: a deploy comes between two turns. */
export function onceATurn<Found>(find: () => Found): () => Found {
  let found: { value: Found } | undefined;
  return () => {
    if (found === undefined) setImmediate(() => (found = undefined));
    found ??= { value: find() };
    return found.value;
  };
}

/** Whether a node of a type runs. */
export function isDeployed(RED: NodeAPI, type: string): (id: string) => boolean {
  const ids = onceATurn(() => new Set(deployedNodes(RED, type).map(({ id }) => id)));
  return (id) => ids().has(id);
}

/** Two instances of one subflow must not look like one. */
function nameIn({ name, type }: NodeDef, places: readonly string[]): string {
  return places.length === 0 ? name : `${name || type} (${places.join(" / ")})`;
}
