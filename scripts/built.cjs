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

// What tests start counts nothing: many of these processes are killed, and half a report of one makes Node.js give up
// the whole ("Could not report code coverage"). It hands the folder for reports to all of them, whatever env says.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.env.NODE_V8_COVERAGE !== undefined) {
  const { ChildProcess } = require("node:child_process");
  const { spawn } = ChildProcess.prototype;
  ChildProcess.prototype.spawn = function (options) {
    const envPairs = options.envPairs?.filter((pair) => !pair.startsWith("NODE_V8_COVERAGE="));
    return spawn.call(this, envPairs === undefined ? options : { ...options, envPairs });
  };
}
