// Compile to dist/ and lay each node's html, locales and icons beside its js, where Node-RED looks for them;
// and to resources/, which Node-RED serves, what runs in the browser.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const begun = new Date();
const NOT_ASSETS = new Set([".ts"]);
const compile = (project) =>
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], {
    cwd: root,
    stdio: "inherit",
  });

for (const folder of ["dist", "resources"]) {
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder));
}
compile("tsconfig.build.json");
for (const folder of ["nodes", "plugins"])
  cpSync(join(root, folder), join(root, "dist", folder), {
    recursive: true,
    filter: (path) => !NOT_ASSETS.has(extname(path)),
  });
// The tables that it makes in a database, which whoever keeps that may want to read.
const migrations = "lib/sites/postgres/migrations";
cpSync(join(root, migrations), join(root, "dist", migrations), { recursive: true });

// The compiler also emits the files of lib/ whose types the editor uses; their code it does not.
compile("editor/tsconfig.build.json");
cpSync(join(root, "dist/.editor/editor"), join(root, "resources"), { recursive: true });
// Of the nodes, what brings old definitions to the present form runs on both sides.
cpSync(join(root, "dist/.editor/nodes"), join(root, "resources/nodes"), {
  recursive: true,
  filter: (path) => !extname(path) || /\/(?:migrations|common)\/[^/]+\.js$/.test(path.replaceAll("\\", "/")),
});
const migrate = join(root, "resources/migrate.js");
writeFileSync(migrate, readFileSync(migrate, "utf8").replaceAll('"../nodes/', '"./nodes/'));
rmSync(join(root, "dist/.editor"), { recursive: true });
for (const sheet of ["sidebar.css", "forms.css"]) cpSync(join(root, "editor", sheet), join(root, "resources", sheet));
mkdirSync(join(root, "resources/vendor"), { recursive: true });
for (const [file, name] of [
  ["dist/uPlot.esm.js", "uPlot.js"],
  ["dist/uPlot.min.css", "uPlot.min.css"],
  ["LICENSE", "uPlot.LICENSE"],
])
  cpSync(join(root, "node_modules/uplot", file), join(root, "resources/vendor", name));

// The set-up compares this file's time with the sources'; what was changed meanwhile is not built.
writeFileSync(join(root, "dist/.built"), "");
utimesSync(join(root, "dist/.built"), begun, begun);
