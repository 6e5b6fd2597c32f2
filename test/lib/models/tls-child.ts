/** For download-tls.test.ts: a process that trusts the test's certificate. Downloads through TLS, and says how. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download } from "../../../lib/models/download";
import { contentOf, tunnelProxy } from "../../support/stand-in-server";

const SIZE = 1_000_000;

async function main(key: string, cert: string): Promise<void> {
  const content = contentOf(SIZE);
  const ranges: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    if (request.url === "/first") {
      response.writeHead(302, { Location: "https://models.invalid/second" }).end();
      return;
    }
    ranges.push(request.headers.range ?? "");
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = from > 0 ? { "Content-Range": `bytes ${from}-${SIZE - 1}/${SIZE}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { ETag: '"1"', "Content-Length": SIZE - from, ...range });
    // The first one breaks off.
    if (ranges.length > 1) response.end(content.subarray(from));
    else response.write(content.subarray(0, SIZE / 2), () => response.socket?.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await tunnelProxy((server.address() as AddressInfo).port);
  process.env["HTTPS_PROXY"] = proxy.url;
  const wanted = {
    name: "Stand-in",
    addresses: ["https://models.invalid/first"],
    sha256: createHash("sha256").update(content).digest("hex"),
    size: SIZE,
  };
  const file = join(mkdtempSync(join(tmpdir(), "tls-")), "model.onnx");
  try {
    const options = {
      file,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      limits: { retryMs: 5 },
    };
    await download(wanted, options);
    const whole = readFileSync(file).equals(content);
    console.log(JSON.stringify({ whole, ranges: ranges.length, reached: [...new Set(proxy.reached)] }));
  } finally {
    server.closeAllConnections();
    server.close();
    await proxy.close();
  }
}

main(process.argv[2] ?? "", process.argv[3] ?? "").catch((error: unknown) => {
  console.log(JSON.stringify({ error: (error as Error).message }));
});
