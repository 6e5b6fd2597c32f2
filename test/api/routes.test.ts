/**
 * The HTTP API's manners, without a Node-RED: what is registered, listeners that do not listen, senders that do not
 * send.
 */
import assert from "node:assert/strict";
import { EventEmitter, once, setMaxListeners } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Fault, UserError } from "../../lib/errors";
import { NotFound } from "../../lib/people/errors";
import { routes } from "../../api/api";
import { API_ROOT, PERMISSIONS } from "../../api/routes";
import { serveApi } from "../../nodes/common/serve-api";
import { adminRoutes, allNodes, serveAdmin, type Served } from "../support/admin";
import { eventually } from "../support/node-red";

describe("admin routes", () => {
  it(
    "all ask for a permission first, in every node; the pages of the browser's camera and of the self-test, which " +
      "hold nothing, do not",
    async () => {
      const all = adminRoutes(allNodes());
      assert.deepEqual(
        all.filter(({ permission }) => permission === undefined).map(({ method, path }) => `${method} ${path}`),
        ["get /facenet/camera/:id", "get /facenet/liveness/:id"],
      );
      assert.deepEqual(
        all.filter(({ path }) => path.startsWith(API_ROOT)),
        routes.map(({ method, path, permission }) => ({
          method,
          path: API_ROOT + path,
          permission: PERMISSIONS[permission],
        })),
        "what is registered is what is described",
      );
      assert.equal(
        all.find(({ path }) => path === "/facenet/camera/:id/frame")?.permission,
        "facewire-camera.write",
        "whoever may only look sends no picture",
      );
      const readers = routes
        .filter(({ method, permission }) => method !== "get" && permission === "read")
        .map(({ path }) => path);
      assert.deepEqual(
        readers,
        ["/:gallery/visits/alike", "/:gallery/identify", "/:gallery/people/:person/verify"],
        "whatever changes something asks for facenet.write",
      );
    },
  );
});

class FakeGallery extends EventEmitter {
  readonly roster = {};
  readonly summary = { model: "dlib-resnet-v1", threshold: 0.6 };
  embeddings = (): Iterable<object> => [];
  loaded = (): Promise<void> => Promise.resolve();
  encode = (): Promise<object[]> => Promise.resolve([]);
  listPeople = (): object => ({ total: 0, groups: [], people: [] });
  exportTo = async (write: (chunk: Uint8Array) => Promise<void>): Promise<void> => write(Buffer.from("zip"));
  importFrom = async (zip: AsyncIterable<Uint8Array>): Promise<object> => {
    for await (const _piece of zip);
    return { people: 0, photos: 0, skipped: 0 };
  };
}

describe("a served gallery", () => {
  let served: Served;
  let gallery: FakeGallery;
  let journal: EventEmitter;
  let closing: AbortController;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    gallery = new FakeGallery().setMaxListeners(0);
    journal = new EventEmitter().setMaxListeners(0);
    closing = new AbortController();
    setMaxListeners(0, closing.signal);
    served = await serveAdmin(
      serveApi,
      new Map([["g", { gallery: Promise.resolve(gallery), journal, closing: closing.signal }]]),
    );
  });
  afterEach(async () => {
    mock.timers.reset();
    for (const socket of sockets.splice(0)) socket.destroy();
    await served.close();
  });

  /** A request by hand. @returns what is heard, as it comes */
  const talk = (head: string): { socket: Socket; heard: () => string; closed: Promise<unknown> } => {
    const socket = connect(served.port, "127.0.0.1", () => socket.write(`${head}\r\nHost: localhost\r\n`));
    sockets.push(socket);
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString();
    });
    socket.on("error", () => undefined);
    return {
      socket,
      heard: () => heard,
      closed: new Promise((resolve) => {
        socket.once("close", resolve);
      }),
    };
  };
  const listen = (): ReturnType<typeof talk> => {
    const talked = talk(`GET ${API_ROOT}/g/events HTTP/1.1`);
    talked.socket.once("connect", () => talked.socket.write("\r\n"));
    return talked;
  };
  const welcomed = (all: readonly ReturnType<typeof talk>[]): Promise<true> =>
    eventually("the welcome", () => all.every(({ heard }) => heard().includes(": welcome")) || undefined);
  const listeners = (): number => journal.listenerCount("seen");
  const upload = (path: string, type: string, length: number): ReturnType<typeof talk> => {
    const talked = talk(`POST ${API_ROOT}${path} HTTP/1.1`);
    talked.socket.once("connect", () =>
      talked.socket.write(`Content-Type: ${type}\r\nContent-Length: ${length}\r\n\r\nx`),
    );
    return talked;
  };

  it("tells listeners all there is to tell, and now and then that it is still there", async () => {
    mock.timers.enable({ apis: ["setInterval"] });
    const { socket, heard } = listen();
    await eventually("the welcome", () => heard().includes(": welcome") || undefined);
    journal.emit("seen", { id: "1", name: "Zoë\n\ndata: x" });
    gallery.emit("change");
    gallery.emit("progress", { done: 1, total: 2 });
    gallery.emit("unknown", "abc");
    mock.timers.tick(15_000);
    await eventually("the heartbeat", () => heard().includes(": still here") || undefined);
    const lines = heard()
      .slice(heard().indexOf(": welcome"))
      .split(/\r\n[0-9a-f]+\r\n/)
      .join("")
      .split("\n\n");
    assert.deepEqual(lines.slice(1, 6), [
      'event: seen\ndata: {"id":"1","name":"Zoë\\n\\ndata: x"}',
      "event: change\ndata: {}",
      'event: progress\ndata: {"done":1,"total":2}',
      'event: unknown\ndata: {"id":"abc"}',
      ": still here",
    ]);
    socket.destroy();
    await eventually(
      "nobody listening",
      () =>
        listeners() +
          gallery.listenerCount("change") +
          gallery.listenerCount("progress") +
          gallery.listenerCount("unknown") ===
          0 || undefined,
    );
  });

  it("lets fifty listen; one more when one has left", async () => {
    const all = Array.from({ length: 50 }, listen);
    await welcomed(all);
    const refused = await fetch(`${served.url}${API_ROOT}/g/events`);
    assert.deepEqual(
      [refused.status, ((await refused.json()) as { code: string }).code, listeners()],
      [503, "too_many_listeners", 50],
    );
    all[0]?.socket.destroy();
    await eventually("one to leave", () => listeners() === 49 || undefined);
    await welcomed([listen()]);
    assert.equal(listeners(), 50);
  });

  it("cuts off a listener who does not read, and keeps little for them", async () => {
    const slow = listen();
    const quick = listen();
    await welcomed([slow, quick]);
    slow.socket.pause();
    const event = { name: "x".repeat(60_000) };
    let told = 0;
    await eventually("the slow one to be cut off", async () => {
      for (let index = 0; index < 10; index += 1, told += 1) journal.emit("seen", event);
      // What the kernel holds for a socket is not ours to bound.
      assert.ok(told < 2000, "120 MB were kept for somebody who does not read");
      return listeners() === 1 || undefined;
    });
    journal.emit("seen", { name: "after" });
    await eventually("the quick one to hear on", () => quick.heard().includes('"after"') || undefined);
  });

  it("ends every stream when the gallery closes, also of who does not read, and opens none", async () => {
    const ends: Socket[] = [];
    served.server.on("connection", (socket: Socket) => ends.push(socket));
    const [slow, quick] = [listen(), listen()];
    await welcomed([slow, quick]);
    slow.socket.pause();
    const waits = (): boolean => ends.some(({ writableLength }) => writableLength > 100_000);
    for (let settled = 0; settled < 100; settled = waits() ? settled + 1 : 0) {
      if (!waits()) journal.emit("seen", { name: "x".repeat(60_000) });
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    assert.equal(listeners(), 2);
    closing.abort();
    await eventually("nobody listening", () => listeners() === 0 || undefined);
    await eventually("the end", () => quick.heard().endsWith("0\r\n\r\n") || undefined);
    assert.equal((await fetch(`${served.url}${API_ROOT}/g/events`)).status, 503);
  });

  it("takes eight uploads at once, and asks the ninth to come again", async () => {
    const waiting = Array.from({ length: 8 }, () => upload("/g/identify", "image/jpeg", 1000));
    const refused = await eventually("a refusal", async () => {
      const answer = await fetch(`${served.url}${API_ROOT}/g/identify`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: "x",
      });
      return answer.status === 503 ? answer : undefined;
    });
    assert.deepEqual(
      [refused.headers.get("retry-after"), ((await refused.json()) as { code: string }).code],
      ["1", "busy"],
    );
    for (const { socket } of waiting) socket.destroy();
    await eventually(
      "room",
      async () =>
        (
          await fetch(`${served.url}${API_ROOT}/g/identify`, {
            method: "POST",
            headers: { "Content-Type": "image/jpeg" },
            body: "x",
          })
        ).status === 422 || undefined,
    );
  });

  it("makes four calibrations at once, and asks the fifth to come again", async () => {
    // All have asked before the first is answered: that takes a worker that is started.
    const asked = () => fetch(`${served.url}${API_ROOT}/g/calibration`);
    const answers = await Promise.all(Array.from({ length: 6 }, asked));
    assert.equal(answers.filter(({ status }) => status === 200).length, 4);
    assert.deepEqual(
      answers.filter(({ status }) => status === 503).map(({ headers }) => headers.get("retry-after")),
      ["1", "1"],
    );
    assert.equal((await asked()).status, 200);
  });

  it("answers 408 to who hardly sends, and ends the connection", async () => {
    const dripping = [upload("/g/identify", "image/jpeg", 1000), upload("/g/import", "application/zip", 1000)];
    const silent = upload("/g/import", "application/zip", 1000);
    const drip = setInterval(() => {
      for (const { socket } of dripping) socket.write("x");
    }, 500);
    await Promise.all([...dripping, silent].map(({ closed }) => closed)).finally(() => clearInterval(drip));
    for (const { heard } of [...dripping, silent])
      assert.match(heard(), /^HTTP\/1\.1 408 .*\r\n\r\n\{"error":"[^"]+slowly[^"]*","code":"\w+"\}$/s);
  });

  it("takes a sender who breaks off for no mistake of the program", async () => {
    const ended: Promise<unknown>[] = [];
    const importFrom = gallery.importFrom;
    let began = 0;
    gallery.importFrom = (zip) => {
      began += 1;
      const importing = importFrom(zip);
      ended.push(importing.catch((error: unknown) => error));
      return importing;
    };
    const types = { "/g/identify": "image/jpeg", "/g/import": "application/zip" };
    for (const [path, type] of Object.entries(types)) {
      const { socket } = upload(path, type, 1000);
      await once(socket, "connect");
      await eventually("the request", () => (path === "/g/import" ? began > 0 : socket.bytesWritten > 0) || undefined);
      // Its first byte has come by then.
      await fetch(`${served.url}${API_ROOT}/g/people`);
      socket.destroy();
    }
    await eventually("the end", () => ended.length > 0 || undefined);
    assert.match(String(await ended[0]), /the body was cut off/);
    for (let times = 0; times < 3; times += 1) await fetch(`${served.url}${API_ROOT}/g/people`);
    assert.deepEqual(served.errors, []);
  });

  it("takes a zip by the name that Windows has for it", async () => {
    const body = Buffer.from("zip");
    const headers = { "Content-Type": "application/x-zip-compressed" };
    const answer = await fetch(`${served.url}${API_ROOT}/g/import`, { method: "POST", headers, body });
    assert.deepEqual([answer.status, await answer.json()], [200, { people: 0, photos: 0, skipped: 0 }]);
  });

  it("answers an import, and cuts off an export, when the gallery closes", async () => {
    const began = new EventEmitter();
    const importFrom = gallery.importFrom;
    gallery.importFrom = (zip) => {
      began.emit("import");
      return importFrom(zip);
    };
    // Endless, for somebody who does not read.
    gallery.exportTo = async (write) => {
      for (;;) await write(Buffer.alloc(100_000));
    };
    const importBegan = once(began, "import");
    const importing = upload("/g/import", "application/zip", 1000);
    await importBegan;
    const answer = await fetch(`${served.url}${API_ROOT}/g/export`);
    closing.abort();
    await assert.rejects(answer.arrayBuffer(), "a zip that is cut off is no zip");
    await importing.closed;
    assert.match(importing.heard(), /^HTTP\/1\.1 503 .*"gallery_closed"/s);
  });

  it("tells nobody what is wrong inside, but the log", async () => {
    gallery.listPeople = () => {
      throw new TypeError("Alice is no function");
    };
    const answer = await fetch(`${served.url}${API_ROOT}/g/people`);
    assert.deepEqual(
      [answer.status, await answer.json()],
      [500, { error: "something is wrong inside: look into Node-RED's log.", code: "internal" }],
    );
    assert.match(served.errors.join("\n"), /a mistake of the program: TypeError\n {4}at \S/);
    assert.doesNotMatch(served.errors.join("\n"), /Alice/);
  });

  it(
    "answers 4xx to sentences for people alone; whatever else is thrown is a 500 whose place is in the log, and " +
      "what it names is not",
    async () => {
      const asked = async (thrown: unknown): Promise<[number, string, string]> => {
        served.errors.length = 0;
        gallery.listPeople = () => {
          throw thrown;
        };
        const answer = await fetch(`${served.url}${API_ROOT}/g/people`);
        const { error, code } = (await answer.json()) as { error: string; code: string };
        return [answer.status, code, error];
      };
      assert.deepEqual(await asked(new UserError("choose another name.")), [400, "invalid", "choose another name."]);
      assert.deepEqual(await asked(new NotFound("nobody is here.")), [404, "not_found", "nobody is here."]);
      assert.deepEqual(
        await asked(new UserError("the folder is away.", { cause: Object.assign(new Error("x"), { code: "EIO" }) })),
        [500, "storage", "the folder is away."],
      );
      const unpacked = Object.assign(new Error("invalid block type"), { code: "Z_DATA_ERROR", errno: -3 });
      assert.deepEqual(
        await asked(new UserError("the zip is damaged.", { cause: unpacked })),
        [400, "invalid", "the zip is damaged."],
        "what was sent damaged is no fault of the disk",
      );
      assert.deepEqual(served.errors, [], "what people can mend is no mistake of the program");
      const INTERNAL = "something is wrong inside: look into Node-RED's log.";
      const faults: [unknown, RegExp][] = [
        [
          new Fault("the worker did not answer within 60000 ms and was restarted"),
          /: Fault: the worker did not answer within 60000 ms and was restarted\n {4}at \S/,
        ],
        [
          Object.assign(new Error("Cannot find module '/home/alice/net.js'"), { code: "MODULE_NOT_FOUND" }),
          /: Error MODULE_NOT_FOUND\n {4}at \S/,
        ],
        [
          Object.assign(new Error("ENOENT: no such file, open '/home/alice/Alice.jpg'"), {
            code: "ENOENT",
            status: 404,
          }),
          /: Error ENOENT\n {4}at \S/,
        ],
        [new SyntaxError("Unexpected token 'A', \"Alice\" is not valid JSON"), /: SyntaxError\n {4}at \S/],
        [
          new Error("Alice", { cause: new RangeError("Alice") }),
          /: Error\n {4}at \S[^]*\ncaused by RangeError\n {4}at \S/,
        ],
        [new Error("first line\nAlice at home"), /: Error\n {4}at \S/],
        [1865568, /no error but a number/],
        [null, /no error but null/],
        [undefined, /no error but a undefined/],
      ];
      for (const [thrown, logged] of faults) {
        assert.deepEqual(await asked(thrown), [500, "internal", INTERNAL], String(thrown));
        assert.equal(served.errors.length, 1);
        assert.match(served.errors.join(), logged);
        assert.doesNotMatch(served.errors.join(), /alice/i);
      }
    },
  );

  it("says of a gallery that cannot be opened why, where it is for people to mend", async () => {
    const opened = async (reason: Error): Promise<[number, string]> => {
      const failed = (async () => {
        throw reason;
      })();
      failed.catch(() => undefined);
      const other = await serveAdmin(serveApi, new Map([["g", { gallery: failed, closing: closing.signal }]]));
      const answer = await fetch(`${other.url}${API_ROOT}/g/people`);
      await other.close();
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };
    assert.deepEqual(await opened(new UserError("there is no such model.")), [503, "there is no such model."]);
    assert.deepEqual(await opened(new Error("Cannot find module '/home/alice/net.js'")), [
      503,
      "something is wrong inside: look into Node-RED's log.",
    ]);
  });
});
