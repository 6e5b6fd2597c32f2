// `npm run test:engines`: the optional engines, each in a folder of its own as a user's would be, and the tests that
// need them.
// Needs npm and, for what is compiled, a C++ compiler, Python and Debian's libopencv-dev. `npm run test:engines
// opencv` is one alone.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm, progress, run, setUp } from "./setup.mjs";
import { runTests, testsIn } from "./tests.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Kept between runs: to compile OpenCV's addon takes minutes. Git ignores it. */
const ENGINES_FOLDER = process.env.FACENET_ENGINES_FOLDER ?? join(root, ".engines");
const { peerDependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * The tests of an engine are test/engines/NAME*.test.ts. They run with FACENET_ENGINE, the folder in whose
 * node_modules its packages
 * are, and with these in NODE_PATH, where `require` finds them as it would beside this package in a user folder.
 * `compile` makes what npm with --ignore-scripts does not; `needs` tells what the compiled files depend on.
 */
const ENGINES = [
  // Packages made on the spot, which are missing, broken or of another computer.
  { name: "stand-ins", packages: [] },
  { name: "heic", packages: ["heic-decode"] },
  // Its own script would download CUDA's part.
  { name: "onnxruntime", packages: ["onnxruntime-node"], options: ["--onnxruntime-node-install=skip"] },
  { name: "opencv", packages: ["@u4/opencv4nodejs"], compile: compileOpenCv, needs: openCvVersion },
];

/** Debian's, as its headers tell. */
function openCvVersion() {
  return execFileSync("pkg-config", ["--modversion", "opencv4"], { encoding: "utf8" }).trim();
}

/** OpenCV's modules that the product uses; to bind all of them takes five times as long. */
const MODULES = ["core", "imgproc", "objdetect"];

/**
 * Leave the other modules out of the addon, by its own means: what OpenCV has not is not compiled, and OpenCV's
 * headers tell what it has.
 * @returns the folder of OpenCV's headers, one of which is another
 */
function onlyWhatIsUsed(folder, addon, includes) {
  const own = join(folder, "include");
  const headers = join(own, "opencv4", "opencv2");
  mkdirSync(headers, { recursive: true });
  const theirs = join(includes, "opencv2");
  for (const name of readdirSync(theirs)) symlinkSync(join(theirs, name), join(headers, name));
  rmSync(join(headers, "opencv_modules.hpp"));
  const has = MODULES.map((name) => `#define HAVE_OPENCV_${name.toUpperCase()}\n`);
  writeFileSync(join(headers, "opencv_modules.hpp"), has.join(""));
  // Their files would be read, headers and all, to become nothing.
  const gyp = join(addon, "binding.gyp");
  const unused = new RegExp(`^\\s*"cc/(?!(?:${MODULES.join("|")})/)\\w+/.*\n`, "gm");
  writeFileSync(gyp, readFileSync(gyp, "utf8").replace(unused, ""));
  return own;
}

/**
 * As npm does it on installing, against this Node.js's own headers where they lie beside it, so that nothing is
 * downloaded.
 */
async function compileOpenCv(folder) {
  const modules = join(folder, "node_modules");
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include/node/node.h")) ? [`--nodedir=${prefix}`] : [];
  const variable = (name) =>
    execFileSync("pkg-config", [`--variable=${name}`, "opencv4"], { encoding: "utf8" }).trim();
  const addon = join(modules, "@u4/opencv4nodejs");
  const env = {
    ...process.env,
    OPENCV4NODEJS_DISABLE_AUTOBUILD: "1",
    OPENCV_INCLUDE_DIR: onlyWhatIsUsed(folder, addon, variable("includedir")),
    OPENCV_LIB_DIR: variable("libdir"),
    OPENCV_BIN_DIR: "/usr/bin",
    // OpenCV itself is compiled already: what binds it need not be fast.
    CXXFLAGS: "-O0",
  };
  await run(
    process.execPath,
    [
      join(modules, "node-gyp/bin/node-gyp.js"),
      "rebuild",
      "--release",
      "--loglevel=error",
      `--jobs=${availableParallelism()}`,
      ...headers,
    ],
    { cwd: addon, env, stdio: ["ignore", "ignore", "inherit"] },
  );
}

/** @returns the engine's folder, with its packages in node_modules, if it has any */
async function install({ name, packages, options = [], compile, needs }, say) {
  if (packages.length === 0) return undefined;
  const folder = join(ENGINES_FOLDER, name);
  const marker = join(folder, ".complete");
  const wanted = packages.map((each) => `${each}@${peerDependencies[each] ?? "latest"}`);
  const key = JSON.stringify([wanted, process.platform, process.arch, process.versions.modules, needs?.()]);
  if (existsSync(marker) && readFileSync(marker, "utf8") === key) return folder;
  say(`installing ${wanted.join(", ")}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: `engine-${name}`, private: true }));
  await npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...options, ...wanted], {
    cwd: folder,
  });
  if (compile !== undefined) {
    say(`compiling ${packages.join(", ")}: minutes, once`);
    await compile(folder);
  }
  writeFileSync(marker, key);
  return folder;
}

async function main(names) {
  const say = progress("engines");
  const unknown = names.filter((name) => !ENGINES.some((engine) => engine.name === name));
  if (unknown.length > 0)
    throw new Error(`no such engine: ${unknown.join(", ")}; there are ${ENGINES.map(({ name }) => name).join(", ")}`);
  await setUp(say);
  const all = testsIn("engines");
  const chosen = ENGINES.filter(({ name }) => names.length === 0 || names.includes(name));
  // One after the other, while those that need none of it are tested: they wait for processes half of the time.
  let before = Promise.resolve();
  const installed = chosen.map((engine) => (before = before.then(() => install(engine, say))));
  // Heard of once it is its turn.
  for (const each of installed) each.catch(() => undefined);
  for (const [at, engine] of chosen.entries()) {
    const folder = await installed[at];
    say(`testing ${engine.name}`);
    const files = all.filter((file) => file.startsWith(join("test/engines", engine.name)));
    const env = folder && { FACENET_ENGINE: folder, NODE_PATH: join(folder, "node_modules") };
    await runTests(files, { env });
  }
  say("all is well");
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
