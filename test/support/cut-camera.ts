/** An HTTP camera that is cut as networks and cheap firmware cut them; MJPEG on /stream, one picture on /picture. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/**
 * How it is cut: in the midst of a part's header or of a picture, by a reset, by sending nothing more, or away
 * altogether for a while, so that nobody answers on its port.
 */
export const CUTS = ["header", "picture", "reset", "silence", "away"] as const;
export type Cut = (typeof CUTS)[number];

const BOUNDARY = "frame";
/** How long it is away. */
const AWAY_MS = 300;

export class CutCamera {
  #frames: readonly Buffer[];
  readonly #fps: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Streams that are being sent. */
  readonly #streams = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #port = 0;
  #count = 0;
  /** Pictures that were asked for one by one. */
  asked = 0;

  constructor(frames: readonly Buffer[], fps: number) {
    this.#frames = frames;
    this.#fps = fps;
    this.#server = createServer((request, response) => this.#answer(request.url ?? "", response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections that it has. */
  get connections(): number {
    return this.#sockets.size;
  }

  async start(): Promise<this> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#timer = setInterval(() => this.#send(), 1000 / this.#fps);
    return this;
  }

  /** What it sees from now on. */
  show(frames: readonly Buffer[]): void {
    this.#frames = frames;
  }

  async cut(how: Cut): Promise<void> {
    const streams = [...this.#streams];
    this.#streams.clear();
    const frame = this.#next();
    for (const stream of streams) {
      const { socket } = stream;
      if (how === "header") stream.write(`--${BOUNDARY}\r\nContent-Type: image/jp`, () => socket?.destroy());
      else if (how === "picture") stream.write(part(frame).subarray(0, frame.length / 2), () => socket?.destroy());
      else if (how === "reset") socket?.resetAndDestroy();
    }
    if (how !== "away") return;
    await this.stop();
    await new Promise((resolve) => {
      setTimeout(resolve, AWAY_MS);
    });
    await this.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#streams.clear();
  }

  #answer(url: string, response: ServerResponse): void {
    if (url === "/picture") {
      this.asked += 1;
      const frame = this.#next();
      response.writeHead(200, { "Content-Type": "image/jpeg", "Content-Length": frame.length });
      response.end(frame);
      return;
    }
    response.writeHead(200, { "Content-Type": `multipart/x-mixed-replace; boundary=${BOUNDARY}` });
    response.once("close", () => this.#streams.delete(response));
    this.#streams.add(response);
  }

  #next(): Buffer {
    this.#count += 1;
    return this.#frames[this.#count % this.#frames.length] as Buffer;
  }

  #send(): void {
    if (this.#streams.size === 0) return;
    const bytes = part(this.#next());
    // Who reads too slowly misses pictures, as with a real camera.
    for (const stream of this.#streams) if (!stream.writableNeedDrain) stream.write(bytes);
  }
}

function part(frame: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: ${frame.length}\r\n\r\n`),
    frame,
    Buffer.from("\r\n"),
  ]);
}
