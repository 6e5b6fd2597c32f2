/** The admin routes of nodes without a Node-RED: written down, or served. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Express, RequestHandler } from "express";
import type { Node, NodeAPI, NodeInitializer } from "node-red";
import { NODE_RED } from "./node-red";

const NODES = join(__dirname, "../../nodes");

const express = createRequire(`${NODE_RED}/package.json`)("express") as () => Express;

export interface AdminRoute {
  method: string;
  path: string;
  /** What needsPermission was asked for, of the handler that runs first; undefined when anybody gets past it. */
  permission: string | undefined;
}

/** A NodeAPI that has only what admin routes need. */
function fakeRed(
  httpAdmin: object,
  nodes: ReadonlyMap<string, object>,
  needsPermission: (permission: string) => unknown,
  log: (text: string) => void,
  settings: object = {},
): NodeAPI {
  return {
    httpAdmin,
    auth: { needsPermission },
    log: { error: log },
    nodes: {
      getNode: (id: string) => (nodes.get(id) as Node | undefined) ?? null,
      eachNode: () => undefined,
      registerType: () => undefined,
    },
    plugins: { registerPlugin: () => undefined },
    settings,
  } as unknown as NodeAPI;
}

/** Every admin route that these modules register, by whatever method of the router. */
export function adminRoutes(modules: readonly NodeInitializer[]): AdminRoute[] {
  const found: AdminRoute[] = [];
  const permissions = new WeakMap<object, string>();
  const needsPermission = (permission: string): RequestHandler => {
    const handler: RequestHandler = (_request, _response, next) => next();
    permissions.set(handler, permission);
    return handler;
  };
  const httpAdmin = new Proxy(
    {},
    {
      get:
        (_, method) =>
        (path: unknown, ...handlers: unknown[]): void => {
          const [first] = typeof path === "string" ? handlers : [path];
          found.push({
            method: String(method),
            path: typeof path === "string" ? path : "*",
            permission: typeof first === "function" ? permissions.get(first) : undefined,
          });
        },
    },
  );
  for (const register of modules) void register(fakeRed(httpAdmin, new Map(), needsPermission, () => undefined));
  return found;
}

/** Every node of this package. */
export function allNodes(): NodeInitializer[] {
  const load = createRequire(__filename);
  const folders = readdirSync(NODES).filter((name) => name !== "common");
  return folders.map((name) => (load(join(NODES, name, name)) as { default: NodeInitializer }).default);
}

export interface Served {
  port: number;
  url: string;
  server: Server;
  /** What was logged as an error. */
  errors: string[];
  close(): Promise<void>;
}

/** Serve what `register` registers to everybody, over these nodes. */
export async function serveAdmin(
  register: (RED: NodeAPI) => void,
  nodes: ReadonlyMap<string, object>,
  settings: object = {},
): Promise<Served> {
  const app = express();
  const errors: string[] = [];
  register(
    fakeRed(
      app,
      nodes,
      () => (_request: unknown, _response: unknown, next: () => void) => next(),
      (text) => errors.push(text),
      settings,
    ),
  );
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { port, url: `http://127.0.0.1:${port}`, server, errors, close };
}
