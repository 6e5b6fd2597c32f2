import { createRequire } from "node:module";
import type { Node, NodeInitializer } from "node-red";
import type { FaceMessage } from "../../lib/message";
import { NODE_RED } from "./node-red";
import { errorMessage } from "../../lib/errors";

interface Helper {
  init(runtime: string, settings?: object): void;
  startServer(done: () => void): void;
  stopServer(done: () => void): void;
  load(nodes: NodeInitializer[], flow: object[], credentials?: object): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): Node;
  settings(settings: object): void;
  request(): Admin;
}

const here = createRequire(__filename);

/** node-red-node-test-helper, typed as far as it is used here. */
export const helper = here("node-red-node-test-helper") as Helper;
helper.init(here.resolve(NODE_RED));

export const startServer = (): Promise<void> =>
  new Promise((resolve) => {
    helper.startServer(resolve);
  });
export const stopServer = (): Promise<void> =>
  new Promise((resolve) => {
    helper.stopServer(resolve);
  });

/** The next message that arrives at a helper node. */
export function nextMessage(id: string): Promise<FaceMessage> {
  return new Promise((resolve) => {
    helper.getNode(id).once("input", (message) => {
      resolve(message as FaceMessage);
    });
  });
}

interface Spy {
  once(event: "call:error" | "call:log", listener: (call: { args: [unknown] }) => void): void;
}

/** The sentence of the next error that a node reports, by done(error) or by itself. */
export function nextError(id: string): Promise<string> {
  return new Promise((resolve) => {
    (helper.getNode(id) as unknown as Spy).once("call:error", ({ args: [error] }) => {
      resolve(errorMessage(error));
    });
  });
}

/** What a node logs next. */
export function nextLog(id: string): Promise<string> {
  return new Promise((resolve) => {
    (helper.getNode(id) as unknown as Spy).once("call:log", ({ args: [text] }) => {
      resolve(String(text));
    });
  });
}

export function send(id: string, message: FaceMessage): void {
  helper.getNode(id).receive(message);
}

interface Answer {
  status: number;
  text: string;
  body: Record<string, unknown>;
}

interface AdminRequest extends Promise<Answer> {
  set(header: string, value: string): AdminRequest;
  send(body?: Buffer | string): AdminRequest;
}

type Admin = Record<"get" | "post" | "delete", (path: string) => AdminRequest>;

/** Asks the admin routes of the nodes loaded now. */
export function admin(): Admin {
  return helper.request();
}
