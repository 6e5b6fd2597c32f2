/** The face-match nodes of the workspace, and τ put into them as one step that can be undone. */
import type { DistanceKind } from "../lib/search/roster";
import type { GalleryAnswer } from "../api/answers";
import { isVariable } from "./forms.js";
import { nodeName } from "./nodes.js";
import { putFields, type Step } from "./steps.js";

const TYPE = "face-match";
/** What a node wants of strangers that has a τ of its own. */
const FIXED = "fixed";

/** A gallery, and whether it has a cohort. */
type Asked = Pick<GalleryAnswer, "id" | "cohortThreshold">;

export interface MatchNode {
  id: string;
  /** What people call it. */
  name: string;
  /** As the form has it: a number, blank for the model's, or a variable. */
  threshold: string;
  isVariable: boolean;
  /** Its τ follows from the strangers who may get a name, whatever stands in its form. */
  isWanted: boolean;
  /** In a flow that people have locked against changes. */
  isLocked: boolean;
}

/**
 * Those that ask this gallery and compare this distance, as they are in the editor, deployed or not: τ of the one
 * would let nearly
 * everybody in, or nobody, where the other is compared with it.
 */
export function matchNodesOf(gallery: Asked, kind: DistanceKind): MatchNode[] {
  return nodesOf(gallery.id)
    .filter((node) => kindOf(node, gallery) === kind)
    .map((node) => {
      const { id, name, z, threshold } = node;
      const text = String(threshold ?? "").trim();
      return {
        id,
        name: nodeName({ id, name, type: TYPE }),
        threshold: text,
        isVariable: isVariable(text),
        isWanted: isWanted(node),
        isLocked: z !== undefined && RED.workspaces.isLocked(z) === true,
      };
    });
}

/** What most of this gallery's nodes compare; without any what new ones would. */
export function usualKind(gallery: Asked): DistanceKind {
  const kinds = nodesOf(gallery.id).map((node) => kindOf(node, gallery));
  const count = (kind: DistanceKind): number => kinds.filter((each) => each === kind).length;
  return gallery.cohortThreshold !== null && count("cohort") >= count("euclidean") ? "cohort" : "euclidean";
}

/** Whether τ of a node follows from what is wanted of strangers. */
function isWanted({ distance, wanted }: FlowNode): boolean {
  return distance === "cohort" && wanted !== undefined && wanted !== "" && wanted !== FIXED;
}

function nodesOf(gallery: string): FlowNode[] {
  return RED.nodes.filterNodes({ type: TYPE }).filter(({ gallery: asked }) => asked === gallery);
}

/** As face-match decides it; undefined where a variable will. */
function kindOf({ distance = "" }: FlowNode, { cohortThreshold }: Asked): DistanceKind | undefined {
  if (distance === "" || distance === "euclidean") return "euclidean";
  if (distance !== "cohort") return undefined;
  return cohortThreshold === null ? "euclidean" : "cohort";
}

/**
 * Put τ into nodes as one step; where it followed from the strangers wanted, it is fixed from then on.
 * @returns undefined when all of them have it already
 */
export function putThreshold(gallery: string, ids: ReadonlySet<string>, threshold: number): Step | undefined {
  const value = { threshold: String(threshold) };
  const nodes = nodesOf(gallery).filter(({ id }) => ids.has(id));
  return putFields(nodes.map((node) => [node, isWanted(node) ? { ...value, wanted: FIXED } : value]));
}
