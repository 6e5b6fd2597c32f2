/** A server of the test's own with one file, and whatever manners a test wants of it; and a proxy. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface Manners {
  /** Break the connection after so many bytes of an answer, so many times. */
  cut?: { after: number; times: number };
  /** Answers no range, as if it knew of none. */
  noRanges?: boolean;
  /** No validator, so that nobody can ask for the rest of the same file. */
  noValidator?: boolean;
  /** Sends up to here, and then nothing. */
  stallAt?: number;
  /** Answers the first requests with this status. */
  status?: { code: number; times: number };
  /** Redirects here. */
  redirect?: string;
  /** Without a Content-Length. */
  chunked?: boolean;
  /** Milliseconds between pieces of 64 kB. */
  slowMs?: number;
}

export interface StandIn {
  url: string;
  origin: string;
  /** What was asked for: the Range of each request, or "". */
  ranges: string[];
  content: Buffer;
  /** The version of what it serves: another one is another file. */
  version: number;
  manners: Manners;
  server: Server;
  close(): Promise<void>;
}

const PIECE = 64 * 1024;

/** Bytes that compress to nothing and repeat nowhere. */
export function contentOf(size: number, seed = 1): Buffer {
  const parts: Buffer[] = [];
  for (let length = 0, index = 0; length < size; length += 32, index += 1)
    parts.push(createHash("sha256").update(`${seed} ${index}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

export async function standIn(content: Buffer, manners: Manners = {}): Promise<StandIn> {
  const server = createServer((request, response) => {
    answer(self, request, response).catch(() => response.destroy());
  });
  const origin = await listen(server);
  const self: StandIn = {
    origin,
    url: `${origin}/model.onnx`,
    ranges: [],
    content,
    version: 1,
    manners,
    server,
    close: () => stop(server),
  };
  return self;
}

async function answer(
  { ranges, content, version, manners }: StandIn,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  ranges.push(request.headers.range ?? "");
  const { cut, status, redirect } = manners;
  if (status !== undefined && status.times > 0) {
    status.times -= 1;
    response.writeHead(status.code).end();
    return;
  }
  if (redirect !== undefined) {
    response.writeHead(302, { Location: redirect }).end();
    return;
  }
  const etag = `"${version}"`;
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const condition = request.headers["if-range"];
  const from =
    asked !== null && manners.noRanges !== true && (condition === undefined || condition === etag)
      ? Number(asked[1])
      : 0;
  const rest = content.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    ...(manners.noValidator === true ? {} : { ETag: etag }),
    ...(manners.chunked === true ? {} : { "Content-Length": rest.length }),
    ...(from > 0 ? { "Content-Range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
  });
  const cuts = cut !== undefined && cut.times > 0;
  if (cuts) cut.times -= 1;
  const most = cuts ? cut.after : manners.stallAt === undefined ? rest.length : manners.stallAt - from;
  for (let at = 0; at < Math.min(most, rest.length); at += PIECE) {
    await new Promise<void>((done) => {
      response.write(rest.subarray(at, Math.min(at + PIECE, most)), () => {
        done();
      });
    });
    if (manners.slowMs !== undefined)
      await new Promise((done) => {
        setTimeout(done, manners.slowMs);
      });
  }
  if (cuts) response.socket?.end();
  else if (manners.stallAt === undefined) response.end();
}

export interface Proxy {
  url: string;
  /** What it was asked to reach: "127.0.0.1:8080". */
  reached: string[];
  close(): Promise<void>;
}

/** An HTTP proxy that opens tunnels (CONNECT), to whatever name, always to this port. */
export async function tunnelProxy(port: number): Promise<Proxy> {
  const reached: string[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(405).end();
  });
  server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    reached.push(request.url ?? "");
    const onwards = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onwards.write(head);
      socket.pipe(onwards).pipe(socket);
    });
    for (const end of [socket, onwards])
      end.on("error", () => {
        socket.destroy();
        onwards.destroy();
      });
  });
  return { url: await listen(server), reached, close: () => stop(server) };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
