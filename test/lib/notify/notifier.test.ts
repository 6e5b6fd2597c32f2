import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import type { Clock } from "../../../lib/notify/age";
import { Notifier } from "../../../lib/notify/notifier";
import { type NotifyOptions, notifyOptionsSchema } from "../../../lib/notify/options";
import { remember } from "../../../lib/notify/remember";
import { parseOptions } from "../../../lib/validate";
import type { VisitRecord } from "../../../lib/visits/book";
import { TestBroker } from "../../support/broker";
import { HomeAssistant } from "../../support/home-assistant";
import { eventually } from "../../support/node-red";
import { jpegOf, presenceOf, presentOf, visitOf } from "../../support/visits";

const ALICE = { id: "a1b2c3d4e5f6", name: "Alice" };
const BOB = { id: "0123456789ab", name: "Bob" };
const alice = { person: ALICE.id, name: ALICE.name };
const bob = { person: BOB.id, name: BOB.name, visit: "v2" };
const stranger = { person: null, confirmed: true, visit: "v3" };

const broker = new TestBroker();
let open: (Notifier | HomeAssistant)[] = [];

function notifierOf(
  fields: Partial<NotifyOptions> = {},
  people = [ALICE, BOB],
  clock?: Clock,
  isThere?: (node: string) => boolean,
): Notifier {
  const notifier = new Notifier({
    id: "n1",
    host: "here",
    broker: () => ({ url: broker.url, options: {} }),
    options: parseOptions(notifyOptionsSchema, fields, "face-notify"),
    language: "en-US",
    version: "1.2.3",
    clock,
    isThere,
  });
  open.push(notifier);
  notifier.setPeople(people);
  return notifier;
}

async function homeAssistant(): Promise<HomeAssistant> {
  const home = new HomeAssistant(broker.url);
  open.push(home);
  await home.start();
  return home;
}

const isTrue = (condition: boolean): true | undefined => (condition ? true : undefined);

/** Wait for an entity's state. */
async function stateIs(home: HomeAssistant, entityId: string, state: string | undefined): Promise<void> {
  await eventually(`${entityId} is ${String(state)}`, () => isTrue(home.stateOf(entityId) === state));
}

describe("visits in Home Assistant", () => {
  before(() => broker.start());
  afterEach(async () => {
    for (const each of open) await (each instanceof Notifier ? each.close(true) : each.stop());
    open = [];
  });
  after(() => broker.stop());

  it("are there whole, whoever starts first: occupancy, last seen and where, picture, event, count", async () => {
    for (const first of ["home", "notifier"]) {
      let home = first === "home" ? await homeAssistant() : undefined;
      const notifier = notifierOf();
      notifier.start();
      const at = Date.now() - 1000;
      const picture = jpegOf("Alice");
      notifier.tellVisit(
        visitOf({
          ...alice,
          lastSeen: at,
          zone: "garden",
          source: "gate",
          snapshot: picture,
          others: [presentOf(bob)],
        }),
      );
      if (home === undefined) {
        await eventually("it to be connected", () => isTrue(notifier.isConnected));
        home = await homeAssistant();
      }
      await stateIs(home, "binary_sensor.faces_alice", "ON");
      await stateIs(home, "binary_sensor.faces_bob", "ON");
      await stateIs(home, "sensor.faces_alice_last_seen", new Date(at).toISOString());
      await stateIs(home, "sensor.faces_here", "2");
      await stateIs(home, "binary_sensor.faces_stranger", "OFF");
      assert.deepEqual(home.entity("sensor.faces_alice_last_seen").attributes, { camera: "gate", zone: "garden" });
      assert.deepEqual(home.entity("sensor.faces_here").attributes, { people: ["Alice", "Bob"], strangers: 0 });
      await eventually("the picture", () =>
        isTrue(home.entity("image.faces_alice_picture").picture?.equals(picture) === true),
      );
      if (first === "home") {
        const { event } = await eventually("the event", () => home.events[0]);
        assert.deepEqual(
          [event["event_type"], event["person"], event["zone"], event["camera"], event["duration"], event["others"]],
          ["confirmed", "Alice", "garden", "gate", 5, ["Bob"]],
        );
      }
      assert.deepEqual(home.faults, []);
      await notifier.close(true);
      await home.stop();
    }
  });

  it("end, and nobody is here any more; when they were last seen stays", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    notifier.tellVisit(visitOf(alice));
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    const lastSeen = Date.now();
    notifier.tellVisit(visitOf({ ...alice, event: "left", lastSeen }));
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    await stateIs(home, "sensor.faces_here", "0");
    await stateIs(home, "sensor.faces_alice_last_seen", new Date(lastSeen).toISOString());
    await eventually("both events", () => isTrue(home.events.length === 2));
    assert.deepEqual(home.faults, []);
  });

  it("of strangers are told apart, with a picture of their own, and not at all where that is chosen", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    notifier.tellVisit(visitOf({ ...stranger, snapshot: jpegOf("who?") }));
    await stateIs(home, "binary_sensor.faces_stranger", "ON");
    await stateIs(home, "sensor.faces_here", "1");
    await eventually("the event", () => isTrue(home.events.length === 1));
    assert.deepEqual(
      [home.events[0]?.entityId, "person" in (home.events[0]?.event ?? {})],
      ["event.faces_stranger_visit", false],
    );
    await eventually("the picture", () => home.entity("image.faces_stranger_picture").picture);
    await notifier.close(true);
    const silent = notifierOf({ strangers: false });
    silent.start();
    silent.tellVisit(visitOf({ ...stranger, visit: "v9", snapshot: jpegOf("who?") }));
    silent.tellVisit(visitOf({ ...alice, others: [presentOf(stranger)] }));
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    await stateIs(home, "sensor.faces_here", "1");
    assert.equal(home.stateOf("binary_sensor.faces_stranger"), undefined);
    await eventually("Alice's event", () => isTrue(home.events.length === 2));
    assert.equal(home.events[1]?.event["person"], "Alice");
    assert.deepEqual(home.faults, []);
  });

  it("are told once, and what comes late or twice changes nobody's state", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    const came = visitOf(alice);
    const here = presenceOf([presentOf(alice)]);
    const gone = presenceOf([]);
    notifier.tellVisit(came);
    notifier.tellVisit(structuredClone({ ...came }));
    notifier.tellPresence(here);
    notifier.tellPresence(gone);
    notifier.tellPresence(here);
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    // What is told now is told after all that went before.
    notifier.tellVisit(visitOf({ ...bob, event: "confirmed" }));
    await stateIs(home, "binary_sensor.faces_bob", "ON");
    assert.equal(home.stateOf("binary_sensor.faces_alice"), "OFF");
    await eventually("Bob's event", () => isTrue(home.events.some(({ event }) => event["person"] === "Bob")));
    assert.deepEqual(
      home.events.map(({ event }) => event["person"]),
      ["Alice", "Bob"],
    );
  });

  it("are told by several face-presence nodes, each of its own cameras alone, until one of them is gone", async () => {
    const home = await homeAssistant();
    const there = new Set(["garden", "door"]);
    const notifier = notifierOf({}, [ALICE, BOB], undefined, (node) => there.has(node));
    notifier.start();
    const seen = Date.now();
    notifier.tellPresence(presenceOf([presentOf({ ...alice, lastSeen: seen - 2000 })], { node: "garden" }));
    const late = presenceOf([presentOf({ ...alice, visit: "v7", zone: "door", lastSeen: seen })], { node: "door" });
    notifier.tellPresence(presenceOf([presentOf(bob)], { node: "garden" }));
    notifier.tellPresence(late);
    await stateIs(home, "binary_sensor.faces_bob", "ON");
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    assert.equal(home.stateOf("sensor.faces_here"), "2");
    notifier.tellPresence(presenceOf([presentOf(bob), presentOf(alice)], { node: "garden" }));
    notifier.tellPresence(presenceOf([], { node: "door" }));
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    assert.equal(home.stateOf("sensor.faces_here"), "2");
    there.delete("garden");
    notifier.tellPresence(presenceOf([], { node: "door" }));
    for (const name of ["alice", "bob"]) await stateIs(home, `binary_sensor.faces_${name}`, "OFF");
    assert.deepEqual(home.faults, []);
  });

  it("count on from a source whose numbers begin anew, and whose clock was set back", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    notifier.tellPresence(presenceOf([presentOf(alice)], { sequence: 100, at: 5000 }));
    notifier.tellPresence(presenceOf([], { sequence: 0, at: 6000 }));
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    notifier.tellPresence(presenceOf([presentOf(alice)], { sequence: 1, at: 1000 }));
    await stateIs(home, "binary_sensor.faces_alice", "ON");
  });

  it("say when somebody was seen last also after the clock was put back, and nothing late says so", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    const noon = Date.parse("2026-11-26T12:00:00Z");
    const late = presenceOf([presentOf({ ...alice, lastSeen: noon - 5000 })], { at: noon - 5000 });
    notifier.tellPresence(presenceOf([presentOf({ ...alice, lastSeen: noon })], { at: noon }));
    notifier.tellPresence(late);
    await stateIs(home, "sensor.faces_alice_last_seen", new Date(noon).toISOString());
    const eleven = noon - 3_600_000;
    notifier.tellPresence(presenceOf([presentOf({ ...alice, lastSeen: eleven })], { at: eleven + 500 }));
    await stateIs(home, "sensor.faces_alice_last_seen", new Date(eleven).toISOString());
    notifier.tellPresence(presenceOf([presentOf({ ...alice, lastSeen: eleven + 60_000 })], { at: eleven + 60_500 }));
    await stateIs(home, "sensor.faces_alice_last_seen", new Date(eleven + 60_000).toISOString());
  });

  it("that wait too long for the broker are dropped, and that is said; states are the latest", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf({ patience: 1 });
    notifier.start();
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    await broker.down();
    await eventually("it to be away", () => isTrue(!notifier.isConnected));
    assert.match(notifier.away ?? "", /\w/);
    notifier.tellVisit(visitOf(alice));
    notifier.tellVisit(visitOf({ ...alice, event: "left" }));
    const at = Date.now();
    await eventually("them to be old", () => isTrue(Date.now() - at > 1100));
    const dropped = once(notifier, "dropped");
    notifier.tellVisit(visitOf(bob));
    await broker.up();
    await stateIs(home, "binary_sensor.faces_bob", "ON");
    assert.equal(home.stateOf("binary_sensor.faces_alice"), "OFF");
    assert.deepEqual(await dropped, [2]);
    await eventually("Bob's event", () => isTrue(home.events.length > 0));
    assert.deepEqual(
      home.events.map(({ event }) => event["person"]),
      ["Bob"],
    );
  });

  it("of long ago are no events, and that is said", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    const dropped = once(notifier, "dropped");
    notifier.tellVisit(visitOf({ ...alice, at: Date.now() - 3_600_000 }));
    notifier.tellVisit(visitOf({ ...bob, at: Date.now() - 7_200_000, others: [presentOf(alice)] }));
    assert.deepEqual(await dropped, [2]);
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    assert.deepEqual(home.events, []);
  });

  it("are events where the computer's clock is put forward while they are on their way", async () => {
    const home = await homeAssistant();
    let ahead = 0;
    const clock: Clock = { now: () => Date.now() + ahead, elapsed: () => performance.now() };
    const notifier = notifierOf({}, undefined, clock);
    notifier.start();
    const late = visitOf({ ...alice, at: clock.now() });
    ahead = 3_600_000;
    notifier.tellVisit(late);
    notifier.tellVisit(visitOf({ ...bob, at: clock.now() }));
    await eventually("both events", () => isTrue(home.events.length === 2));
    assert.deepEqual(
      home.events.map(({ event }) => event["person"]),
      ["Alice", "Bob"],
    );
  });

  it("of people who are deleted or called otherwise go, or change their name, and leave nothing", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf({ namedTopics: true });
    notifier.start();
    notifier.tellVisit(visitOf({ ...alice, snapshot: jpegOf("a"), others: [presentOf(bob)] }));
    await stateIs(home, "binary_sensor.faces_bob", "ON");
    await eventually("the picture", () => home.entity("image.faces_alice_picture").picture);
    notifier.setPeople([{ ...ALICE, name: "Alicia" }]);
    await eventually("Bob to be gone", () => isTrue(home.stateOf("binary_sensor.faces_bob") === undefined));
    await eventually("the new name", () =>
      isTrue(home.entity("binary_sensor.faces_alice").config["name"] === "Alicia"),
    );
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    assert.equal(home.stateOf("sensor.faces_bob_last_seen"), undefined);
    assert.deepEqual(home.faults, []);
    // Who comes later finds nothing of Bob, nor of the former name.
    const later = await homeAssistant();
    await stateIs(later, "binary_sensor.faces_alicia", "ON");
    await stateIs(later, "sensor.faces_here", "2");
    assert.deepEqual(later.entity("sensor.faces_here").attributes, { people: ["Alicia"], strangers: 0 });
    assert.deepEqual(
      later.retained.filter((topic) => /Bob|Alice\b/.test(topic)),
      [],
    );
    await eventually("the picture of before, by its new topic", () =>
      later.retained.includes("facenet/n1/people/Alicia/picture") ? true : undefined,
    );
  });

  it("of people who were deleted while this was away are taken away at the next start", async () => {
    const first = notifierOf();
    first.start();
    first.tellVisit(visitOf({ ...alice, snapshot: jpegOf("a"), others: [presentOf(bob)] }));
    await eventually("it to be connected", () => isTrue(first.isConnected));
    await first.close(false);
    open = [];
    const home = await homeAssistant();
    await stateIs(home, "binary_sensor.faces_alice", "unavailable");
    const second = notifierOf({}, [BOB]);
    second.start();
    await stateIs(home, "binary_sensor.faces_bob", "OFF");
    await eventually("Alice to be gone", () => isTrue(home.stateOf("binary_sensor.faces_alice") === undefined));
    const later = await homeAssistant();
    await stateIs(later, "binary_sensor.faces_bob", "OFF");
    assert.deepEqual(
      later.retained.filter((topic) => topic.includes(ALICE.id)),
      [],
    );
    assert.deepEqual([...home.faults, ...later.faults], []);
  });

  it("leave nothing at the broker and in Home Assistant when the node is deleted", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    notifier.tellVisit(visitOf({ ...alice, snapshot: jpegOf("a") }));
    await eventually("the picture", () => home.entities.size > 0 && home.entity("image.faces_alice_picture").picture);
    await notifier.close(true);
    await eventually("all to be gone", () => isTrue(home.entities.size === 0));
    const later = await homeAssistant();
    const witness = notifierOf({ device: "Witness" }, []);
    witness.start();
    await stateIs(later, "sensor.witness_here", "0");
    assert.deepEqual(
      later.retained.filter((topic) => topic.includes("people")),
      [],
    );
  });

  it("are unavailable while nobody tells of them, whether that ends well or not", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    await notifier.close(false);
    await stateIs(home, "binary_sensor.faces_alice", "unavailable");
    const other = notifierOf();
    other.start();
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
  });

  it("are available again after the last will of a connection that was lost unnoticed", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    await broker.say("facenet/n1/availability", "offline");
    await eventually("the answer", () =>
      isTrue(
        broker.published.findLast(({ topic }) => topic === "facenet/n1/availability")?.payload.toString() === "online",
      ),
    );
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
  });

  it("survive 100 restarts of a broker that forgets everything: no event twice, no listener left behind", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    const told: string[] = [];
    const listeners = (): number => process.listenerCount("exit") + notifier.listenerCount("change");
    const atFirst = listeners();
    for (let restart = 0; restart < 100; restart += 1) {
      const isHere = restart % 2 === 0;
      const visit = visitOf({ ...alice, visit: `r${restart}`, event: isHere ? "confirmed" : "left" });
      // At times while the broker is there, at times while it is away.
      if (restart % 3 === 0) notifier.tellVisit(visit);
      await broker.down();
      if (restart % 3 !== 0) notifier.tellVisit(visit);
      told.push(visit.visit);
      await broker.up();
      await stateIs(home, "binary_sensor.faces_alice", isHere ? "ON" : "OFF");
      await stateIs(home, "sensor.faces_here", isHere ? "1" : "0");
    }
    await eventually("the last event", () => isTrue(home.events.at(-1)?.event["visit"] === told.at(-1)));
    const heard = home.events.map(({ event }) => String(event["visit"]));
    assert.deepEqual(
      heard.filter((visit, index) => heard.indexOf(visit) !== index),
      [],
    );
    assert.equal(listeners(), atFirst);
    assert.deepEqual(home.faults, []);
    assert.deepEqual(new Set(broker.clients.filter((id) => id.startsWith("facenet_"))).size, 1);
  });

  it("survive 100 starts of Home Assistant", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    notifier.tellVisit(visitOf(alice));
    for (let restart = 0; restart < 100; restart += 1) {
      await stateIs(home, "binary_sensor.faces_alice", "ON");
      await stateIs(home, "sensor.faces_here", "1");
      await home.stop();
      // A broker that keeps nothing knows nothing of what there is either.
      if (restart % 2 === 0) await broker.forget();
      await home.start({ retain: restart % 3 === 0 });
    }
    assert.equal(home.events.length, 1);
    assert.deepEqual(home.faults, []);
  });

  it("are what the visit book has of them after a start, until anything newer is told", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    const [lastSeen, came] = [Date.now() - 60_000, Date.now() - 5000];
    const picture = jpegOf("kept");
    const recordOf = (person: typeof ALICE, at: number, until: number | null): VisitRecord => ({
      ...presentOf({ person: person.id, name: person.name, lastSeen: at }),
      stays: [{ zone: "yard", camera: "c2", source: "gate", from: at - 1000, until: at }],
      until,
      pictured: person === ALICE,
      revision: 1,
    });
    const visits = [recordOf(BOB, came, null), recordOf(ALICE, lastSeen, lastSeen)];
    await remember(
      notifier,
      {
        open: visits.filter(({ until }) => until === null),
        find: ({ person }) =>
          Promise.resolve({ visits: visits.filter((each) => each.person === person), next: undefined }),
        snapshot: () => Promise.resolve(picture),
      },
      [ALICE, BOB],
    );
    notifier.start();
    await stateIs(home, "binary_sensor.faces_bob", "ON");
    await stateIs(home, "binary_sensor.faces_alice", "OFF");
    await stateIs(home, "sensor.faces_alice_last_seen", new Date(lastSeen).toISOString());
    assert.deepEqual(home.entity("sensor.faces_alice_last_seen").attributes, { camera: "gate", zone: "yard" });
    await eventually("her picture", () =>
      isTrue(home.entity("image.faces_alice_picture").picture?.equals(picture) === true),
    );
    notifier.tellPresence(presenceOf([]));
    await stateIs(home, "binary_sensor.faces_bob", "OFF");
    assert.deepEqual(home.events, []);
    assert.deepEqual(home.faults, []);
  });

  it("with a picture that is none are told without it, and that is said", async () => {
    const home = await homeAssistant();
    const notifier = notifierOf();
    notifier.start();
    assert.throws(() => notifier.tellVisit(visitOf({ ...alice, snapshot: Buffer.from("GIF89a") })), /is no JPEG/);
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    assert.equal(home.entity("image.faces_alice_picture").picture, undefined);
    assert.deepEqual(home.faults, []);
  });

  it("are told with 500 people, of a gallery of more", async () => {
    const home = await homeAssistant();
    const people = Array.from({ length: 600 }, (_, index) => ({
      id: index.toString(16).padStart(12, "0"),
      name: `Person ${index}`,
    }));
    const notifier = notifierOf({}, people);
    notifier.start();
    await stateIs(home, "binary_sensor.faces_person_499", "OFF");
    assert.equal(home.stateOf("binary_sensor.faces_person_500"), undefined);
    assert.deepEqual(home.faults, []);
  });
});
