import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import type { Node, NodeAPI, NodeDef } from "node-red";
import sharp from "sharp";
import { cameraNames } from "../../lib/capture/names";
import type { FaceMessage, Frame } from "../../lib/message";
import camera from "../../nodes/camera/camera";
import { onInput } from "../../nodes/common/on-input";
import { admin, helper, send, startServer, stopServer } from "../support/flow";

type Calls = { args: [{ fill?: string; text?: string }]; thisValue: unknown }[];

/** What a node has shown and warned of. */
function said(id: string): { statuses: { fill?: string; text?: string }[]; warnings: string[] } {
  // The test helper's spies are shared by all nodes.
  const node = helper.getNode(id);
  const { status, warn } = node as unknown as Record<"status" | "warn", { getCalls: () => Calls }>;
  const of = (spy: { getCalls: () => Calls }): { fill?: string; text?: string }[] =>
    spy.getCalls().flatMap(({ args, thisValue }) => (thisValue === node ? [args[0]] : []));
  return { statuses: of(status), warnings: of(warn).map(String) };
}

/** A node that takes its time: what waits at it is kept by camera. */
function slow(RED: NodeAPI): void {
  RED.nodes.registerType("slow-stage", function SlowStage(this: Node, def: NodeDef) {
    RED.nodes.createNode(this, def);
    onInput(this, async (message, forward) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      forward(message);
    });
  });
}

const two = (names: [string, string]): object[] =>
  names.map((name, index) => ({
    id: `c${index}`,
    type: "facewire-camera",
    name,
    source: "browser",
    autostart: true,
    wires: [["slow"], []],
  }));
const rest = [
  { id: "slow", type: "slow-stage", wires: [["frames"]] },
  { id: "frames", type: "helper" },
];

describe("two cameras of one name", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("are told, in the log and under both nodes", async () => {
    await helper.load([camera, slow], [...two(["door", "door"]), ...rest]);
    const [first, second] = [said("c0"), said("c1")];
    assert.deepEqual([first.warnings.length, second.warnings.length], [1, 1]);
    assert.match(first.warnings[0] ?? "", /another camera has the name "door", too \(node c1\)/);
    assert.match(second.warnings[0] ?? "", /\(node c0\)/);
    for (const { statuses } of [first, second])
      assert.deepEqual([statuses.at(-1)?.fill, /status\.twin/.test(statuses.at(-1)?.text ?? "")], ["yellow", true]);
  });

  it("are told apart, and are no longer when one has another name", async () => {
    const frame = { source: "door", camera: "c1" };
    await helper.load([camera, slow], [...two(["door", "door"]), ...rest]);
    assert.equal(cameraNames.labelOf(frame), "door (c1)");
    await helper.getNode("c0").close(false);
    assert.equal(cameraNames.labelOf(frame), "door");
    assert.doesNotMatch(said("c1").statuses.at(-1)?.text ?? "", /twin/);
  });

  it("say nothing where the names differ", async () => {
    await helper.load([camera, slow], [...two(["door", "yard"]), ...rest]);
    assert.deepEqual([said("c0").warnings, said("c1").warnings], [[], []]);
  });

  it("do not take each other's place in a stage that is busy", async () => {
    await helper.load([camera, slow], [...two(["door", "door"]), ...rest]);
    const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: "#123" } })
      .jpeg()
      .toBuffer();
    const frames: Frame[] = [];
    helper.getNode("frames").on("input", (message) => frames.push((message as unknown as FaceMessage).frame!));
    // The first one occupies the stage; of each camera one frame waits.
    send("slow", { payload: jpeg });
    for (const id of ["c0", "c1"])
      assert.equal(
        (await admin().post(`/facenet/camera/${id}/frame`).set("Content-Type", "image/jpeg").send(jpeg)).status,
        204,
      );
    while (frames.length < 3) await once(helper.getNode("frames"), "input");
    assert.deepEqual(
      frames.slice(1).map(({ source, camera: id }) => [source, id]),
      [
        ["door", "c0"],
        ["door", "c1"],
      ],
    );
  });
});
