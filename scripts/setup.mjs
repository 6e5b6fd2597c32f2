// From a bare clone to something that runs: dependencies by the lockfile, then the build. Plain Node, nothing
// installed before.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const LEAST_NODE = [20, 19];
/** Of a command in an error: some name a hundred test files. */
const COMMAND_LENGTH = 80;

/** Written by npm when an install is complete. */
const INSTALLED = join(root, "node_modules/.package-lock.json");
/** Written by scripts/build.mjs when a build is complete. */
const BUILT = join(root, "dist/.built");
const SOURCES = [
  "api",
  "lib",
  "nodes",
  "editor",
  "plugins",
  "scripts/build.mjs",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
];

/** Names the process that installs or builds. */
const LOCK = join(root, ".set-up");
const LOOK_MS = 200;
/** Between making the file and writing into it. */
const NAMELESS_MS = 10_000;

/** Install and build what is missing or out of date; of several processes one does it. @throws a sentence */
export async function setUp(say = progress("set-up")) {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    throw new Error(`Node.js ${LEAST_NODE.join(".")} or newer is needed; this is ${process.versions.node}.`);
  if (installed() && built()) return;
  await alone(async () => {
    if (!installed()) {
      say("installing the dependencies (npm ci): about a minute, once");
      // Also when npm itself runs this, to pack or for a production: its settings are ours otherwise.
      await npm([
        "ci",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--include=dev",
        "--include=optional",
        "--dry-run=false",
        "--global=false",
      ]);
      say("dependencies are installed");
    }
    if (!built()) {
      say("building");
      await run(process.execPath, [join(root, "scripts/build.mjs")]);
      say("built");
    }
  });
}

const installed = () => modified(INSTALLED) >= modified(join(root, "package-lock.json"));
const built = () => modified(BUILT) >= Math.max(...SOURCES.map((source) => newest(join(root, source))));

/** Wait for whoever does the same in this folder, then do it. */
async function alone(work) {
  while (!locked()) await pause(LOOK_MS);
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function locked() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  // What was killed holds nothing.
  const holder = Number(existsSync(LOCK) ? readFileSync(LOCK, "utf8") : 0);
  if (holder > 0 ? !runs(holder) : Date.now() - modified(LOCK) > NAMELESS_MS) rmSync(LOCK, { force: true });
  return false;
}

function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** A line a step, with the seconds since the start. */
export function progress(what) {
  const start = Date.now();
  return (line) => console.log(`[${what} ${((Date.now() - start) / 1000).toFixed(0).padStart(3)} s] ${line}`);
}

/** Run npm: the one that started this, else the one on PATH. */
export function npm(args, options = {}) {
  const own = process.env.npm_execpath;
  if (own !== undefined && /npm-cli\.c?js$/.test(own)) return run(process.execPath, [own, ...args], options);
  return run("npm", args, { shell: process.platform === "win32", ...options });
}

/** Run a program to its end, its output on ours. @throws a sentence when it fails */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
    child.once("error", reject);
    child.once("close", (code, signal) =>
      code === 0
        ? resolve()
        : reject(
            new Error(
              `${[basename(command), ...args].join(" ").slice(0, COMMAND_LENGTH)} ended with ${signal ?? code}`,
            ),
          ),
    );
  });
}

/** Milliseconds since the epoch; 0 where there is nothing. */
function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(path) {
  const found = existsSync(path) ? statSync(path) : undefined;
  if (found === undefined) return 0;
  // A folder's own time tells of files that were removed.
  return found.isDirectory()
    ? Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
    : found.mtimeMs;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await setUp().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
