// Loaded before tests whose coverage is taken: those of other folders than lib and api, and the Node-REDs that they
// start, neither count nor pay for it.
const v8 = require("node:v8");
const { isMainThread } = require("node:worker_threads");

// Threads and processes of such a test have no NODE_V8_COVERAGE any more.
if (isMainThread && /[\\/]test[\\/](?!lib|api)[\w-]+[\\/][^.]+\.test\.ts$/.test(process.argv[1] ?? "")) {
  delete process.env.NODE_V8_COVERAGE;
  v8.stopCoverage();
}
