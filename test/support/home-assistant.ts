/**
 * A stand-in for Home Assistant's MQTT integration, written from its documentation: what it is told there is it
 * checks against the options that are documented for each platform, and follows topics, templates and removals as
 * written there.
 * https://www.home-assistant.io/integrations/mqtt/ and its pages
 * binary_sensor.mqtt, sensor.mqtt, image.mqtt, event.mqtt.
 */
import { connectAsync, type MqttClient } from "mqtt";

/** Options of every entity; `object_id` is not among them since Core 2026.4. */
const COMMON = [
  "platform",
  "unique_id",
  "default_entity_id",
  "name",
  "icon",
  "entity_picture",
  "entity_category",
  "enabled_by_default",
  "availability",
  "availability_mode",
  "availability_template",
  "availability_topic",
  "payload_available",
  "payload_not_available",
  "json_attributes_topic",
  "json_attributes_template",
  "encoding",
  "qos",
];

const PLATFORMS: Record<string, { required: string[]; options: string[] }> = {
  binary_sensor: {
    required: ["state_topic"],
    options: [
      "device_class",
      "expire_after",
      "force_update",
      "off_delay",
      "payload_off",
      "payload_on",
      "value_template",
    ],
  },
  sensor: {
    required: ["state_topic"],
    options: [
      "device_class",
      "expire_after",
      "force_update",
      "last_reset_value_template",
      "options",
      "suggested_display_precision",
      "state_class",
      "unit_of_measurement",
      "value_template",
    ],
  },
  image: { required: [], options: ["content_type", "image_encoding", "image_topic", "url_template", "url_topic"] },
  event: { required: ["state_topic", "event_types"], options: ["device_class", "value_template"] },
};

/** Abbreviations that are used here, of those that are documented. */
const ABBREVIATIONS: Record<string, string> = { dev: "device", o: "origin", cmps: "components", p: "platform" };
const DEVICE: Record<string, string> = {
  ids: "identifiers",
  cns: "connections",
  mf: "manufacturer",
  mdl: "model",
  sw: "sw_version",
  hw: "hw_version",
  sn: "serial_number",
  sa: "suggested_area",
  cu: "configuration_url",
};
const DEVICE_OPTIONS = new Set([...Object.values(DEVICE), "name", "model_id", "via_device"]);
const ORIGIN: Record<string, string> = { sw: "sw_version", url: "support_url" };
const ORIGIN_OPTIONS = new Set(["name", "sw_version", "support_url"]);
/** What may stand beside device, origin and components, for all of these. */
const SHARED = new Set([
  "availability",
  "availability_mode",
  "availability_template",
  "availability_topic",
  "payload_available",
  "payload_not_available",
  "command_topic",
  "state_topic",
  "qos",
  "encoding",
]);

/** Device classes that are used here, of those that are documented, and state classes. */
const DEVICE_CLASSES: Record<string, string[]> = {
  binary_sensor: ["occupancy", "presence", "motion"],
  sensor: ["timestamp", "duration", "enum"],
  event: ["button", "doorbell", "motion"],
};
const STATE_CLASSES = new Set<unknown>(["measurement", "total", "total_increasing", "measurement_angle"]);

type Config = Record<string, unknown>;

export interface Entity {
  platform: string;
  entityId: string;
  config: Config;
  /** Undefined before the first. */
  state: string | undefined;
  attributes: Record<string, unknown>;
  picture: Buffer | undefined;
  events: Record<string, unknown>[];
  availability: string[];
  available: boolean;
}

const expand = (config: Config, names: Record<string, string>): Config =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [names[key] ?? key, value]));

const isRecord = (value: unknown): value is Config =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is wrong with what is told on a topic of discovery; nothing where all is as documented. */
export function faultsIn(topic: string, payload: string): string[] {
  const faults: string[] = [];
  const fault = (text: string): void => void faults.push(text);
  if (!/^[^+#]+\/device\/[a-zA-Z0-9_-]+\/config$/.test(topic)) fault(`${topic} is no topic of device discovery`);
  if (payload === "") return faults;
  let told: unknown;
  try {
    told = JSON.parse(payload);
  } catch {
    return [...faults, "it is no JSON"];
  }
  if (!isRecord(told)) return [...faults, "it is no mapping"];
  const { device, origin, components, ...shared } = expand(told, ABBREVIATIONS);
  checkDevice(device, fault);
  checkOrigin(origin, fault);
  for (const key of Object.keys(shared)) if (!SHARED.has(key)) fault(`${key} is not shared by components`);
  checkAvailability(shared, fault);
  if (!isRecord(components)) return [...faults, "there are no components"];
  const [uniqueIds, entityIds] = [new Set<unknown>(), new Set<unknown>()];
  for (const [id, component] of Object.entries(components)) {
    const say = (text: string): void => fault(`${id}: ${text}`);
    if (!isRecord(component)) {
      say("it is no mapping");
      continue;
    }
    const config = expand(component, ABBREVIATIONS);
    const platform = String(config["platform"]);
    if (PLATFORMS[platform] === undefined) say(`there is no platform ${platform}`);
    // Taken away.
    else if (Object.keys(config).length > 1) {
      checkEntity(platform, { ...pick(shared, ["qos", "encoding"]), ...config }, say);
      if (uniqueIds.has(config["unique_id"])) say("its unique_id is another's");
      if (entityIds.has(config["default_entity_id"])) say("its default_entity_id is another's");
      uniqueIds.add(config["unique_id"]);
      entityIds.add(config["default_entity_id"]);
    }
  }
  return faults;
}

const pick = (config: Config, keys: string[]): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => keys.includes(key)));

type Fault = (text: string) => void;

function checkDevice(device: unknown, fault: Fault): void {
  if (!isRecord(device)) return fault("device is missing");
  const { identifiers, connections, name, ...rest } = expand(device, DEVICE);
  if ([identifiers, connections].every((each) => each === undefined || (Array.isArray(each) && each.length === 0)))
    fault("device has neither identifiers nor connections");
  if (typeof name !== "string") fault("device has no name");
  for (const [key, value] of Object.entries(rest))
    if (!DEVICE_OPTIONS.has(key) || typeof value !== "string") fault(`device.${key} is not documented so`);
}

function checkOrigin(origin: unknown, fault: Fault): void {
  if (!isRecord(origin)) return fault("origin is missing");
  const { name, ...rest } = expand(origin, ORIGIN);
  if (typeof name !== "string") fault("origin has no name");
  for (const [key, value] of Object.entries(rest))
    if (!ORIGIN_OPTIONS.has(key) || typeof value !== "string") fault(`origin.${key} is not documented so`);
}

function checkAvailability({ availability, availability_topic: single }: Config, fault: Fault): void {
  if (availability !== undefined && single !== undefined)
    fault("availability must not be used together with availability_topic");
  if (
    availability !== undefined &&
    !(Array.isArray(availability) && availability.every((each) => isTopic(each.topic)))
  )
    fault("availability is no list of topics");
}

const isTopic = (topic: unknown): topic is string =>
  typeof topic === "string" && topic.length > 0 && !/[+#\0]/.test(topic) && Buffer.byteLength(topic) < 65_536;

function checkEntity(platform: string, config: Config, fault: Fault): void {
  const { required = [], options = [] } = PLATFORMS[platform] ?? {};
  const allowed = new Set([...COMMON, ...required, ...options]);
  for (const key of required) if (config[key] === undefined) fault(`${key} is required`);
  for (const [key, value] of Object.entries(config)) {
    if (!allowed.has(key)) fault(`${key} is no option of ${platform}`);
    if (key.endsWith("_topic") && !isTopic(value)) fault(`${key} is no topic`);
    if (key.endsWith("_template")) checkTemplate(key, value, fault);
  }
  if (typeof config["unique_id"] !== "string") fault("unique_id is required in device discovery");
  const pattern = new RegExp(`^${platform}\\.(?!_)(?!.*__)[a-z0-9_]+(?<!_)$`);
  if (!pattern.test(String(config["default_entity_id"]))) fault("default_entity_id is no id of an entity");
  if (typeof config["name"] !== "string" || config["name"] === "") fault("it has no name");
  if (config["icon"] !== undefined && !/^"mdi:[a-z0-9-]+"$/.test(JSON.stringify(config["icon"])))
    fault("icon is none");
  const { device_class: deviceClass, state_class: stateClass, qos } = config;
  if (deviceClass !== undefined && !(DEVICE_CLASSES[platform] ?? []).some((each) => each === deviceClass))
    fault(`there is no device_class ${JSON.stringify(deviceClass)} of ${platform}`);
  if (stateClass !== undefined && !STATE_CLASSES.has(stateClass)) fault("there is no such state_class");
  if (qos !== undefined && ![0, 1, 2].includes(Number(qos))) fault("qos is none");
  if (config["json_attributes_template"] !== undefined && config["json_attributes_topic"] === undefined)
    fault("json_attributes_template is of no use without its topic");
  if (platform === "event") {
    const types = config["event_types"];
    if (!Array.isArray(types) || types.length === 0 || new Set(types).size !== types.length)
      fault("event_types is no list of different types");
  }
  if (platform === "image" && (config["image_topic"] === undefined) === (config["url_topic"] === undefined))
    fault("either image_topic or url_topic is required");
}

/** The part of Jinja that is understood here: a value of JSON, or some of them as JSON again. */
const VALUE = /^\{\{ value_json\.(\w+) \}\}$/;
const VALUES = /^\{\{ \{((?:'\w+': value_json\.\w+(?:, )?)+)\} \| tojson \}\}$/;

function checkTemplate(key: string, template: unknown, fault: Fault): void {
  if (typeof template !== "string" || !(VALUE.test(template) || VALUES.test(template)))
    fault(`${key} is no template that is understood here`);
}

function render(template: string | undefined, payload: string): string {
  if (template === undefined) return payload;
  const json = JSON.parse(payload) as Config;
  const single = VALUE.exec(template)?.[1];
  if (single !== undefined) return String(json[single]);
  const pairs = [...(VALUES.exec(template)?.[1] ?? "").matchAll(/'(\w+)': value_json\.(\w+)/g)];
  for (const [, , field = ""] of pairs) if (!(field in json)) throw new Error(`value_json has no ${field}`);
  return JSON.stringify(Object.fromEntries(pairs.map(([, name = "", field = ""]) => [name, json[field]])));
}

/** It listens at a broker, as it does. */
export class HomeAssistant {
  /** By unique_id. */
  readonly entities = new Map<string, Entity>();
  /** Whatever was not as documented. */
  readonly faults: string[] = [];
  /** Every event that an entity was told of, in this order, over restarts. */
  readonly events: { entityId: string; event: Config }[] = [];
  readonly #url: string;
  readonly #prefix: string;
  #client: MqttClient | undefined;
  /** "TOPIC COMPONENT" of discovery → unique_id. */
  readonly #discovered = new Map<string, string>();
  /** Retained messages, for what subscribes later: it subscribes to everything once. */
  readonly #retained = new Map<string, Buffer>();
  #available = new Map<string, boolean>();

  constructor(url: string, prefix = "homeassistant") {
    this.#url = url;
    this.#prefix = prefix;
  }

  /** Connect, subscribe, and say that it is online. @param retain whether that stays with the broker */
  async start({ retain = false } = {}): Promise<void> {
    const client = await connectAsync(this.#url, {
      reconnectPeriod: 50,
      will: { topic: "homeassistant/status", payload: Buffer.from("offline"), qos: 0, retain },
    });
    client.on("error", () => undefined);
    this.#client = client;
    client.on("message", (topic, payload, { retain: isRetained }) => {
      try {
        this.#heard(topic, payload, isRetained);
      } catch (error) {
        this.faults.push(`${topic}: ${String(error)}`);
      }
    });
    await client.subscribeAsync("#", { qos: 1 });
    await client.publishAsync("homeassistant/status", "online", { retain, qos: 0 });
  }

  /** Once the broker is there again: it says so as it does after its own start. */
  async birth(): Promise<void> {
    await this.#client?.publishAsync("homeassistant/status", "online", { qos: 0 });
  }

  /** Topics of which the broker has kept something for those who come later. */
  get retained(): string[] {
    return [...this.#retained].flatMap(([topic, payload]) => (payload.length > 0 ? [topic] : []));
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync(true);
    for (const entity of this.entities.values()) entity.available = false;
    this.entities.clear();
    this.#discovered.clear();
    this.#retained.clear();
    this.#available = new Map();
  }

  /** Of an entity; @throws where there is none. */
  entity(entityId: string): Entity {
    const found = [...this.entities.values()].find((each) => each.entityId === entityId);
    if (found === undefined)
      throw new Error(
        `there is no ${entityId}: ${[...this.entities.values()].map((each) => each.entityId).join(" ")}`,
      );
    return found;
  }

  /** The state of an entity; "unavailable" while its device is away, undefined where there is no such entity. */
  stateOf(entityId: string): string | undefined {
    const found = [...this.entities.values()].find((each) => each.entityId === entityId);
    if (found === undefined) return undefined;
    return found.available ? found.state : "unavailable";
  }

  #heard(topic: string, payload: Buffer, retained: boolean): void {
    if (topic.startsWith(`${this.#prefix}/`) && topic.endsWith("/config")) {
      this.#discover(topic, payload.toString());
      return;
    }
    if (retained || this.#isState(topic)) this.#retained.set(topic, payload);
    this.#follow(topic, payload, retained);
  }

  #isState(topic: string): boolean {
    return ![...this.entities.values()].some(
      ({ platform, config }) => platform === "event" && config["state_topic"] === topic,
    );
  }

  #discover(topic: string, payload: string): void {
    this.faults.push(...faultsIn(topic, payload).map((fault) => `${topic}: ${fault}`));
    if (payload === "") {
      for (const [key, uniqueId] of this.#discovered)
        if (key.startsWith(`${topic} `)) {
          this.#discovered.delete(key);
          this.entities.delete(uniqueId);
        }
      return;
    }
    const { components, availability } = expand(JSON.parse(payload) as Config, ABBREVIATIONS);
    const topics = (availability as { topic: string }[]).map((each) => each.topic);
    for (const [id, component] of Object.entries(components as Record<string, Config>)) {
      const { platform, ...config } = expand(component, ABBREVIATIONS);
      const key = `${topic} ${id}`;
      const known = this.#discovered.get(key);
      if (Object.keys(config).length === 0) {
        if (known !== undefined) this.entities.delete(known);
        this.#discovered.delete(key);
        continue;
      }
      const uniqueId = String(config["unique_id"]);
      const before = this.entities.get(uniqueId);
      if (known === undefined && before !== undefined) this.faults.push(`${uniqueId} is there twice`);
      this.#discovered.set(key, uniqueId);
      if (before !== undefined && JSON.stringify(before.config) === JSON.stringify(config)) continue;
      const entity: Entity = {
        platform: String(platform),
        // It keeps the id that it got first.
        entityId: before?.entityId ?? String(config["default_entity_id"]),
        config,
        state: undefined,
        attributes: {},
        picture: undefined,
        events: before?.events ?? [],
        availability: topics,
        available: topics.some((each) => this.#available.get(each) === true),
      };
      this.entities.set(uniqueId, entity);
      for (const [each, kept] of this.#retained) this.#followOne(entity, each, kept, true);
    }
    for (const each of topics) if (!this.#available.has(each)) this.#available.set(each, false);
  }

  #follow(topic: string, payload: Buffer, retained: boolean): void {
    if (this.#available.has(topic) || topic.endsWith("/availability")) {
      const said = payload.toString();
      if (!["online", "offline", ""].includes(said)) this.faults.push(`${topic} says ${said}`);
      this.#available.set(topic, said === "online");
      for (const entity of this.entities.values())
        if (entity.availability.includes(topic)) entity.available = said === "online";
    }
    for (const entity of this.entities.values()) this.#followOne(entity, topic, payload, retained);
  }

  #followOne(entity: Entity, topic: string, payload: Buffer, retained: boolean): void {
    const { platform, config, entityId } = entity;
    const text = (): string => payload.toString();
    if (config["json_attributes_topic"] === topic && payload.length > 0)
      entity.attributes = JSON.parse(
        render(config["json_attributes_template"] as string | undefined, text()),
      ) as Config;
    if (platform === "image" && config["image_topic"] === topic) {
      if (payload.length > 0 && payload.readUInt16BE(0) !== 0xffd8) this.faults.push(`${entityId} is told no JPEG`);
      entity.picture = payload.length > 0 ? payload : undefined;
    }
    if (config["state_topic"] !== topic) return;
    if (platform === "event") {
      // Replayed retained messages are discarded: nobody would be told. An event must not be retained at all.
      if (retained) this.faults.push(`${entityId} is told a retained event`);
      else this.#happened(entity, text());
      return;
    }
    if (payload.length === 0) return;
    const state = render(config["value_template"] as string | undefined, text());
    if (platform === "binary_sensor" && !["ON", "OFF"].includes(state))
      this.faults.push(`${entityId} is told ${state}`);
    if (config["device_class"] === "timestamp" && !/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(state))
      this.faults.push(`${entityId} is told ${state}, no time`);
    if (config["state_class"] === "measurement" && !/^-?\d+(?:\.\d+)?$/.test(state))
      this.faults.push(`${entityId} is told ${state}, no number`);
    entity.state = state;
  }

  #happened(entity: Entity, payload: string): void {
    const { event_type: type, ...attributes } = JSON.parse(payload) as Config;
    if (!(entity.config["event_types"] as unknown[]).includes(type))
      this.faults.push(`${entity.entityId} is told ${String(type)}, which is no event_type of it`);
    if ("event_types" in attributes) this.faults.push(`${entity.entityId}: event_types is no attribute`);
    entity.events.push({ event_type: type, ...attributes });
    this.events.push({ entityId: entity.entityId, event: { event_type: type, ...attributes } });
  }
}
