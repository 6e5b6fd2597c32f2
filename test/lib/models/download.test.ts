import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Cancelled, download, type DownloadOptions } from "../../../lib/models/download";
import { StorageError } from "../../../lib/storage";
import { noMount, smallDisk } from "../../support/small-disk";
import {
  contentOf,
  type Manners,
  type Proxy,
  type StandIn,
  standIn,
  tunnelProxy,
} from "../../support/stand-in-server";
import { pattern } from "../../support/pattern";

const SIZE = 3_000_000;
const CONTENT = contentOf(SIZE);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const QUICK = { idleMs: 2000, retryMs: 5 };

describe("a download", () => {
  let server: StandIn;
  let file: string;
  let ended: AbortController;
  const received: number[] = [];
  const opened: { close(): Promise<void> }[] = [];

  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), "download-")), "model", "model.onnx");
    ended = new AbortController();
    received.length = 0;
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"])
      delete process.env[name];
  });

  const serve = async (manners: Manners = {}, content = CONTENT): Promise<StandIn> => {
    server = await standIn(content, manners);
    opened.push(server);
    return server;
  };
  const fetchIt = (options: Partial<DownloadOptions> & { addresses?: string[] } = {}): Promise<void> =>
    download(
      { name: "Stand-in", addresses: options.addresses ?? [server.url], sha256: sha256(CONTENT), size: SIZE },
      {
        file,
        signal: ended.signal,
        onProgress: (bytes) => received.push(bytes),
        limits: QUICK,
        plainOrigins: [server.origin],
        ...options,
      },
    );
  /** What lies in the folder of the file. */
  const left = (): string[] => (existsSync(dirname(file)) ? readdirSync(dirname(file)).sort() : []);
  const whole = (): void => {
    assert.equal(sha256(readFileSync(file)), sha256(CONTENT));
    assert.deepEqual(left(), ["model.onnx"]);
  };

  it("brings the whole file, and says how far it is", async () => {
    await serve();
    await fetchIt();
    whole();
    assert.deepEqual([received[0], received.at(-1)], [0, SIZE]);
    assert.deepEqual(
      received,
      [...received].sort((a, b) => a - b),
    );
  });

  it("takes one that comes without its length", async () => {
    await serve({ chunked: true });
    await fetchIt();
    whole();
  });

  it("goes on by itself where the connection broke, as often as something came", async () => {
    await serve({ cut: { after: 500_000, times: 5 } });
    await fetchIt();
    whole();
    assert.equal(server.ranges.length, 6);
    const starts = server.ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1]));
    assert.ok(
      starts.every((start, index) => start > (starts[index - 1] ?? 0)),
      `each asks for what is missing: ${starts.join()}`,
    );
  });

  it("is gone on with later where it stopped, as after a restart of Node-RED", async () => {
    await serve({ cut: { after: 1_000_000, times: 99 } });
    server.manners.status = { code: 503, times: 0 };
    const stopped = fetchIt({
      limits: { ...QUICK, totalMs: 60_000 },
      onProgress: (bytes) => {
        if (bytes >= 1_000_000) server.manners = { status: { code: 503, times: 99 } };
      },
    });
    await assert.rejects(
      stopped,
      /Stand-in could not be downloaded: 127\.0\.0\.1:\d+ answers 503\. .* What has come is kept/,
    );
    assert.deepEqual(left(), ["model.onnx.part", "model.onnx.part.json"]);
    const before = statSync(`${file}.part`).size;
    assert.ok(before >= 1_000_000 && before < SIZE);
    server.manners = {};
    server.ranges.length = 0;
    await fetchIt();
    whole();
    assert.deepEqual(server.ranges, [`bytes=${before}-`]);
    assert.equal(received[0], before);
  });

  it("starts anew where the server knows no ranges", async () => {
    await serve({ noRanges: true, cut: { after: 1_000_000, times: 1 } });
    await fetchIt();
    whole();
    assert.match(server.ranges[1] ?? "", /^bytes=\d+-$/);
  });

  it("starts anew where the server has another file by now, and where nobody can tell", async () => {
    await serve({ cut: { after: 1_000_000, times: 99 } }, contentOf(SIZE, 2));
    const changed = fetchIt({
      onProgress: (bytes) => {
        if (bytes >= 1_000_000) Object.assign(server, { content: CONTENT, version: 2, manners: {} });
      },
    });
    await changed;
    whole();
    file = join(mkdtempSync(join(tmpdir(), "download-")), "model", "model.onnx");
    server.manners = { noValidator: true, cut: { after: 1_000_000, times: 1 } };
    server.ranges.length = 0;
    await fetchIt();
    whole();
    assert.deepEqual(server.ranges, ["", ""]);
  });

  it("does not go on with a part of unknown origin, or one that is too long", async () => {
    await serve();
    for (const [part, note] of [
      [CONTENT.subarray(0, 1000), undefined],
      [CONTENT.subarray(0, 1000), "{"],
      [contentOf(SIZE + 1), JSON.stringify({ validator: '"1"', size: SIZE })],
    ] as const) {
      file = join(mkdtempSync(join(tmpdir(), "download-")), "model.onnx");
      writeFileSync(`${file}.part`, part);
      if (note !== undefined) writeFileSync(`${file}.part.json`, note);
      server.ranges.length = 0;
      await fetchIt();
      whole();
      assert.deepEqual(server.ranges, [""]);
    }
  });

  it("of the wrong content is refused and removed, also when a good part was there", async () => {
    await serve({}, contentOf(SIZE, 2));
    await assert.rejects(
      fetchIt(),
      pattern(
        /the download of Stand-in is refused: what came is another file \(sha256 /,
        /[0-9a-f]{64}, expected [0-9a-f]{64}\)\. Nothing of it was kept/,
      ),
    );
    assert.deepEqual(left(), []);
  });

  it("of the wrong size is refused and removed, whether the server says its size or not", async () => {
    await serve({}, contentOf(SIZE + 1));
    await assert.rejects(fetchIt(), new RegExp(`has a file of ${SIZE + 1} bytes, not the one of ${SIZE}`));
    assert.deepEqual(left(), []);
    await serve({ chunked: true }, contentOf(SIZE + 100_000));
    await assert.rejects(fetchIt(), /sends more than the 3000000 bytes of Stand-in\. Nothing of it was kept/);
    assert.deepEqual(left(), []);
    await serve({ chunked: true }, CONTENT.subarray(0, 1_000_000));
    await assert.rejects(fetchIt(), /ended after 1000000 of 3000000 bytes/);
    assert.ok(server.ranges.length < 10, `it is not asked again for ever: ${server.ranges.length} times`);
    await serve({}, CONTENT.subarray(0, 1_000_000));
    file = join(mkdtempSync(join(tmpdir(), "download-")), "model.onnx");
    await assert.rejects(fetchIt(), /has a file of 1000000 bytes/);
  });

  it("is refused where it leads to a server without TLS, another port of the same computer among them", async () => {
    const other = await standIn(CONTENT);
    opened.push(other);
    await serve({ redirect: other.url });
    await assert.rejects(
      fetchIt(),
      /the download is refused: it leads to http:\/\/127\.0\.0\.1:\d+, which is not https/,
    );
    assert.deepEqual(other.ranges, [], "it was not even asked");
    await assert.rejects(fetchIt({ plainOrigins: [] }), /which is not https/);
    server.manners = { redirect: "file:///etc/passwd" };
    await assert.rejects(fetchIt(), /which is not https/);
    assert.deepEqual(left(), []);
  });

  it("follows redirects to servers it may ask, but not round and round", async () => {
    const other = await standIn(CONTENT);
    opened.push(other);
    await serve({ redirect: other.url });
    await fetchIt({ plainOrigins: [server.origin, other.origin] });
    whole();
    file = join(mkdtempSync(join(tmpdir(), "download-")), "model.onnx");
    server.manners = { redirect: server.url };
    await assert.rejects(fetchIt(), /redirects again and again/);
  });

  it("asks the next address where one has it no longer", async () => {
    const gone = await standIn(CONTENT, { status: { code: 404, times: 99 } });
    opened.push(gone);
    await serve();
    await fetchIt({ addresses: [gone.url, server.url], plainOrigins: [gone.origin, server.origin] });
    whole();
    assert.equal(gone.ranges.length, 1, "what is not there is not asked for again");
  });

  it("ends where the server falls silent, and keeps what came", async () => {
    await serve({ stallAt: 1_000_000 });
    await assert.rejects(
      fetchIt({ limits: { idleMs: 300, retryMs: 5 } }),
      /127\.0\.0\.1:\d+ does not go on answering.*What has come is kept/,
    );
    assert.deepEqual(left(), ["model.onnx.part", "model.onnx.part.json"]);
  });

  it("ends after all the time there is, however steadily it trickles", async () => {
    await serve({ slowMs: 100 });
    await assert.rejects(
      fetchIt({ limits: { ...QUICK, totalMs: 600 } }),
      /did not end within 1 minutes: start it again, and it goes on where it stopped/,
    );
    server.manners = {};
    await fetchIt();
    whole();
  });

  it("that is cancelled leaves nothing", async () => {
    await serve({ stallAt: 1_000_000 });
    await assert.rejects(
      fetchIt({
        onProgress: (bytes) => {
          if (bytes >= 500_000) ended.abort();
        },
      }),
      Cancelled,
    );
    assert.deepEqual(left(), []);
  });

  it("waits for a server that is busy for a moment", async () => {
    await serve({ status: { code: 503, times: 2 } });
    await fetchIt();
    whole();
  });

  it("that reaches nobody says so, and that there may be a proxy", async () => {
    await serve();
    await server.close();
    opened.length = 0;
    await assert.rejects(
      fetchIt(),
      /Stand-in could not be downloaded: 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)\. .* set HTTPS_PROXY/,
    );
    assert.deepEqual(left(), []);
  });

  const through = async (): Promise<Proxy> => {
    const proxy = await tunnelProxy(Number(new URL(server.url).port));
    opened.push(proxy);
    return proxy;
  };
  // The name has no address: only the proxy knows a way.
  const far = { addresses: ["http://models.invalid/model.onnx"], plainOrigins: ["http://models.invalid"] };

  it("goes through the proxy of the environment, and past it where NO_PROXY says so", async () => {
    await serve({ cut: { after: 1_000_000, times: 1 } });
    const proxy = await through();
    process.env["HTTP_PROXY"] = proxy.url;
    await fetchIt(far);
    whole();
    assert.deepEqual([...new Set(proxy.reached)], ["models.invalid:80"]);
    proxy.reached.length = 0;
    process.env["NO_PROXY"] = "127.0.0.1";
    file = join(mkdtempSync(join(tmpdir(), "download-")), "model", "model.onnx");
    await fetchIt();
    whole();
    assert.deepEqual(proxy.reached, []);
  });

  it("tells a proxy that is written wrong, without what it says", async () => {
    await serve();
    process.env["HTTPS_PROXY"] = "http://somebody:secret@:bad";
    await assert.rejects(
      fetchIt(),
      (error: Error) =>
        /the proxy that HTTPS_PROXY or HTTP_PROXY names cannot be used/.test(error.message) &&
        !error.message.includes("secret"),
    );
  });

  it("is not begun where the disk has no room for it", { skip: noMount() }, async () => {
    const disk = smallDisk(1);
    try {
      file = join(disk.folder, "model", "model.onnx");
      await serve();
      await assert.rejects(
        fetchIt(),
        (error) =>
          error instanceof StorageError &&
          error.status === 507 &&
          /Stand-in was not downloaded: the disk is full \(ENOSPC, .*make room on it; then download it again/.test(
            error.message,
          ),
      );
      assert.deepEqual(server.ranges, []);
    } finally {
      disk.unmount();
    }
  });

  it(
    "ends with a sentence where the disk fills up meanwhile, and goes on once there is room",
    { skip: noMount() },
    async () => {
      const disk = smallDisk(5);
      try {
        file = join(disk.folder, "model", "model.onnx");
        mkdirSync(dirname(file));
        await serve();
        let full = false;
        await assert.rejects(
          fetchIt({
            onProgress: (bytes) => {
              if (bytes > 500_000 && !full) {
                full = true;
                disk.fill();
              }
            },
          }),
          StorageError,
        );
        disk.empty();
        await fetchIt();
        whole();
      } finally {
        disk.unmount();
      }
    },
  );
});
