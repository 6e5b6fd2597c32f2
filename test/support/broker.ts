/** An MQTT broker in the test's own process, which forgets everything whenever it is away. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";

/** What somebody has published. */
export interface Published {
  topic: string;
  payload: Buffer;
  retain: boolean;
  /** Id of the client; undefined of what the broker says itself. */
  client: string | undefined;
}

export class TestBroker {
  /** In order, over its restarts; without what the broker itself says. */
  readonly published: Published[] = [];
  /** How many were not let in. */
  refused = 0;
  /** Clients that came, in order. */
  readonly clients: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    if (this.#aedes === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#aedes.handle(socket);
  });
  #aedes: Aedes | undefined;
  readonly #login: { user: string; password: string } | undefined;

  /** @param login that everybody needs */
  constructor(login?: { user: string; password: string }) {
    this.#login = login;
  }

  async start(): Promise<void> {
    await this.up();
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** The same with a login. */
  urlFor({ user, password }: { user: string; password: string }): string {
    return `mqtt://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${this.port}`;
  }

  /** It goes, with all that it keeps, and refuses whoever comes. */
  async down(): Promise<void> {
    const aedes = this.#aedes;
    this.#aedes = undefined;
    this.cut();
    await new Promise<void>((resolve) => {
      if (aedes === undefined) resolve();
      else aedes.close(() => resolve());
    });
  }

  /** Connections break, and it stays. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** It comes back, with nothing. */
  async up(): Promise<void> {
    const aedes = await Aedes.createBroker();
    const login = this.#login;
    if (login !== undefined)
      aedes.authenticate = (_client, user, password, done) => {
        const isIn = user === login.user && password?.toString() === login.password;
        if (!isIn) this.refused += 1;
        done(null, isIn);
      };
    aedes.on("client", ({ id }) => void this.clients.push(id));
    aedes.on("publish", ({ topic, payload, retain }, client) => {
      if (!topic.startsWith("$SYS/"))
        this.published.push({ topic, payload: Buffer.from(payload), retain, client: client?.id });
    });
    this.#aedes = aedes;
  }

  /** Somebody says something, retained. */
  async say(topic: string, payload: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#aedes?.publish({ cmd: "publish", qos: 1, dup: false, topic, payload, retain: true }, (error) =>
        error === undefined || error === null ? resolve() : reject(error),
      );
    });
  }

  /** All that it keeps for those who come later is gone; connections stay. */
  async forget(): Promise<void> {
    const topics = new Set(this.published.filter(({ retain }) => retain).map(({ topic }) => topic));
    for (const topic of topics) await this.say(topic, "");
  }

  async stop(): Promise<void> {
    await this.down();
    this.#server.close();
    await once(this.#server, "close");
  }
}
