/**
 * A connection to an MQTT broker that comes back by itself: with a last will, and a client of its own for each
 * attempt, so that nothing of a lost connection is sent again behind its owner's back.
 */
import { EventEmitter } from "node:events";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { UserError } from "../errors";
import type { Letter } from "./outbox";

/** A broker as Node-RED's mqtt-broker node has it. */
export interface Broker {
  url: string;
  options: IClientOptions;
}

export interface LinkOptions {
  /** Asked before each attempt: a flow may change it. */
  broker: () => Broker;
  clientId: string;
  /** What the broker says in our place when we are gone. */
  will: Letter;
  /** Topics of others to be told of. */
  topics: readonly string[];
}

interface LinkEvents {
  /** Subscribed, and ready to publish. */
  open: [];
  /** Gone, or not there. The reason is what mqtt says. */
  away: [reason: string];
  message: [topic: string, payload: Buffer, retained: boolean];
}

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 30_000;
/** To be connected and subscribed, … */
const OPEN_MS = 15_000;
/** … and to have a message acknowledged: a connection that takes longer is none. */
const ANSWER_MS = 30_000;

export class Link extends EventEmitter<LinkEvents> {
  readonly #options: LinkOptions;
  #client: MqttClient | undefined;
  #isOpen = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  #wait = FIRST_RETRY_MS;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Connect, and again whenever that is lost, until it is closed. */
  open(): void {
    if (this.#closed || this.#client !== undefined) return;
    let client: MqttClient;
    try {
      client = this.#connect();
    } catch (error) {
      this.#gone(undefined, reasonIn(error));
      return;
    }
    this.#client = client;
    const patience = setTimeout(() => this.#gone(client, "it does not answer"), OPEN_MS);
    let reason = "the connection was closed";
    client.on("error", (error) => {
      reason = reasonIn(error);
    });
    client.once("close", () => {
      clearTimeout(patience);
      this.#gone(client, reason);
    });
    client.once("connect", () => {
      client.subscribe([...this.#options.topics], { qos: 1 }, (error) => {
        if (this.#client !== client) return;
        clearTimeout(patience);
        if (error) {
          this.#gone(client, reasonIn(error));
          return;
        }
        this.#isOpen = true;
        this.#wait = FIRST_RETRY_MS;
        this.emit("open");
      });
    });
    client.on("message", (topic, payload, { retain }) => {
      if (this.#client === client) this.emit("message", topic, payload, retain);
    });
  }

  #connect(): MqttClient {
    const { broker, clientId, will } = this.#options;
    const { url, options } = broker();
    const { sessionExpiryInterval: _none, ...properties } = options.properties ?? {};
    return connect(url, {
      ...withoutUndefined(options),
      ...(options.properties === undefined ? {} : { properties }),
      clientId,
      clean: true,
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: will.retain },
      // Each attempt has a client of its own, whose memory of what was not acknowledged goes with it.
      reconnectPeriod: 0,
      connectTimeout: OPEN_MS,
      resubscribe: false,
      queueQoSZero: false,
    });
  }

  /** @param client of the attempt that is over; undefined where there was none */
  #gone(client: MqttClient | undefined, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#isOpen = false;
    drop(client);
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.open(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LAST_RETRY_MS);
    this.emit("away", reason);
  }

  /** Resolves when the broker has acknowledged it. @throws when it may not have arrived */
  async publish({ topic, payload, retain }: Letter): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#isOpen) throw new UserError("notify.away");
    await new Promise<void>((resolve, reject) => {
      const lost = (): void => settle(new UserError("notify.away"));
      const timer = setTimeout(() => {
        lost();
        this.#gone(client, "it does not answer");
      }, ANSWER_MS);
      const settle = (error?: Error | null): void => {
        clearTimeout(timer);
        client.off("close", lost);
        if (error) reject(error);
        else resolve();
      };
      client.setMaxListeners(0).once("close", lost);
      client.publish(topic, payload, { qos: 1, retain }, (error) => settle(error));
    });
  }

  /** No longer be told of a topic; never throws. */
  unsubscribe(topic: string): void {
    this.#client?.unsubscribe(topic, () => undefined);
  }

  /** For good, in bounded time. What is not acknowledged by then may not arrive. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    const wasOpen = this.#isOpen;
    this.#client = undefined;
    this.#isOpen = false;
    if (client === undefined) return;
    if (wasOpen) await ended(client);
    drop(client);
  }
}

/** Node-RED waits fifteen seconds for all that closes. */
const GOODBYE_MS = 2000;

/** Say goodbye, so that the broker does not speak the last will; never rejects. */
function ended(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GOODBYE_MS);
    client.end(false, {}, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What a dropped client still says is nobody's. */
function drop(client: MqttClient | undefined): void {
  if (client === undefined) return;
  client.removeAllListeners("message");
  client.on("error", () => undefined);
  client.end(true);
}

const withoutUndefined = (options: IClientOptions): IClientOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** What went wrong; several addresses that were tried are one error without words. */
function reasonIn(error: unknown): string {
  const { message = "", code, errors } = error as { message?: string; code?: string; errors?: Error[] };
  return message || errors?.map((each) => each.message).join(", ") || (code ?? "unknown");
}
