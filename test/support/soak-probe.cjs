// Loaded before anything else into a Node-RED that is watched for long, and into its threads: lets a test move its
// clock, end its workers, and see what it holds. It answers on a port of its own, which it writes into SOAK_PORT.
const { readdirSync, readFileSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:http");
const path = require("node:path");
const threads = require("node:worker_threads");

const CLOCK = "facenet.soak.clock";
const RealDate = Date;
/** Offset in milliseconds, speed, and since when it has gone at this speed; shared with every thread. */
const clock = threads.isMainThread ? new Float64Array(new SharedArrayBuffer(24)) : threads.getEnvironmentData(CLOCK);

function now() {
  const real = RealDate.now();
  const [offset, speed, since] = clock;
  return Math.floor(offset + (speed === 1 ? real : since + (real - since) * speed));
}

const ticks = performance.now.bind(performance);
/** Of the clock that only goes on: where it was when its speed changed, and when that was. */
let [wentTo, wentAt] = [0, 0];

/** It is not put anywhere, but goes as fast as the other. */
function monotonic() {
  return wentTo + (ticks() - wentAt) * clock[1];
}

function moveClock(offset, speed) {
  [wentTo, wentAt] = [monotonic(), ticks()];
  clock.set([offset, speed, RealDate.now()]);
}

// Children that Node-RED starts get the same environment; they are others' processes and keep their clock.
const watched = threads.isMainThread
  ? path.basename(process.argv[1] ?? "") === "red.js"
  : clock instanceof Float64Array;
if (watched) {
  if (threads.isMainThread) {
    clock[1] = 1;
    moveClock(Number(process.env.SOAK_OFFSET ?? 0), 1);
    performance.now = monotonic;
    threads.setEnvironmentData(CLOCK, clock);
  }
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
    apply: () => new RealDate(now()).toString(),
    get: (target, key, receiver) => (key === "now" ? now : Reflect.get(target, key, receiver)),
  });
}

/** Its own threads, as long as they live. */
const workers = new Set();

if (watched && threads.isMainThread) {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      workers.add(this);
      this.once("exit", () => workers.delete(this));
    }
  };
  require("node:v8").setFlagsFromString("--expose-gc");
  const gc = require("node:vm").runInNewContext("gc");
  const counted = (names) => {
    const counts = {};
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
  const listenersOf = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

  const answers = {
    async figures() {
      // What the first collection lets go of, finalizers among it, the later ones free.
      for (let round = 0; round < 4; round += 1) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
      const { events } = require("node:module").createRequire(process.argv[1])("@node-red/util");
      const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
      return {
        rss,
        heapUsed,
        external,
        arrayBuffers,
        workers: workers.size,
        descriptors: readdirSync("/proc/self/fd").length,
        threads: readdirSync("/proc/self/task").length,
        children: children.filter((pid) => pid !== "").map(Number),
        resources: counted(process.getActiveResourcesInfo()),
        listeners: listenersOf(process) + listenersOf(events),
      };
    },
    /** End a thread in the midst of whatever it does. */
    async endWorker({ index }) {
      const one = [...workers][index % Math.max(1, workers.size)];
      await one?.terminate();
      return { ended: one !== undefined };
    },
    clock({ offset = now() - RealDate.now(), speed = 1 }) {
      moveClock(offset, speed);
      return { now: now() };
    },
    /** Hold on to so much memory, so that a test can see that it would notice. */
    leak({ megabytes = 0, timers = 0, listeners = 0 }) {
      const kept = (globalThis.soakLeak ??= []);
      kept.push(Array.from({ length: megabytes * 16 }, () => Array.from({ length: 8192 }, Math.random)));
      for (let index = 0; index < timers; index += 1) kept.push(setInterval(() => undefined, 1000));
      for (let index = 0; index < listeners; index += 1) process.on("soak", () => kept);
      return {};
    },
  };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => (text += part));
    request.on("end", () => {
      const { ask, ...rest } = JSON.parse(text);
      const reply = (answer) => response.setHeader("Connection", "close").end(JSON.stringify(answer));
      Promise.resolve(answers[ask](rest)).then(reply, (error) => reply({ error: String(error) }));
    });
  });
  server.listen(0, "127.0.0.1", () => writeFileSync(process.env.SOAK_PORT, String(server.address().port)));
  server.unref();
}
