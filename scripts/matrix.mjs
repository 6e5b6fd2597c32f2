// The node tests on the newest pair of Node.js and Node-RED that Node-RED names, and the HTTP API's and some of the
// editor's; and what depends on Node.js itself on a newer one. For CI: it installs them into a temporary folder.
// What takes long, and has to do with neither, npm test alone runs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npm, progress, setUp } from "./setup.mjs";
import { runTests, subjectOf, testsIn } from "./tests.mjs";

const EDITOR = testsIn("e2e").filter((file) => subjectOf(file) === "e2e/sidebar");
/** About networks, faces, films, gates and books, or many messages to one handler. */
const OF_NEITHER = [
  "change-network",
  "covered-faces",
  "tracks",
  "motion-gate",
  "face-liveness",
  "walks",
  "unwatched-visits",
  "face-gate",
  "face-notify",
  "face-attendance",
  "hostile",
];
const NODE_JS = ["camera", "pipeline", "motion-gate", "face-gate", "migrations"];

const isOne = (file, names) => names.includes(subjectOf(file).split("/").at(-1));

/** Each Node.js and each Node-RED; all of it on Node.js 20 and Node-RED 4.1 is `npm test -- --all`. */
const COMBINATIONS = [
  { node: "22", nodeRed: "5", folders: ["api", "nodes"], also: EDITOR },
  // What depends on Node.js itself: Buffers, child processes, workers, files.
  { node: "24", nodeRed: "4.1", folders: [], also: testsIn("nodes").filter((file) => isOne(file, NODE_JS)) },
];

const isOfEither = (file) => !isOne(file, OF_NEITHER);

const say = progress("matrix");
const folder = mkdtempSync(join(tmpdir(), "facenet-matrix-"));

/** Install one package into a folder of its own. @returns the package's folder */
async function fetchPackage(name, version) {
  const prefix = join(folder, `${name}-${version}`);
  await npm([
    "install",
    "--prefix",
    prefix,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--prefer-offline",
    `${name}@${version}`,
  ]);
  return join(prefix, "node_modules", name);
}

/** The npm package `node` downloads one of these in a script; they hold the runtime itself. */
async function fetchNode(version) {
  const windows = process.platform === "win32";
  return join(
    await fetchPackage(`node-${windows ? "win" : process.platform}-${process.arch}`, version),
    "bin",
    windows ? "node.exe" : "node",
  );
}

async function main() {
  await setUp(say);
  const failed = [];
  const nodes = new Map();
  const nodeReds = new Map();
  for (const { node, nodeRed, folders, also = [] } of COMBINATIONS) {
    const files = [...folders.flatMap(testsIn).filter(isOfEither), ...also];
    say(`Node.js ${node}, Node-RED ${nodeRed}: ${files.length} test files`);
    if (!nodes.has(node)) nodes.set(node, await fetchNode(node));
    if (!nodeReds.has(nodeRed)) nodeReds.set(nodeRed, await fetchPackage("node-red", nodeRed));
    await runTests(files, { node: nodes.get(node), env: { FACENET_NODE_RED: nodeReds.get(nodeRed) } }).catch(() =>
      failed.push(`Node.js ${node} with Node-RED ${nodeRed}`),
    );
  }
  if (failed.length > 0) throw new Error(`tests failed on ${failed.join(", ")}`);
  say("all is well on all");
}

await main()
  .catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  })
  .finally(() => rmSync(folder, { recursive: true, force: true }));
