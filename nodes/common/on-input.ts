import type { Node, NodeMessageInFlow } from "node-red";
import { sentenceOf, traceOf, UserError } from "../../lib/errors";
import { failures } from "../../lib/observe/failures";
import { Inbox } from "../../lib/workers/inbox";
import { addTiming, cameraOf, CONTRACT_VERSION, type FaceMessage, readVersion } from "../../lib/message";
import { redact } from "../../lib/redact";
import { runtimeLanguage } from "./language";

/** Sends one message, or one (or null) for each output. */
export type Send = (message: FaceMessage | (FaceMessage | null)[]) => void;

/** Does the node's work on one message; throws a sentence when it cannot. */
export type Handler = (message: FaceMessage, send: Send) => Promise<void> | void;

export interface InputOptions {
  /**
   * "latest" (default): a newer frame of the same source takes a waiting one's place. "queue": all wait, up to
   * `bound`.
   */
  policy?: "latest" | "queue";
  bound?: number;
  /** Messages that somebody waits for though they carry a frame: they are queued, never replaced by a newer frame. */
  awaited?: (message: FaceMessage) => boolean;
}

const DEFAULT_BOUND = 100;

/** Say what failed: the node, then the sentence. */
export function nameError(node: Node, error: unknown): Error {
  return new Error(`${redact(node.name || node.type)}: ${sentenceOf(error, runtimeLanguage())}`, { cause: error });
}

/**
 * Every failure is counted, for a diagnosis. What is no sentence for people is ours to mend: the log tells where it
 * happened.
 */
export function logFault(node: Node, error: unknown): void {
  failures.note(node.type, error);
  if (!(error instanceof UserError)) node.log(`a mistake of the program: ${traceOf(error)}`);
}

/**
 * The one funnel for input: the only place that sets failure status and calls `done(error)`.
 * Whatever a handler throws, now or later, ends here, because an unhandled rejection would end Node-RED.
 */
export function onInput(node: Node, handler: Handler, options: InputOptions = {}): Inbox {
  const inbox = new Inbox({ policy: options.policy ?? "latest", bound: options.bound ?? DEFAULT_BOUND });
  let closed = false;
  node.on("input", (message: NodeMessageInFlow, send: (message: never) => void, done: (error?: Error) => void) => {
    const msg = message as unknown as FaceMessage;
    const fail = (error: unknown): void => {
      // A redeploy ends the workers; what they were doing is nobody's error.
      if (closed) {
        done();
        return;
      }
      node.status({ fill: "red", shape: "ring", text: shorten(error) });
      logFault(node, error);
      done(nameError(node, error));
    };
    try {
      const source = options.awaited?.(msg) === true ? undefined : sourceOf(msg);
      inbox.offer(source, {
        run: async () => {
          try {
            readVersion(msg);
            msg.face = { ...msg.face, version: CONTRACT_VERSION };
            if (source !== undefined && inbox.dropped(source) > 0)
              addTiming(msg, { dropped: (msg.timing?.dropped ?? 0) + inbox.dropped(source) });
            await handler(msg, send as unknown as Send);
            done();
          } catch (error) {
            fail(error);
          }
        },
        drop: () => done(),
      });
    } catch (error) {
      fail(error);
    }
  });
  node.on("close", () => {
    closed = true;
    inbox.close();
  });
  return inbox;
}

/** The full sentence goes to `done`; the badge under a node has room for a few words. */
const STATUS_LENGTH = 32;

function shorten(error: unknown): string {
  const words = sentenceOf(error, runtimeLanguage());
  return words.length <= STATUS_LENGTH ? words : `${words.slice(0, STATUS_LENGTH - 1)}…`;
}

function sourceOf(message: FaceMessage): string | undefined {
  const { camera, source } = (message.frame ?? {}) as { camera?: unknown; source?: unknown };
  if (typeof source !== "string") return undefined;
  return cameraOf({ source, camera: typeof camera === "string" ? camera : undefined });
}
