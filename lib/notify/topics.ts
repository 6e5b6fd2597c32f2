/**
 * Topics of one device. Those of a person have their id in them: a topic is seen by whoever may subscribe, and stays
 * in a broker's log; names are in payloads.
 */
import { createHash } from "node:crypto";

/** A person as they are told of. */
export interface Person {
  id: string;
  name: string;
}

/** What identifies a device at the broker and in Home Assistant: letters, digits, `_` and `-`. */
export function deviceIdOf(nodeId: string): string {
  return `facenet_${levelOf(nodeId)}`;
}

/** At most 23 characters: what every broker takes (MQTT 3.1.1, 3.1.3.1). @param owner whose connection it is */
export function clientIdOf(owner: string): string {
  return `facenet_${createHash("sha256").update(owner).digest("hex").slice(0, 15)}`;
}

export interface Topics {
  /** Where Home Assistant finds what there is. */
  config: string;
  /** Where Home Assistant says that it has started: by default under its own prefix, whatever that of discovery is. */
  status: readonly string[];
  availability: string;
  here: string;
  visit: string;
  stranger: { presence: string; picture: string; visit: string };
  /** Everything of this device but `config` is below it. */
  base: string;
}

export function topicsOf(nodeId: string, prefix: string): Topics {
  const base = `facenet/${levelOf(nodeId)}`;
  return {
    config: `${prefix}/device/${deviceIdOf(nodeId)}/config`,
    status: [...new Set([`${prefix}/status`, "homeassistant/status"])],
    availability: `${base}/availability`,
    here: `${base}/here`,
    visit: `${base}/visit`,
    stranger: {
      presence: `${base}/stranger/presence`,
      picture: `${base}/stranger/picture`,
      visit: `${base}/stranger/visit`,
    },
    base,
  };
}

export interface PersonTopics {
  presence: string;
  lastSeen: string;
  picture: string;
}

/** By the person's id. @param named whether names are in the topics */
export function personTopics(base: string, people: readonly Person[], named: boolean): Map<string, PersonTopics> {
  const taken = new Set<string>();
  return new Map(
    people.map(({ id, name }) => {
      const wanted = named ? nameLevel(name) : levelOf(id);
      // A name made fit for a topic may be somebody else's, too.
      const level = wanted === "" || taken.has(wanted) ? `${wanted}${wanted && "-"}${levelOf(id)}` : wanted;
      taken.add(level);
      const at = `${base}/people/${level}`;
      return [id, { presence: `${at}/presence`, lastSeen: `${at}/last_seen`, picture: `${at}/picture` }];
    }),
  );
}

const levelOf = (id: string): string => id.replace(/[^\w-]/g, "_");

/** A topic's length counts in bytes, of which it has 65,535. */
const MOST_OF_NAME = 100;

/** What is no part of a topic's level (MQTT 3.1.1, 1.5.3 and 4.7): for some of it brokers close the connection. */
const NO_TOPIC = /[+#/\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/gu;

const nameLevel = (name: string): string =>
  Array.from(name.replace(NO_TOPIC, "").trim()).slice(0, MOST_OF_NAME).join("").replace(/\s+/g, "_");
