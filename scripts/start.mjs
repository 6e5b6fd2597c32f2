// `npm start`: set up what is missing, then run the bundled example flow on the demo video in a real Node-RED.
import { mkdirSync, rmSync, symlinkSync, writeFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path, { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { progress, setUp } from "./setup.mjs";

const USAGE = `npm start                      the demo in Node-RED, until Ctrl-C
npm start -- --once            plays the demo video one time, then prints a summary and ends
npm start -- --original        the same as the program this package grew from did it: Haar 1.3 and 5, the box with
                               50 px around it and not aligned, dlib's 128 numbers, Euclidean distance, τ 0.7; for
                               comparison
npm start -- --port 1881       the editor's port; or the environment variable PORT; else 1880 if free, else a free one
npm start -- --folder DIR      where the demo keeps all it makes; else .demo in the clone`;

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const HOST = "127.0.0.1";
const DEFAULT_PORT = 1880;
/** After the video's end: how long no node may have anything to do before all is said. */
const QUIET_MS = 1000;
/**
 * The networks load and the photos are embedded in this time, on a slow and busy computer too, or something is wrong.
 */
const READY_TIMEOUT_MS = 600_000;

async function main() {
  const { values } = parseArgs({
    options: {
      once: { type: "boolean", default: false },
      original: { type: "boolean", default: false },
      port: { type: "string" },
      folder: { type: "string", default: join(root, ".demo") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const say = progress("demo");
  await setUp(say);
  // Only now are the modules there that these import.
  const [{ makeDemo, PEOPLE }, { demoFlow, IDS }, { enrolled, Rehearsal, Work }, { Report }] = await Promise.all([
    import("./demo-video.mjs"),
    import("./demo-flow.mjs"),
    import("./demo-ready.mjs"),
    import("./demo-report.mjs"),
  ]);
  const folder = path.resolve(values.folder);
  // Each has a gallery of its own: embeddings of two networks are never compared.
  const places = {
    userDir: join(folder, values.original ? "node-red-original" : "node-red"),
    greetings: join(folder, "greetings"),
    frames: join(folder, "frames"),
  };
  const demo = await makeDemo(folder, say);
  for (const kept of [places.greetings, places.frames]) {
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
  }
  makeUserDir(places.userDir, demoFlow(root, { ...demo, ...places, once: values.once, original: values.original }));

  const { server, port } = await listen(values.port ?? process.env.PORT);
  const RED = embedded(server, places.userDir);
  const report = new Report();
  const work = new Work(RED, [IDS.detect, IDS.embed, IDS.match, IDS.greet, IDS.annotate]);
  const rehearsal = new Rehearsal();
  let videoEnded;
  const ended = new Promise((resolve) => {
    videoEnded = resolve;
  });
  RED.hooks.add("onSend.demo", (events) => {
    for (const { msg, source } of events) {
      if (rehearsal.includes(msg)) {
        if (source.id === IDS.match) rehearsal.passed();
        continue;
      }
      if (source.id === IDS.match && msg.faces !== undefined)
        report.decision(msg).forEach((line) => console.log(line));
      if (source.id === IDS.greet) greetingOnce(msg);
      if (source.id === IDS.camera && msg.payload?.event === "ended") videoEnded();
    }
  });
  let lastGreeting = "";
  const greetingOnce = ({ text, names, payload, engine, frame }) => {
    // A message goes along each wire; one line is enough.
    const greeting = `${frame?.sequence} ${text}`;
    if (greeting === lastGreeting) return;
    lastGreeting = greeting;
    const seconds = report.greeted(names);
    console.log(
      `          ♪ "${text}" after ${seconds.toFixed(1)} ` +
        `s${Buffer.isBuffer(payload) ? `, spoken by ${engine}` : " (no speech engine here: text only)"}`,
    );
  };

  const stop = async (code) => {
    // A second Ctrl-C does not wait.
    for (const signal of ["SIGINT", "SIGTERM"])
      process.removeAllListeners(signal).once(signal, () => process.exit(code));
    await RED.stop();
    server.close();
    server.closeAllConnections();
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      console.log("\nstopping");
      void stop(0);
    });
  }

  /** The camera starts when the recognizer is ready for the first person, so that every run shows the same. */
  const begin = async () => {
    const gallery = await RED.nodes.getNode(IDS.gallery).gallery;
    await within(
      READY_TIMEOUT_MS,
      (signal) => enrolled(gallery, PEOPLE.length, signal),
      () =>
        `only ${gallery.people.length} of ${PEOPLE.length} people could be enrolled. ` +
        `${gallery.problems.map(({ message }) => message).join(" ")}`,
    );
    await within(
      READY_TIMEOUT_MS,
      () => rehearsal.play((id, message) => RED.nodes.getNode(id).receive(message)),
      () => "the networks could not be loaded: look at the lines above.",
    );
    return gallery;
  };
  const play = () => RED.nodes.getNode(IDS.camera).receive({ payload: "start" });
  const started = new Promise((resolve) => {
    RED.events.once("flows:started", resolve);
  });
  await RED.start();
  await started;
  say(`Node-RED ${RED.version()} runs: open http://${HOST}:${port}/ to see the flow live`);
  if (values.original)
    say("as the original: Haar 1.3 and 5, 50 px around the box, not aligned, 128 numbers, Euclidean distance, τ 0.7");
  say("loading the networks and enrolling the demo's people");
  const gallery = await begin();
  say(
    `enrolled: ${gallery.people
      .map(({ name }) => name)
      .sort()
      .join(", ")}`,
  );
  say(`greetings are kept in ${places.greetings}, annotated frames in ${places.frames}`);
  report.start();
  play();
  if (!values.once) {
    // Also after each deploy in the editor.
    RED.events.on(
      "flows:started",
      () =>
        void begin()
          .then(play)
          .catch((error) => console.error(error.message)),
    );
    return;
  }
  await ended;
  await work.done(QUIET_MS);
  console.log("");
  report.summary().forEach((line) => console.log(line));
  console.log(`\ngreetings: ${places.greetings}\nframes:    ${places.frames}`);
  if (report.matched === 0) console.error("\nnobody was recognized");
  await stop(report.matched === 0 ? 1 : 0);
}

/** @param work is told when its time is over @throws what `sentence` says when it takes longer */
async function within(milliseconds, work, sentence) {
  const signal = AbortSignal.timeout(milliseconds);
  const late = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(sentence())));
  });
  return Promise.race([work(signal), late]);
}

/** A Node-RED user folder of the demo's own, in which this package is installed by a link. */
function makeUserDir(userDir, flow) {
  const link = join(userDir, "node_modules/@facewire/node-red-facenet");
  mkdirSync(dirname(link), { recursive: true });
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(root, link, "junction");
  }
  writeFileSync(
    join(userDir, "package.json"),
    JSON.stringify(
      { name: "facenet-demo", private: true, dependencies: { "@facewire/node-red-facenet": "*" } },
      null,
      2,
    ),
  );
  writeFileSync(join(userDir, "flows.json"), JSON.stringify(flow, null, 2));
}

/** The user's port, else 1880 if it is free, else a free one. */
async function listen(wanted) {
  const server = createServer();
  const on = (port) =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, HOST, () => {
        server.removeListener("error", reject);
        resolve(server.address().port);
      });
    });
  if (wanted !== undefined && wanted !== "") {
    const port = Number(wanted);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw new Error(`"${wanted}" is no port: give a number from 0 to 65535.`);
    return {
      server,
      port: await on(port).catch((error) => {
        throw new Error(
          `port ${port} cannot be used (${error.code}): choose another with "npm start -- --port 1881".`,
        );
      }),
    };
  }
  return { server, port: await on(DEFAULT_PORT).catch(() => on(0)) };
}

/** Node-RED in this process, as its documentation embeds it. */
function embedded(server, userDir) {
  const express = createRequire(require.resolve("node-red"))("express");
  const app = express();
  server.on("request", app);
  const RED = require("node-red");
  RED.init(server, {
    userDir,
    flowFile: "flows.json",
    httpAdminRoot: "/",
    httpNodeRoot: "/",
    uiHost: HOST,
    // The flow has no credentials; without a secret Node-RED would make one up at each start.
    credentialSecret: false,
    telemetry: { enabled: false },
    editorTheme: { tours: false, page: { title: "Face recognition demo" } },
    logging: { console: { level: "warn", metrics: false, audit: false } },
  });
  app.use("/", RED.httpAdmin);
  app.use("/", RED.httpNode);
  return RED;
}

await main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
