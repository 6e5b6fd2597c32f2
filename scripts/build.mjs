// Compile to dist/ and lay each node's html, locales and icons beside its js, where Node-RED looks for them.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const NOT_ASSETS = new Set([".ts"]);

rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(join(root, "dist"));
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
cpSync(join(root, "nodes"), join(root, "dist/nodes"), { recursive: true, filter: (path) => !NOT_ASSETS.has(extname(path)) });
// The set-up compares this file's time with the sources'.
writeFileSync(join(root, "dist/.built"), "");
