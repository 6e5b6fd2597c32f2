import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { FaceMessage } from "../../lib/message";
import faceGallery, { type FaceGalleryNode } from "../../nodes/face-gallery/face-gallery";
import faceNotify from "../../nodes/face-notify/face-notify";
import { TestBroker } from "../support/broker";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { HomeAssistant } from "../support/home-assistant";
import { keepLoaded } from "../support/keep-loaded";
import { mqtt } from "../support/mqtt-nodes";
import { createPerson, notifyFlow, tellNodeRed } from "../support/notify-flow";
import { eventually, startNodeRed } from "../support/node-red";
import { jpegOf, presenceOf, presentOf, visitOf } from "../support/visits";

const LOGIN = { user: "cam", password: "s3cret word" };
const isTrue = (condition: boolean): true | undefined => (condition ? true : undefined);

describe("face-notify", () => {
  const broker = new TestBroker(LOGIN);
  let home: HomeAssistant;
  /** Of the node: Home Assistant knows a device by it, and keeps what it called the entities first. */
  let id = "n0";

  before(async () => {
    await startServer();
    await broker.start();
    home = new HomeAssistant(broker.urlFor(LOGIN));
    await home.start();
  });
  keepLoaded();
  afterEach(() => helper.unload());
  after(async () => {
    await home.stop();
    await broker.stop();
    await stopServer();
  });

  async function load(fields: object = {}, { password = LOGIN.password, broker: more = {} } = {}): Promise<void> {
    id = `n${Number(id.slice(1)) + 1}`;
    helper.settings({ userDir: mkdtempSync(join(tmpdir(), "user-")) });
    await helper.load(
      [faceGallery, mqtt, faceNotify],
      [
        { id: "g", type: "face-gallery", name: "" },
        { id: "b", type: "mqtt-broker", broker: "127.0.0.1", port: String(broker.port), ...more },
        { id, type: "face-notify", name: "", gallery: "g", broker: "b", wires: [["out"]], ...fields },
        { id: "out", type: "helper" },
      ],
      { b: { user: LOGIN.user, password } },
    );
  }
  const gallery = (): FaceGalleryNode["gallery"] => (helper.getNode("g") as FaceGalleryNode).gallery;
  const stateIs = async (entityId: string, state: string | undefined): Promise<void> => {
    await eventually(`${entityId} is ${String(state)}`, () => isTrue(home.stateOf(entityId) === state));
  };

  it("has the broker's address and login of Node-RED's own node, and tells who is in the gallery", async () => {
    await load({ device: "Door" });
    const { id: person } = await (await gallery()).createPerson({ name: "Alice" });
    await stateIs("binary_sensor.door_alice", "OFF");
    const out = nextMessage("out");
    const snapshot = jpegOf("a");
    send(id, { visit: visitOf({ person, name: "Alice", snapshot }), topic: "kept" });
    assert.equal((await out)["topic"], "kept");
    await stateIs("binary_sensor.door_alice", "ON");
    await eventually("the picture", () => home.entity("image.door_alice_picture").picture);
    send(id, { presence: presenceOf([]) });
    await stateIs("binary_sensor.door_alice", "OFF");
    assert.deepEqual(
      home.events.map(({ event }) => [event["event_type"], event["person"]]),
      [["confirmed", "Alice"]],
    );
    await (await gallery()).updatePerson(person, { name: "Alicia" });
    await eventually("the new name", () =>
      isTrue(home.entity("binary_sensor.door_alice").config["name"] === "Alicia"),
    );
    await (await gallery()).forget("Alicia");
    await stateIs("binary_sensor.door_alice", undefined);
    assert.deepEqual(home.faults, []);
  });

  it("refuses what tells of no visit, or of another gallery's, with a sentence, and works on", async () => {
    await load({});
    const refusal = async (message: object): Promise<string> => {
      const error = nextError(id);
      send(id, message as FaceMessage);
      return error;
    };
    assert.match(await refusal({ payload: 1 }), /^face-notify: this message tells of no visit: wire face-presence/);
    assert.match(await refusal({ visit: visitOf({ gallery: "other" }) }), /is of another gallery/);
    assert.match(await refusal({ visit: { event: "confirmed" } }), /^face-notify: msg\.visit: /);
    assert.match(await refusal({ presence: { here: 5 } }), /^face-notify: msg\.presence: /);
    const visit = visitOf({ confirmed: true, snapshot: Buffer.from("x") });
    assert.match(await refusal({ visit }), /snapshot is no JPEG/);
    const out = nextMessage("out");
    send(id, { presence: presenceOf([presentOf()]) });
    await out;
    await stateIs("sensor.faces_here", "1");
  });

  it("says what is wrong with its fields at deploy", async () => {
    for (const [fields, sentence] of [
      [{ broker: "" }, /no broker is chosen/],
      [{ gallery: "" }, /no gallery is chosen/],
      [{ prefix: "a/#" }, /prefix: must be a topic/],
      [{ patience: "soon" }, /"soon" is not a number/],
      [{ device: "${NO_SUCH}" }, /device: the variable NO_SUCH is not set/],
    ] as const) {
      await load(fields);
      const error = nextError(id);
      send(id, { presence: presenceOf([]) });
      assert.match(await error, sentence);
      await helper.unload();
    }
  });

  it("says once why the broker refuses it, without the password, and takes messages meanwhile", async () => {
    await load({}, { password: "wrong s3cret" });
    const warned = (helper.getNode(id) as unknown as { warn: { args: [string][] } }).warn;
    const said = await eventually("a warning", () => warned.args[0]?.[0]);
    assert.match(said, /^face-notify: the MQTT broker is away: .*[Nn]ot authorized.*\. It is tried again/);
    assert.doesNotMatch(said, /s3cret/);
    const out = nextMessage("out");
    send(id, { presence: presenceOf([]) });
    await out;
    const attempts = broker.refused;
    await eventually("more attempts", () => isTrue(broker.refused >= attempts + 2));
    assert.equal(warned.args.length, 1);
  });

  it("takes its device away when it is deleted, and leaves it unavailable when it is deployed anew", async () => {
    await load({ device: "Gone" });
    await stateIs("sensor.gone_here", "0");
    const node = helper.getNode(id) as unknown as { close(removed: boolean): Promise<void> };
    await node.close(false);
    await stateIs("sensor.gone_here", "unavailable");
    await helper.unload();
    await load({ device: "Gone too" });
    await stateIs("sensor.gone_too_here", "0");
    await (helper.getNode(id) as unknown as typeof node).close(true);
    await stateIs("sensor.gone_too_here", undefined);
    assert.equal(home.stateOf("sensor.gone_here"), "unavailable");
  });
});

describe("a Node-RED that is killed", () => {
  it("is unavailable in Home Assistant at once, and there again with all that it tells after its start", async () => {
    const broker = new TestBroker();
    await broker.start();
    const home = new HomeAssistant(broker.url);
    await home.start();
    const flow = notifyFlow(broker.port);
    let red = await startNodeRed(flow);
    try {
      const id = await createPerson(red, "Alice");
      await tellNodeRed(red, { visit: visitOf({ person: id, name: "Alice", zone: "garden" }) });
      await eventually("Alice", () => isTrue(home.stateOf("binary_sensor.faces_alice") === "ON"));
      const lastSeen = home.stateOf("sensor.faces_alice_last_seen");
      red.process.kill("SIGKILL");
      await eventually("the last will", () => isTrue(home.stateOf("binary_sensor.faces_alice") === "unavailable"));
      await red.stop();
      red = await startNodeRed(flow, { userDir: red.userDir });
      await eventually("Alice, gone", () => isTrue(home.stateOf("binary_sensor.faces_alice") === "OFF"));
      assert.equal(home.stateOf("sensor.faces_alice_last_seen"), lastSeen);
      assert.equal(home.events.length, 1);
      assert.deepEqual(home.faults, []);
      assert.doesNotMatch(red.log(), /\[error\]/);
    } finally {
      await red.stop();
      await home.stop();
      await broker.stop();
    }
  });
});
