// `npm run dev`: Node-RED with this package, built anew and restarted at each change of the sources.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync, watch, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path, { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { progress, run, setUp } from "./setup.mjs";

const USAGE = `npm run dev                    Node-RED at port 1880; flows are kept in .demo/dev
npm run dev -- --port 1881     another port
npm run dev -- --folder DIR    another user folder`;

const root = fileURLToPath(new URL("..", import.meta.url));
const WATCHED = ["api", "lib", "nodes", "editor", "plugins"];
/** Editors write a file in several steps, and Git writes many files. */
const SETTLE_MS = 300;
/** A Node-RED that does not end by then is ended. */
const STOP_MS = 10_000;

/**
 * Does work again and again: once at a time, and once more where it was asked for meanwhile, however often.
 * @param work @param wait milliseconds without a further request before it begins
 */
export function repeater(work, wait) {
  let timer;
  let running;
  let again = false;
  const begin = () => {
    timer = undefined;
    running = work().finally(() => {
      running = undefined;
      if (!again) return;
      again = false;
      ask();
    });
  };
  const ask = () => {
    if (running !== undefined) {
      again = true;
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(begin, wait);
  };
  return {
    ask,
    /** Nothing begins any more; resolves when what runs has ended. */
    stop: async () => {
      clearTimeout(timer);
      again = false;
      await running;
      clearTimeout(timer);
    },
  };
}

/** A user folder in which this package is installed by a link. */
function makeUserDir(userDir) {
  const link = join(userDir, "node_modules/@facewire/node-red-facenet");
  mkdirSync(dirname(link), { recursive: true });
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(root, link, "junction");
  }
  if (!existsSync(join(userDir, "package.json")))
    writeFileSync(
      join(userDir, "package.json"),
      JSON.stringify({ name: "facenet-dev", private: true, dependencies: { "@facewire/node-red-facenet": "*" } }),
    );
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "1880" },
      folder: { type: "string", default: join(root, ".demo/dev") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const say = progress("dev");
  const userDir = path.resolve(values.folder);
  await setUp(say);
  makeUserDir(userDir);
  const red = join(dirname(createRequire(import.meta.url).resolve("node-red/package.json")), "red.js");

  let child;
  let closing = false;
  const start = () => {
    child = spawn(process.execPath, [red, "--userDir", userDir, "--port", values.port], { stdio: "inherit" });
    child.once("exit", (code) => {
      if (!closing && code !== 0 && code !== null)
        say(`Node-RED ended with ${code}: it starts again at the next change`);
    });
  };
  const stop = async () => {
    const ending = child;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise((resolve) => {
      ending.once("exit", resolve);
    });
    ending.kill("SIGTERM");
    const killer = setTimeout(() => ending.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(killer);
  };
  const renew = async () => {
    say("building");
    try {
      await run(process.execPath, [join(root, "scripts/build.mjs")]);
    } catch {
      say("that does not build: Node-RED waits for the next change");
      return;
    }
    await stop();
    if (closing) return;
    say("starting Node-RED anew");
    start();
  };
  const { ask, stop: settle } = repeater(renew, SETTLE_MS);
  const watchers = WATCHED.map((folder) => watch(join(root, folder), { recursive: true }, ask));
  start();
  const end = async () => {
    if (closing) return;
    closing = true;
    for (const watcher of watchers) watcher.close();
    await settle();
    await stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void end());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
