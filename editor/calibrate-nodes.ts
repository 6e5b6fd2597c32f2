/** The face-match nodes of the workspace, and τ put into them as one step that can be undone. */
import { isVariable } from "./forms.js";
import { nodeName } from "./nodes.js";
import { putFields, type Step } from "./steps.js";

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

/**
 * Put τ into nodes as one step.
 * @returns undefined when all of them have it already
 */
export function putThreshold(gallery: string, ids: ReadonlySet<string>, threshold: number): Step | undefined {
  return putFields(nodesOf(gallery).filter(({ id }) => ids.has(id)).map((node) => [node, { threshold: String(threshold) }]));
}
