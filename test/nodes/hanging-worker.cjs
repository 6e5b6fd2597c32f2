// Loaded before anything else into a Node-RED and its workers: while the file HANG is there a worker that opens a
// picture hangs.
const { existsSync } = require("node:fs");
const Module = require("node:module");
const { isMainThread } = require("node:worker_threads");

if (!isMainThread) {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  const load = Module._load;
  Module._load = function loadSlow(request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request !== "sharp") return loaded;
    return new Proxy(loaded, {
      apply(target, self, args) {
        while (existsSync(process.env.HANG)) Atomics.wait(nothing, 0, 0, 50);
        return Reflect.apply(target, self, args);
      },
    });
  };
}
