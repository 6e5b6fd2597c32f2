/** The nodes that go with a gallery's network, and how they are changed with it, and back, as one step each. */
import { isVariable } from "./forms.js";
import { nodeName, upstreamOf } from "./nodes.js";
import { type Fields, putFields, type Step } from "./steps.js";

const MATCH = "face-match";
const EMBED = "facenet-embed";
const FILE = "file";
/** Of a face-match node whose τ is a number of its own. */
const FIXED = "fixed";
/** What a form without a model means. */
const FIRST_MODEL = "dlib-resnet-v1";
const FIELDS = ["model", "modelFile", "threshold"] as const;

/** τ of a network, of both kinds. */
export interface Thresholds {
  threshold: number;
  cohortThreshold: number | null;
}

/** A node that is changed along. */
export interface NodeChange {
  node: FlowNode;
  name: string;
  fields: Fields;
}

export interface Plan {
  changes: NodeChange[];
  /** Names of nodes that need it, but name a variable, are locked, or work for other galleries too. */
  left: string[];
}

/** What nodes had before; kept in the gallery's node, so that it can be taken back later, and from another browser. */
interface Before {
  network: string;
  nodes: { id: string; was: Fields }[];
}

/** What findModel takes, of a node's form. */
function keyOf({ model, modelFile }: FlowNode): string {
  return model === FILE ? (modelFile ?? "") : model === undefined || model === "" ? FIRST_MODEL : model;
}

function fieldsOf(key: string): Fields {
  return key.endsWith(".json") ? { model: FILE, modelFile: key } : { model: key };
}

function isLocked({ z }: FlowNode): boolean {
  return z !== undefined && RED.workspaces.isLocked(z) === true;
}

function matchers(isAsked: (gallery: string) => boolean): FlowNode[] {
  return RED.nodes.filterNodes({ type: MATCH }).filter(({ gallery = "" }) => isAsked(gallery));
}

function embeddersOf(nodes: readonly FlowNode[]): Set<FlowNode> {
  return new Set(nodes.flatMap((node) => [...upstreamOf(node)].filter(({ type }) => type === EMBED)));
}

/** Whether the gallery's node names this network in its form. */
export function isInForm(gallery: string, key: string): boolean {
  const node = RED.nodes.node(gallery);
  return node !== null && node !== undefined && keyOf(node) === key;
}

/**
 * What is to be changed so that the flow embeds and decides by a network.
 * @param thresholds of that network; without them no τ is changed
 */
export function planOf(gallery: string, key: string, thresholds?: Thresholds): Plan {
  const node = RED.nodes.node(gallery);
  const plan: Plan = { changes: [], left: [] };
  if (node === null || node === undefined) return plan;
  const add = (each: FlowNode, fields: Fields, isLeft: boolean): void => {
    const name = nodeName({ id: each.id, name: each.name, type: each.type });
    if (isLeft) plan.left.push(name);
    else plan.changes.push({ node: each, name, fields });
  };
  if (keyOf(node) !== key) add(node, fieldsOf(key), isVariable(node.model ?? ""));
  const own = matchers((asked) => asked === gallery);
  const others = embeddersOf(matchers((asked) => asked !== gallery));
  for (const each of embeddersOf(own)) {
    if (keyOf(each) !== key)
      add(each, fieldsOf(key), isVariable(each.model ?? "") || isLocked(each) || others.has(each));
  }
  if (thresholds === undefined || keyOf(node) === key) return plan;
  for (const each of own) {
    const text = String(each.threshold ?? "").trim();
    // A blank one is the network's own; one that follows from what is wanted of strangers does so with every network.
    const { wanted = "" } = each;
    const follows = each.distance === "cohort" && wanted !== "" && wanted !== FIXED;
    if (text === "" || follows) continue;
    const value = each.distance === "cohort" ? thresholds.cohortThreshold : thresholds.threshold;
    add(each, { threshold: value === null ? "" : String(value) }, isVariable(text) || isLocked(each));
  }
  return plan;
}

/** What the nodes had before the gallery's network was changed from this one; undefined where that is not known. */
export function planBack(gallery: string, key: string): Plan | undefined {
  const node = RED.nodes.node(gallery);
  const before = node?.before as Partial<Before> | undefined;
  if (before?.network !== key || !Array.isArray(before.nodes)) return undefined;
  const plan: Plan = { changes: [], left: [] };
  for (const { id, was } of before.nodes) {
    const each = RED.nodes.node(id);
    if (each === null || each === undefined) continue;
    const name = nodeName({ id, name: each.name, type: each.type });
    if (isLocked(each)) plan.left.push(name);
    else plan.changes.push({ node: each, name, fields: was });
  }
  return plan;
}

/**
 * Change the nodes of a plan, and note in the gallery's what they had.
 * @returns undefined when there is nothing to change
 */
export function apply(gallery: string, { changes }: Plan): Step | undefined {
  const node = RED.nodes.node(gallery);
  if (node === null || node === undefined || changes.length === 0) return undefined;
  const before: Before = {
    network: keyOf(node),
    nodes: changes.map(({ node: each, fields }) => ({ id: each.id, was: valuesOf(each, fields) })),
  };
  const own = changes.find(({ node: each }) => each === node);
  // Nodes that follow later belong to the change that was.
  if (own === undefined) return putFields(changes.map(({ node: each, fields }) => [each, fields]));
  return putFields([
    [node, { ...own.fields, before }],
    ...changes.filter((each) => each !== own).map(({ node: each, fields }) => [each, fields] as const),
  ]);
}

function valuesOf(node: FlowNode, fields: Fields): Fields {
  return Object.fromEntries(FIELDS.filter((name) => name in fields).map((name) => [name, node[name] ?? ""]));
}
