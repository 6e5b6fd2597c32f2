/** A real Node-RED in a process of its own, with this package as it is built. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const ROOT = join(__dirname, "../..");
/** A busy computer takes ten times as long as a quiet one; longer than this is never. */
const START_TIMEOUT_MS = 180_000;

/** The folder of the node-red package to test with: the project's own, or the one that scripts/matrix.mjs names. */
export const NODE_RED =
  process.env["FACENET_NODE_RED"] ?? dirname(createRequire(__filename).resolve("node-red/package.json"));

export type FlowNode = Record<string, unknown> & { id: string; type: string };

/** An example of the import dialog, by its name without the number before it. */
export function example(name: string): FlowNode[] {
  const folder = join(ROOT, "examples");
  const file = readdirSync(folder).find((each) => each.replace(/^\d+ - /, "") === `${name}.json`);
  if (file === undefined) throw new Error(`there is no example "${name}"`);
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as FlowNode[];
}

export function nodeOf(flow: FlowNode[], id: string): FlowNode {
  const node = flow.find((each) => each.id === id);
  if (node === undefined) throw new Error(`the example has no node ${id}`);
  return node;
}

export interface NodeRed {
  url: string;
  userDir: string;
  process: ChildProcess;
  /** All that it logged so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface StartOptions {
  userDir?: string;
  /** Node-RED's red.js; default the one of this project. */
  red?: string;
  /** The Node.js to run it; default this one. */
  node?: string;
  settings?: string;
  env?: NodeJS.ProcessEnv;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

let isBuilt = false;

/** The package as today's sources make it, also where a test file is run by itself. */
export function build(): void {
  if (!isBuilt)
    execFileSync(process.execPath, [join(ROOT, "scripts/setup.mjs")], { stdio: ["ignore", "ignore", "inherit"] });
  isBuilt = true;
}

/** A user folder in which this package is installed by a link, as `npm link` does it. */
export function linkedUserDir(): string {
  build();
  const userDir = mkdtempSync(join(tmpdir(), "node-red-"));
  mkdirSync(join(userDir, "node_modules/@facewire"), { recursive: true });
  symlinkSync(ROOT, join(userDir, "node_modules/@facewire/node-red-facenet"), "junction");
  writeFileSync(
    join(userDir, "package.json"),
    JSON.stringify({ name: "user", private: true, dependencies: { "@facewire/node-red-facenet": "*" } }),
  );
  return userDir;
}

/** What Node-RED logs once it runs, in English and in Taiwan's Chinese. */
const STARTED = [/Started flows|流程已啟動/, /Server now running|服務器現在/];

/** Somebody else may take a port between its being found free and its being used. */
const PORT_TRIES = 5;

/** Start it with a flow. Resolves when the flow runs. */
export async function startNodeRed(flow: FlowNode[], options: StartOptions = {}): Promise<NodeRed> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryToStart(flow, options);
    } catch (error) {
      if (tries >= PORT_TRIES || !String(error).includes("port in use")) throw error;
    }
  }
}

async function tryToStart(flow: FlowNode[], options: StartOptions): Promise<NodeRed> {
  const userDir = options.userDir ?? linkedUserDir();
  const port = await freePort();
  writeFileSync(join(userDir, "flows.json"), JSON.stringify(flow));
  writeFileSync(
    join(userDir, "settings.js"),
    `module.exports = { lang: "en-US", uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: "test", ` +
      `editorTheme: { tours: false }, telemetry: { enabled: false }, ${options.settings ?? ""} };`,
  );
  const red = options.red ?? join(NODE_RED, "red.js");
  const child = spawn(
    options.node ?? process.execPath,
    [red, "--userDir", userDir, "--settings", join(userDir, "settings.js"), "--port", String(port)],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } },
  );
  let log = "";
  const started = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Node-RED did not start:\n${log}`)), START_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        // The one may come before the other on a busy machine.
        if (!STARTED.every((words) => words.test(log))) return;
        clearTimeout(timer);
        resolve();
      });
    }
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`Node-RED ended with ${code}:\n${log}`));
    });
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(killer);
  };
  try {
    await started;
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, userDir, process: child, log: () => log, stop };
}

/** Poll until a value is there. */
export async function eventually<T>(
  what: string,
  get: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 180_000,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const value = await get();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
