import type { Node } from "node-red";
import { traceOf } from "../../lib/errors";
import { failures } from "../../lib/observe/failures";

/**
 * What a node ends when it closes. Node-RED waits for it, at most 15 s, and then goes on: what fails is logged, and
 * holds up no redeploy.
 * @param end is told whether the node was deleted, or disabled, and does not only restart
 */
export function onClose(node: Node, end: (removed: boolean) => Promise<unknown>): void {
  node.on("close", (removed: boolean, done: () => void) => {
    const close = async (): Promise<void> => {
      try {
        await end(removed);
      } catch (error) {
        tell(error);
      }
      done();
    };
    const tell = (error: unknown): void => {
      failures.note(node.type, error);
      node.log(`could not be closed: ${traceOf(error)}`);
    };
    // Of `done` too, which is not ours.
    close().catch(tell);
  });
}
