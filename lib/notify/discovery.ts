/**
 * What Home Assistant is told there is, as one device: MQTT device discovery
 * (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload), with the options of Core 2026.4, in
 * which `default_entity_id` is what `object_id` was.
 */
import { VISIT_EVENTS } from "../visit";
import { type Language, phrase, render, type Sentence } from "../words/sentence";
import type { NotifyOptions } from "./options";
import { deviceIdOf, type Person, type PersonTopics, type Topics } from "./topics";

/** What an entity is to Home Assistant. */
export const PLATFORMS = ["binary_sensor", "sensor", "image", "event"] as const;
export type Platform = (typeof PLATFORMS)[number];

/** An entity; with `p` alone Home Assistant takes it away. */
export type Component = { p: Platform } & Record<string, unknown>;

export interface Discovery {
  dev: Record<string, unknown>;
  o: Record<string, unknown>;
  cmps: Record<string, Component>;
  availability: { topic: string }[];
  qos: number;
}

export interface Described {
  nodeId: string;
  options: NotifyOptions;
  topics: Topics;
  people: readonly Person[];
  personTopics: ReadonlyMap<string, PersonTopics>;
  language: Language;
  /** Of this package. */
  version: string;
}

const PACKAGE = "https://github.com/facewire/node-red-facenet";

export function discoveryOf(described: Described): Discovery {
  const { nodeId, options, topics, people, personTopics, language, version } = described;
  const device = deviceIdOf(nodeId);
  const entities = new Entities(device, slugOf(options.device) || "faces", language);
  for (const person of people) {
    const own = personTopics.get(person.id);
    if (own !== undefined) describePerson(entities, person, own, options.pictures);
  }
  describeVisits(entities, topics, options);
  return {
    dev: { ids: [device], name: options.device, mf: "Facewire", mdl: "node-red-facenet", sw: version },
    o: { name: "node-red-facenet", sw: version, url: PACKAGE },
    cmps: entities.components,
    availability: [{ topic: topics.availability }],
    qos: 1,
  };
}

/** Where they are, of what is told of when they were last seen. A time would make a new state of every sight. */
const WHERE = "{{ {'camera': value_json.camera, 'zone': value_json.zone} | tojson }}";

function describePerson(entities: Entities, { id, name }: Person, topics: PersonTopics, pictures: boolean): void {
  const slug = slugOf(name) || id;
  entities.add(`${id}_presence`, "binary_sensor", slug, name, {
    device_class: "occupancy",
    state_topic: topics.presence,
    json_attributes_topic: topics.lastSeen,
    json_attributes_template: WHERE,
  });
  entities.add(`${id}_last_seen`, "sensor", `${slug}_last_seen`, phrase("notify.lastSeen", { name }), {
    device_class: "timestamp",
    state_topic: topics.lastSeen,
    value_template: "{{ value_json.at }}",
    json_attributes_topic: topics.lastSeen,
    json_attributes_template: WHERE,
  });
  if (pictures)
    entities.add(`${id}_picture`, "image", `${slug}_picture`, phrase("notify.picture", { name }), {
      image_topic: topics.picture,
      content_type: "image/jpeg",
    });
}

function describeVisits(entities: Entities, topics: Topics, { pictures, strangers }: NotifyOptions): void {
  entities.add("here", "sensor", "here", phrase("notify.here"), {
    icon: "mdi:account-group",
    state_class: "measurement",
    state_topic: topics.here,
    value_template: "{{ value_json.count }}",
    json_attributes_topic: topics.here,
    json_attributes_template: "{{ {'people': value_json.people, 'strangers': value_json.strangers} | tojson }}",
  });
  entities.add("visit", "event", "visit", phrase("notify.visit"), {
    icon: "mdi:account-arrow-right",
    state_topic: topics.visit,
    event_types: [...VISIT_EVENTS],
  });
  if (!strangers) return;
  entities.add("stranger_presence", "binary_sensor", "stranger", phrase("notify.stranger"), {
    device_class: "occupancy",
    state_topic: topics.stranger.presence,
  });
  entities.add("stranger_visit", "event", "stranger_visit", phrase("notify.strangersVisit"), {
    icon: "mdi:account-question",
    state_topic: topics.stranger.visit,
    event_types: VISIT_EVENTS.filter((event) => event !== "arrived"),
  });
  if (pictures)
    entities.add("stranger_picture", "image", "stranger_picture", phrase("notify.strangersPicture"), {
      image_topic: topics.stranger.picture,
      content_type: "image/jpeg",
    });
}

class Entities {
  readonly components: Record<string, Component> = {};
  readonly #taken = new Set<string>();
  readonly #device: string;
  readonly #slug: string;
  readonly #language: Language;

  constructor(device: string, slug: string, language: Language) {
    this.#device = device;
    this.#slug = slug;
    this.#language = language;
  }

  /** @param slug of the entity's id as Home Assistant first has it; people may change it there */
  add(key: string, platform: Platform, slug: string, name: Sentence | string, rest: Record<string, unknown>): void {
    const wanted = `${platform}.${this.#slug}_${slug}`;
    const entityId = this.#taken.has(wanted) ? `${wanted}_${slugOf(key)}` : wanted;
    this.#taken.add(entityId);
    this.components[key] = {
      p: platform,
      unique_id: `${this.#device}_${key}`,
      default_entity_id: entityId,
      name: typeof name === "string" ? name : render(name, this.#language),
      ...rest,
    };
  }
}

/** What an entity's id is made of: small letters, digits and single `_` between them; empty where a name has none. */
export function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

/** The same with components that are no more, which Home Assistant then takes away. */
export function withRemoved(discovery: Discovery, removed: ReadonlyMap<string, Platform>): Discovery {
  const gone = [...removed].filter(([key]) => !(key in discovery.cmps)).map(([key, p]) => [key, { p }]);
  return { ...discovery, cmps: { ...discovery.cmps, ...Object.fromEntries(gone) } };
}

/** Topics that components have, below a device's own. */
export function componentTopics(components: Readonly<Record<string, Component>>, base: string): Set<string> {
  const texts = Object.values(components).flatMap((component) =>
    Object.entries(component).flatMap(([key, value]) => (key.endsWith("_topic") ? [value] : [])),
  );
  return new Set(texts.filter((topic): topic is string => typeof topic === "string" && topic.startsWith(`${base}/`)));
}

/** Longer than any this package makes; what is longer is not read. */
const LONGEST = 5_000_000;

/** Components that a broker still has of before; none where it is not as this package makes it. */
export function componentsIn(payload: Buffer): Record<string, Component> {
  if (payload.length === 0 || payload.length > LONGEST) return {};
  try {
    const { cmps } = JSON.parse(payload.toString()) as { cmps?: unknown };
    if (typeof cmps !== "object" || cmps === null) return {};
    return Object.fromEntries(Object.entries(cmps).filter((entry): entry is [string, Component] => isOurs(entry[1])));
  } catch {
    // Somebody else wrote there: it is overwritten.
    return {};
  }
}

const isOurs = (component: unknown): boolean =>
  typeof component === "object" &&
  component !== null &&
  (PLATFORMS as readonly unknown[]).includes((component as { p?: unknown }).p);
