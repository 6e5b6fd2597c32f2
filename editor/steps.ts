/** Fields put into nodes of the workspace as one step that can be undone. */

/** Of a node's form, by name. */
export type Fields = Readonly<Record<string, unknown>>;

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
 * Put values into nodes, as if they had been typed into each form: they are marked as changed, and one undo takes all
 * back.
 * @returns undefined when all of them have theirs already
 */
export function putFields(wanted: readonly (readonly [node: FlowNode, fields: Fields])[]): Step | undefined {
  const changes = wanted.filter(([node, fields]) =>
    Object.entries(fields).some(([name, value]) => !isSame(node[name], value)),
  );
  if (changes.length === 0) return undefined;
  const dirty = RED.nodes.dirty();
  const events = changes.map(([node, fields]): EditEvent => ({
    t: "edit",
    node,
    changes: Object.fromEntries(Object.keys(fields).map((name) => [name, node[name]])),
    changed: node.changed ?? false,
    dirty,
    ...instancesOf(node),
  }));
  const step: HistoryEvent = { t: "multi", events, dirty };
  for (const [node, fields] of changes) {
    Object.assign(node, fields, { changed: true, dirty: true });
    for (const instance of subflowInstances(node)) {
      instance.changed = true;
      instance.dirty = true;
    }
    RED.editor.validateNode(node);
  }
  RED.history.push(step);
  RED.nodes.dirty(true);
  for (const [node] of changes) RED.events.emit("nodes:change", node);
  RED.view.redraw();
  const isLast = (): boolean => RED.history.peek() === step;
  return {
    nodes: changes.length,
    isLast,
    undo: () => {
      if (isLast()) RED.history.pop();
    },
  };
}

/** Forms keep numbers as text. */
function isSame(before: unknown, value: unknown): boolean {
  const text = (each: unknown): string | undefined => {
    if (typeof each === "string") return each.trim();
    return each === undefined ? "" : JSON.stringify(each);
  };
  return text(before) === text(value);
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
