/** The face-match nodes of the workspace, and τ put into them as one step that can be undone. */
import { isVariable } from "./forms.js";
import { nodeName } from "./nodes.js";

const TYPE = "face-match";

export interface MatchNode {
  id: string;
  /** What people call it. */
  name: string;
  /** As the form has it: a number, blank for the model's, or a variable. */
  threshold: string;
  isVariable: boolean;
  /** In a flow that people have locked against changes. */
  isLocked: boolean;
}

/** Those that ask this gallery and compare Euclidean distances, as they are in the editor, deployed or not. */
export function matchNodesOf(gallery: string): MatchNode[] {
  return nodesOf(gallery).map(({ id, name, z, threshold }) => {
    const text = String(threshold ?? "").trim();
    return {
      id,
      name: nodeName({ id, name, type: TYPE }),
      threshold: text,
      isVariable: isVariable(text),
      isLocked: z !== undefined && RED.workspaces.isLocked(z) === true,
    };
  });
}

function nodesOf(gallery: string): FlowNode[] {
  // What is measured here are Euclidean distances: their τ would let nearly everybody in where d' is compared with it.
  return RED.nodes.filterNodes({ type: TYPE }).filter(({ gallery: asked, distance }) => asked === gallery && (distance === undefined || distance === "" || distance === "euclidean"));
}

/** A step of the editor's history. */
export interface Step {
  /** How many nodes were changed. */
  nodes: number;
  /** Whether it is the last step, the one that would be undone next. */
  isLast(): boolean;
  /** Take it back, where it is the last step. */
  undo(): void;
}

/**
 * Put τ into nodes, as if it had been typed into each form: they are marked as changed, and one undo takes all back.
 * @returns undefined when all of them have it already
 */
export function putThreshold(gallery: string, ids: ReadonlySet<string>, threshold: number): Step | undefined {
  const value = String(threshold);
  const nodes = nodesOf(gallery).filter((node) => ids.has(node.id) && String(node.threshold ?? "").trim() !== value);
  if (nodes.length === 0) return undefined;
  const dirty = RED.nodes.dirty();
  const events = nodes.map((node): EditEvent => ({
    t: "edit",
    node,
    changes: { threshold: node.threshold },
    changed: node.changed ?? false,
    dirty,
    ...instancesOf(node),
  }));
  const step: HistoryEvent = { t: "multi", events, dirty };
  for (const node of nodes) {
    node.threshold = value;
    node.changed = true;
    node.dirty = true;
    for (const instance of subflowInstances(node)) {
      instance.changed = true;
      instance.dirty = true;
    }
    RED.editor.validateNode(node);
  }
  RED.history.push(step);
  RED.nodes.dirty(true);
  for (const node of nodes) RED.events.emit("nodes:change", node);
  RED.view.redraw();
  const isLast = (): boolean => RED.history.peek() === step;
  return {
    nodes: nodes.length,
    isLast,
    undo: () => {
      if (isLast()) RED.history.pop();
    },
  };
}

/** A change inside a subflow changes each of its instances. */
function subflowInstances({ z }: FlowNode): FlowNode[] {
  return z === undefined || RED.nodes.subflow(z) == null ? [] : RED.nodes.filterNodes({ type: `subflow:${z}` });
}

function instancesOf(node: FlowNode): Pick<EditEvent, "subflow"> {
  const instances = subflowInstances(node);
  return instances.length === 0
    ? {}
    : { subflow: { instances: instances.map(({ id, changed }) => ({ id, changed: changed ?? false })) } };
}
