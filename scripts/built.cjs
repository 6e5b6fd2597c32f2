// Loaded before tests: they take lib/, api/ and nodes/ as they are built, not through tsx. V8 then counts lines of
// what it runs; Node 20 knows no source maps here.
const { existsSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const ROOT = path.join(__dirname, "..") + path.sep;
const SOURCE = new RegExp(`^(?:api|lib|nodes)[\\\\/].*\\.ts$`);
const resolve = Module._resolveFilename;

Module._resolveFilename = function (...given) {
  const file = resolve.apply(this, given);
  if (typeof file !== "string" || !file.startsWith(ROOT)) return file;
  const place = file.slice(ROOT.length);
  if (!SOURCE.test(place)) return file;
  const built = path.join(ROOT, "dist", place.replace(/\.ts$/, ".js"));
  return existsSync(built) ? built : file;
};
