import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { componentsIn, type Discovery, discoveryOf, slugOf, withRemoved } from "../../../lib/notify/discovery";
import { type NotifyOptions, notifyOptionsSchema } from "../../../lib/notify/options";
import { clientIdOf, personTopics, topicsOf } from "../../../lib/notify/topics";
import { parseOptions } from "../../../lib/validate";
import { faultsIn } from "../../support/home-assistant";

const PEOPLE = [
  { id: "a1b2c3d4e5f6", name: "Alice" },
  { id: "0123456789ab", name: "王小明" },
  { id: "ba9876543210", name: "José +/# O'Neill\u0000" },
  { id: "ffffffffffff", name: "alice" },
];

function describePeople(fields: Partial<NotifyOptions> = {}, people = PEOPLE): [topic: string, told: Discovery] {
  const options = parseOptions(notifyOptionsSchema, fields, "test");
  const topics = topicsOf("4f3c.2a", options.prefix);
  const described = { nodeId: "4f3c.2a", options, topics, people, language: "en-US" as const, version: "1.2.3" };
  return [
    topics.config,
    discoveryOf({ ...described, personTopics: personTopics(topics.base, people, options.namedTopics) }),
  ];
}

const faultsOf = ([topic, told]: [string, Discovery]): string[] => faultsIn(topic, JSON.stringify(told));

describe("what Home Assistant is told there is", () => {
  it("is as its documentation has it, whatever people are called and whatever is chosen", () => {
    for (const pictures of [true, false])
      for (const strangers of [true, false])
        for (const namedTopics of [true, false])
          for (const people of [PEOPLE, []])
            assert.deepEqual(faultsOf(describePeople({ pictures, strangers, namedTopics }, people)), []);
    for (const device of ["Faces", "門口 的", "🙂", "Front door!"])
      assert.deepEqual(faultsOf(describePeople({ device })), []);
    assert.deepEqual(faultsOf(describePeople({ prefix: "home/assistant" })), []);
  });

  it("has occupancy, last seen and a picture of each person; and strangers, visits and a count", () => {
    const [topic, { cmps, availability, o, dev }] = describePeople({}, PEOPLE.slice(0, 1));
    assert.equal(topic, "homeassistant/device/facenet_4f3c_2a/config");
    assert.deepEqual(
      Object.values(cmps).map(({ p, default_entity_id: id, name }) => `${p} ${String(id)} ${String(name)}`),
      [
        "binary_sensor binary_sensor.faces_alice Alice",
        "sensor sensor.faces_alice_last_seen Alice last seen",
        "image image.faces_alice_picture Alice picture",
        "sensor sensor.faces_here Here now",
        "event event.faces_visit Visit",
        "binary_sensor binary_sensor.faces_stranger Stranger",
        "event event.faces_stranger_visit Stranger's visit",
        "image image.faces_stranger_picture Stranger's picture",
      ],
    );
    assert.deepEqual(availability, [{ topic: "facenet/4f3c_2a/availability" }]);
    assert.deepEqual([o["name"], dev["ids"], dev["sw"]], ["node-red-facenet", ["facenet_4f3c_2a"], "1.2.3"]);
  });

  it("keeps what identifies an entity when the person is called otherwise, and has no name in a topic", () => {
    const idsOf = (name: string): unknown[] =>
      Object.values(describePeople({}, [{ id: "a1b2c3d4e5f6", name }])[1].cmps).map(({ unique_id: id }) => id);
    assert.deepEqual(idsOf("Alice"), idsOf("Alicia"));
    const [, told] = describePeople();
    const texts = Object.values(told.cmps).flatMap((each) =>
      Object.entries(each).flatMap(([key, value]) => (key.endsWith("_topic") ? [String(value)] : [])),
    );
    assert.ok(texts.length > 15);
    for (const topic of texts) assert.doesNotMatch(topic, /alice|王|jos|neill/i);
  });

  it("has names in topics where that is chosen, each its own", () => {
    const topics = [...personTopics("b", [...PEOPLE, { id: "eeeeeeeeeeee", name: "José O'Neill" }], true).values()];
    assert.deepEqual(
      topics.map(({ presence }) => presence),
      [
        "b/people/Alice/presence",
        "b/people/王小明/presence",
        "b/people/José_O'Neill/presence",
        "b/people/alice/presence",
        "b/people/José_O'Neill-eeeeeeeeeeee/presence",
      ],
    );
    const levelOf = (name: string): string | undefined =>
      [...personTopics("b", [{ id: "dddddddddddd", name }], true).values()][0]?.presence.split("/").at(-2);
    assert.equal(levelOf("+#/"), "dddddddddddd");
    assert.equal(levelOf("🙂 A+B"), "🙂_AB");
    // Brokers close the connection of whoever sends one of these (MQTT 3.1.1, 1.5.3).
    for (const code of [0, 0x1f, 0x85, 0xd800, 0xfdd0, 0xfffe, 0xffff, 0x1fffe])
      assert.equal(levelOf(`A${String.fromCodePoint(code)}b`), "Ab", code.toString(16));
  });

  it("takes away a component with its platform alone, as documented", () => {
    const [topic, told] = describePeople({}, []);
    const removed = withRemoved(told, new Map([["x_presence", "binary_sensor"]]));
    assert.deepEqual(removed.cmps["x_presence"], { p: "binary_sensor" });
    assert.deepEqual(faultsIn(topic, JSON.stringify(removed)), []);
  });

  it("reads what a broker has of before, and nothing that somebody else wrote there", () => {
    const [, told] = describePeople();
    assert.deepEqual(componentsIn(Buffer.from(JSON.stringify(told))), told.cmps);
    for (const text of ["", "{", "null", "[]", '{"cmps":null}', '{"cmps":{"a":{"p":"lock"},"b":null,"c":5}}'])
      assert.deepEqual(componentsIn(Buffer.from(text)), {}, text);
  });

  it("makes an entity's id of what a name has of letters and digits", () => {
    assert.deepEqual(["Alice", "José O'Neill", "__a  b__", "王小明", "Ünal 2"].map(slugOf), [
      "alice",
      "jose_o_neill",
      "a_b",
      "",
      "unal_2",
    ]);
  });

  it("has a client's id that every broker takes, the same for the same node and computer", () => {
    assert.match(clientIdOf("n1 pi"), /^[0-9a-zA-Z_]{1,23}$/);
    assert.equal(clientIdOf("n1 pi"), clientIdOf("n1 pi"));
    assert.notEqual(clientIdOf("n1 pi"), clientIdOf("n1 nas"));
  });

  it("refuses a prefix that is no topic", () => {
    for (const prefix of ["", "a/#", "+", "/a", "a/", "a//b", "$SYS", "a\u0000", "a\ufffe"])
      assert.throws(() => parseOptions(notifyOptionsSchema, { prefix }, "face-notify"), /prefix: must be a topic/);
  });
});

describe("the checker that stands in for Home Assistant", () => {
  const [topic, good] = describePeople({}, PEOPLE.slice(0, 1));
  const change = (edit: (told: Discovery & Record<string, unknown>) => void): string[] => {
    const told = structuredClone(good) as Discovery & Record<string, unknown>;
    edit(told);
    return faultsIn(topic, JSON.stringify(told));
  };
  const component = (told: Discovery): Record<string, unknown> => told.cmps["visit"] as Record<string, unknown>;

  it("finds what is missing, unknown, deprecated or doubled", () => {
    assert.deepEqual(
      change(() => undefined),
      [],
    );
    const cases: [RegExp, (told: Discovery & Record<string, unknown>) => void][] = [
      [/object_id is no option/, (told) => void (component(told)["object_id"] = "visit")],
      [/event_types is required/, (told) => void delete component(told)["event_types"]],
      [/event_types is no list/, (told) => void (component(told)["event_types"] = [])],
      [/state_topic is required/, (told) => void delete component(told)["state_topic"]],
      [/state_topic is no topic/, (told) => void (component(told)["state_topic"] = "a/#")],
      [/unique_id is required/, (told) => void delete component(told)["unique_id"]],
      [/default_entity_id is no id/, (told) => void (component(told)["default_entity_id"] = "visit")],
      [/no platform lamp/, (told) => void (component(told)["p"] = "lamp")],
      [/no template/, (told) => void (component(told)["value_template"] = "{{ value_json.a }")],
      [/no device_class/, (told) => void (component(told)["device_class"] = "person")],
      [/its unique_id is another's/, (told) => void (told.cmps["here"] = { ...told.cmps["visit"], p: "event" })],
      [/origin is missing/, (told) => void delete (told as Record<string, unknown>)["o"]],
      [/neither identifiers/, (told) => void delete told.dev["ids"]],
      [/availability must not/, (told) => void (told["availability_topic"] = "a")],
      [/name is not shared/, (told) => void (told["name"] = "a")],
    ];
    for (const [fault, edit] of cases) assert.match(change(edit).join("\n"), fault);
    assert.match(faultsIn("homeassistant/sensor/a/config", "{}").join("\n"), /no topic of device discovery/);
  });
});
