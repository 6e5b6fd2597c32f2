import type { NodeAPI } from "node-red";
import { route } from "../../api/http/route";

/** Topic of the editor's websocket, and path under the admin root; the node's id follows. */
const PATH = "facenet/preview";
/** At most ten pictures a second to each editor. */
const LEAST_INTERVAL_MS = 100;
/** An open editor asks again every five seconds; one that closed is forgotten after this. */
const LEASE_MS = 12_000;

/**
 * Node-RED tells no node who listens, so an open editor renews a lease by POST for the previews it shows. By a clock
 * that is never put forward or back.
 */
const leases = new WeakMap<object, number>();

/** A small picture below a node in the editor, made only while somebody looks. */
export class Preview {
  readonly #RED: NodeAPI;
  readonly #node: { id: string };
  #last = -Infinity;
  #busy = false;

  constructor(RED: NodeAPI, node: { id: string }) {
    this.#RED = RED;
    this.#node = node;
  }

  /**
   * Show the picture that `make` returns (a small JPEG), unless nobody looks or one was shown just now.
   * @throws what `make` throws
   */
  async offer(make: () => Promise<Buffer>): Promise<void> {
    const now = performance.now();
    if (this.#busy || now - this.#last < LEAST_INTERVAL_MS || now > (leases.get(this.#node) ?? -Infinity)) return;
    this.#busy = true;
    this.#last = now;
    try {
      const jpeg = await make();
      this.#RED.comms.publish(`${PATH}/${this.#node.id}`, { id: this.#node.id, jpeg: jpeg.toString("base64") }, false);
    } finally {
      this.#busy = false;
    }
  }

  /** Take the picture away. */
  clear(): void {
    this.#RED.comms.publish(`${PATH}/${this.#node.id}`, { id: this.#node.id }, false);
  }
}

/** The route by which an editor says that it shows the preview of a node of this type. */
export function servePreview(RED: NodeAPI, type: string): void {
  RED.httpAdmin.post(
    `/${PATH}/${type}/:id`,
    RED.auth.needsPermission(`${type}.read`),
    route(RED, async (request, response) => {
      const node = RED.nodes.getNode(String(request.params["id"]));
      if (node?.type !== type) {
        response.sendStatus(404);
        return;
      }
      leases.set(node, performance.now() + LEASE_MS);
      response.sendStatus(204);
    }),
  );
}
