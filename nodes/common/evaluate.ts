import type { Node, NodeAPI } from "node-red";
import type { FaceMessage } from "../../lib/message";

/** What a typedInput stands for; context stores may answer later. @throws whatever the editor's expression throws */
export function evaluate(
  RED: NodeAPI,
  node: Node,
  { value, type }: { value: string; type: string },
  message: FaceMessage,
): Promise<unknown> {
  return new Promise((done, fail) => {
    RED.util.evaluateNodeProperty(value, type, node, message, (error, result: unknown) =>
      error ? fail(error) : done(result),
    );
  });
}
