/**
 * A small RTSP camera for tests: H.264 over its TCP connection (RFC 2326, RFC 6184), with the faults that real ones
 * have.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { testVideo } from "./video";

export interface RtspCameraOptions {
  /** The RTP timestamp (90 kHz) of the picture with this number; "close" breaks the connection, "end" closes it. */
  timestamp?: (index: number) => number | "close" | "end";
  /** "audio": a stream without a picture. */
  carries?: "video" | "audio";
  login?: { scheme: "Basic" | "Digest"; user: string; password: string };
  tls?: { key: string; cert: string };
  /** Whether the picture with this number is wide (426 × 240), as after a change of the camera's settings. */
  wide?: (index: number) => boolean;
  /** Whether the picture with this number is sent without what begins one that can be shown alone. */
  partial?: (index: number) => boolean;
  /** How the head of an answer is written. */
  written?: (head: string) => string;
  /** How many answers to a login are out of date. */
  stale?: number;
  /** An answer of the test's own to a request; undefined for the usual one. */
  answer?: (method: string, uri: string) => string | undefined;
  /** Whether it hangs up after an answer of the test's own. */
  hangsUp?: boolean;
}

export interface RtspCamera {
  port: number;
  /** First lines of the requests, in order. */
  requests: string[];
  connections: number;
  close(): Promise<void>;
}

const FPS = 10;
const CLOCK = 90_000;
const MOST_BYTES = 1300;
const REALM = "camera";
const NONCE = "0123456789abcdef";

/** The pictures of a clip, each with the units that go before it. */
function picturesOf(clip: Buffer): Buffer[][] {
  const starts: { at: number; body: number }[] = [];
  for (
    let at = clip.indexOf("\u0000\u0000\u0001", 0, "latin1");
    at >= 0;
    at = clip.indexOf("\u0000\u0000\u0001", at + 3, "latin1")
  )
    starts.push({ at: clip[at - 1] === 0 ? at - 1 : at, body: at + 3 });
  const units = starts.map(({ body }, index) => clip.subarray(body, starts[index + 1]?.at ?? clip.length));
  const pictures: Buffer[][] = [[]];
  for (const unit of units) {
    pictures.at(-1)?.push(unit);
    if ([1, 5].includes((unit[0] as number) & 31)) pictures.push([]);
  }
  return pictures.slice(0, -1);
}

const clips = new Map<string, Promise<Buffer[][]>>();

function clipOf(size: "320x240" | "426x240"): Promise<Buffer[][]> {
  const made = clips.get(size) ?? makeClip(size);
  clips.set(size, made);
  return made;
}

async function makeClip(size: string): Promise<Buffer[][]> {
  const coded = ["-s", size, "-bf", "0", "-x264-params", "repeat-headers=1", "-f", "h264"];
  return picturesOf(readFileSync(await testVideo(4, FPS, "card.h264", coded)));
}

const SDP = {
  video: "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n",
  audio: "m=audio 0 RTP/AVP 8\r\n",
};

function md5(...parts: string[]): string {
  return createHash("md5").update(parts.join(":")).digest("hex");
}

function isLoggedIn(
  head: string,
  method: string,
  { scheme, user, password }: NonNullable<RtspCameraOptions["login"]>,
): boolean {
  const said = /^Authorization: (.*)$/im.exec(head)?.[1]?.trim() ?? "";
  if (scheme === "Basic") return said === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const uri = /uri="([^"]*)"/.exec(said)?.[1] ?? "";
  return (
    // The head is read a letter for each byte.
    said.includes(`username="${Buffer.from(user).toString("latin1")}"`) &&
    said.includes(`response="${md5(md5(user, REALM, password), NONCE, md5(method, uri))}"`)
  );
}

export async function rtspCamera({
  timestamp = (index) => index * (CLOCK / FPS),
  carries = "video",
  login,
  tls,
  answer,
  hangsUp = false,
  wide,
  partial = () => false,
  written = (head) => head,
  stale = 0,
}: RtspCameraOptions = {}): Promise<RtspCamera> {
  const pictures = await clipOf("320x240");
  const widePictures = wide === undefined ? [] : await clipOf("426x240");
  let staleLeft = stale;
  const sockets = new Set<Socket>();
  const camera: RtspCamera = {
    port: 0,
    requests: [],
    connections: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };

  const play = (socket: Socket): void => {
    let packet = 0;
    const send = (payload: Buffer, time: number, last: boolean): void => {
      const head = Buffer.alloc(16);
      head.write("$\u0000", "latin1");
      head.writeUInt16BE(12 + payload.length, 2);
      head.writeUInt16BE(0x8060 | (last ? 0x80 : 0), 4);
      head.writeUInt16BE(packet++ & 0xffff, 6);
      head.writeUInt32BE(time >>> 0, 8);
      head.writeUInt32BE(0x1234, 12);
      socket.write(Buffer.concat([head, payload]));
    };
    const sendUnit = (unit: Buffer, time: number, last: boolean): void => {
      if (unit.length <= MOST_BYTES) {
        send(unit, time, last);
        return;
      }
      const first = unit[0] as number;
      for (let at = 1; at < unit.length; at += MOST_BYTES) {
        const end = Math.min(unit.length, at + MOST_BYTES);
        const mark = (at === 1 ? 0x80 : 0) | (end === unit.length ? 0x40 : 0);
        send(
          Buffer.concat([Buffer.from([(first & 0xe0) | 28, mark | (first & 31)]), unit.subarray(at, end)]),
          time,
          last && end === unit.length,
        );
      }
    };
    let index = 0;
    const timer = setInterval(() => {
      const time = timestamp(index);
      if (time === "end") socket.end();
      else if (time === "close") socket.resetAndDestroy();
      else {
        const clip = wide?.(index) === true ? widePictures : pictures;
        const units = (clip[index % clip.length] as Buffer[]).filter(
          (unit) => !partial(index) || ((unit[0] as number) & 31) === 1,
        );
        for (const unit of units) sendUnit(unit, time, unit === units.at(-1));
      }
      index += 1;
    }, 1000 / FPS);
    socket.once("close", () => clearInterval(timer));
  };

  const respond = (socket: Socket, head: string): void => {
    const [method = "", uri = ""] = head.split(" ", 2);
    camera.requests.push(head.slice(0, head.indexOf("\r\n")));
    const number = /^CSeq: *(\d+)/im.exec(head)?.[1] ?? "0";
    const reply = (first: string, more = "", body = ""): void =>
      void socket.write(
        written(
          `RTSP/1.0 ${first}\r\nCSeq: ` +
            `${number}\r\n${more}${body === "" ? "" : `Content-Length: ${body.length}\r\n`}\r\n`,
        ) + body,
      );
    const own = answer?.(method, uri);
    if (own !== undefined) {
      reply(own.split("\r\n")[0] as string, own.slice(own.indexOf("\r\n") + 2));
      if (hangsUp) socket.end();
    } else if (staleLeft > 0 && head.includes("Authorization:")) {
      staleLeft -= 1;
      reply("401 Unauthorized", `WWW-Authenticate: Digest realm="${REALM}", nonce="${NONCE}", stale=true\r\n`);
    } else if (login !== undefined && method !== "OPTIONS" && !isLoggedIn(head, method, login))
      reply(
        "401 Unauthorized",
        `WWW-Authenticate: ${login.scheme} ` +
          `realm="${REALM}"${login.scheme === "Digest" ? `, nonce="${NONCE}"` : ""}\r\n`,
      );
    else if (method === "DESCRIBE")
      reply(
        "200 OK",
        "Content-Type: application/sdp\r\n",
        `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n${SDP[carries]}a=control:track0\r\n`,
      );
    else if (method === "SETUP")
      reply("200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n");
    else
      reply("200 OK", method === "PLAY" ? "Session: 1\r\n" : "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n");
    if (method === "PLAY" && carries === "video") play(socket);
    if (method === "TEARDOWN") socket.end();
  };

  const serve = (socket: Socket): void => {
    camera.connections += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let waiting = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (;;) {
        const end =
          waiting[0] === 0x24
            ? waiting.length < 4
              ? Infinity
              : 4 + waiting.readUInt16BE(2)
            : waiting.indexOf("\r\n\r\n") + 4;
        if (end > waiting.length || end === 3) return;
        if (waiting[0] !== 0x24) respond(socket, waiting.subarray(0, end).toString("latin1"));
        waiting = waiting.subarray(end);
      }
    });
  };

  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  camera.port = (server.address() as AddressInfo).port;
  return camera;
}
