/** Visits told by way of mosquitto, the broker that most of Home Assistant's users have. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Notifier } from "../../lib/notify/notifier";
import { notifyOptionsSchema } from "../../lib/notify/options";
import { parseOptions } from "../../lib/validate";
import { HomeAssistant } from "../support/home-assistant";
import { Mosquitto } from "../support/mosquitto";
import { createPerson, notifyFlow, tellNodeRed } from "../support/notify-flow";
import { eventually, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { jpegOf, visitOf } from "../support/visits";

const ALICE = { id: "a1b2c3d4e5f6", name: "Alice" };
const alice = { person: ALICE.id, name: ALICE.name };
const isTrue = (condition: boolean): true | undefined => (condition ? true : undefined);

async function stateIs(home: HomeAssistant, entityId: string, state: string | undefined): Promise<void> {
  await eventually(`${entityId} is ${String(state)}`, () => isTrue(home.stateOf(entityId) === state));
}

const notifierAt = (broker: Mosquitto, protocolVersion: 4 | 5): Notifier =>
  new Notifier({
    id: "n1",
    host: "here",
    broker: () => ({ url: broker.url, options: { protocolVersion } }),
    options: parseOptions(notifyOptionsSchema, {}, "face-notify"),
    language: "en-US",
    version: "1.2.3",
  });

for (const persistent of [false, true])
  describe(`visits by way of a mosquitto that ${persistent ? "writes down" : "forgets"} what it keeps`, () => {
    let broker: Mosquitto;
    let home: HomeAssistant;
    let notifier: Notifier;
    before(async () => {
      broker = await Mosquitto.create({ persistent });
    });
    after(() => broker.down());
    afterEach(async () => {
      await notifier.close(true);
      await home.stop();
    });

    const start = async (protocolVersion: 4 | 5): Promise<void> => {
      home = new HomeAssistant(broker.url);
      await home.start();
      notifier = notifierAt(broker, protocolVersion);
      notifier.setPeople([ALICE]);
      notifier.start();
      await stateIs(home, "binary_sensor.faces_alice", "OFF");
    };

    it("survive 100 restarts of it, ended well or killed: all is there again, and no event came twice", async () => {
      await start(persistent ? 5 : 4);
      const picture = jpegOf("Alice");
      for (let restart = 0; restart < 100; restart += 1) {
        const isHere = restart % 2 === 0;
        const visit = visitOf({
          ...alice,
          visit: `r${restart}`,
          event: isHere ? "confirmed" : "left",
          snapshot: picture,
        });
        if (restart % 3 === 0) notifier.tellVisit(visit);
        await broker.down(restart % 4 === 0 ? "SIGKILL" : "SIGTERM");
        if (restart % 3 !== 0) notifier.tellVisit(visit);
        await broker.up();
        await stateIs(home, "binary_sensor.faces_alice", isHere ? "ON" : "OFF");
        await stateIs(home, "sensor.faces_here", isHere ? "1" : "0");
      }
      await eventually("the last event", () => isTrue(home.events.at(-1)?.event["visit"] === "r99"));
      const heard = home.events.map(({ event }) => String(event["visit"]));
      assert.deepEqual(
        heard.filter((visit, index) => heard.indexOf(visit) !== index),
        [],
      );
      assert.ok(home.entity("image.faces_alice_picture").picture?.equals(picture));
      assert.deepEqual(home.faults, []);
    });

    it("survive 100 starts of Home Assistant", async () => {
      await start(4);
      notifier.tellVisit(visitOf(alice));
      await eventually("the event", () => isTrue(home.events.length === 1));
      for (let restart = 0; restart < 100; restart += 1) {
        await home.stop();
        await home.start({ retain: restart % 2 === 0 });
        await stateIs(home, "binary_sensor.faces_alice", "ON");
        await stateIs(home, "sensor.faces_here", "1");
      }
      assert.equal(home.events.length, 1);
      assert.deepEqual(home.faults, []);
    });

    it("of people who were deleted while nobody told of them go at the next start", async () => {
      await start(5);
      notifier.tellVisit(visitOf({ ...alice, snapshot: jpegOf("Alice") }));
      await stateIs(home, "binary_sensor.faces_alice", "ON");
      await notifier.close(false);
      await stateIs(home, "binary_sensor.faces_alice", "unavailable");
      notifier = notifierAt(broker, 5);
      notifier.setPeople([]);
      notifier.start();
      await stateIs(home, "binary_sensor.faces_alice", undefined);
      await stateIs(home, "sensor.faces_here", "0");
      const later = new HomeAssistant(broker.url);
      await later.start();
      await stateIs(later, "sensor.faces_here", "0");
      assert.deepEqual(
        later.retained.filter((topic) => topic.includes("people")),
        [],
      );
      await later.stop();
    });
  });

describe("a Node-RED with face-notify at a mosquitto", () => {
  const password = "a pass word";
  let broker: Mosquitto;
  let home: HomeAssistant;
  let red: NodeRed;
  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), "mosquitto-users-"));
    const users = join(folder, "users");
    execFileSync("mosquitto_passwd", ["-b", "-c", users, "cam", password]);
    broker = await Mosquitto.create({ more: ["allow_anonymous false", `password_file ${users}`] });
    home = new HomeAssistant(`mqtt://cam:${encodeURIComponent(password)}@127.0.0.1:${broker.port}`);
    await home.start();
  });
  after(async () => {
    await red.stop();
    await home.stop();
    await broker.down();
  });

  it("logs in as the broker's node does, is unavailable once it is killed, and comes back whole", async () => {
    const flow = notifyFlow(broker.port);
    const userDir = linkedUserDir();
    writeFileSync(join(userDir, "flows_cred.json"), JSON.stringify({ b: { user: "cam", password } }));
    const options = { userDir, settings: "credentialSecret: false," };
    red = await startNodeRed(flow, options);
    const id = await createPerson(red, "Alice");
    await tellNodeRed(red, { visit: visitOf({ person: id, name: "Alice" }) });
    await stateIs(home, "binary_sensor.faces_alice", "ON");
    for (let kill = 0; kill < 3; kill += 1) {
      red.process.kill("SIGKILL");
      await stateIs(home, "binary_sensor.faces_alice", "unavailable");
      await red.stop();
      red = await startNodeRed(flow, options);
      await stateIs(home, "binary_sensor.faces_alice", "OFF");
    }
    assert.equal(home.events.length, 1);
    assert.deepEqual(home.faults, []);
    assert.doesNotMatch(red.log(), /\[error\]|a pass word/);
  });
});
