/**
 * Model packs in a real Node-RED: from the folder and from npm to a name, and what is said where one cannot be used.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fetchApi } from "../support/api";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { installPack, TINY_COHORT, writePack } from "../support/packs";
import { portrait } from "../support/photos";
import { pattern } from "../support/pattern";

const z = "z";

/** One door: photos are sent to /ID, and what was decided comes back. */
function door(id: string, model: string, distance: string): FlowNode[] {
  const at = { z, x: 1, y: 1 };
  return [
    { id: `g-${id}`, type: "face-gallery", name: id, folder: "people", model },
    { id: `in-${id}`, type: "http in", ...at, url: `/${id}`, method: "post", wires: [[`d-${id}`]] },
    { id: `d-${id}`, type: "haar-detect", ...at, name: "", wires: [[`e-${id}`]] },
    { id: `e-${id}`, type: "facenet-embed", ...at, name: "", model, wires: [[`m-${id}`]] },
    {
      id: `m-${id}`,
      type: "face-match",
      ...at,
      gallery: `g-${id}`,
      mode: "identify",
      distance,
      threshold: "",
      wires: [[`f-${id}`], [`f-${id}`], [`f-${id}`], [], []],
    },
    {
      id: `f-${id}`,
      type: "function",
      ...at,
      func: "msg.payload = msg.faces; return msg;",
      outputs: 1,
      wires: [[`o-${id}`]],
    },
    { id: `o-${id}`, type: "http response", ...at, wires: [] },
  ];
}

describe("model packs in Node-RED", () => {
  let red: NodeRed;

  before(async () => {
    const userDir = linkedUserDir();
    mkdirSync(join(userDir, "people"));
    writeFileSync(join(userDir, "people", "Alice.jpg"), await portrait("green"));
    writePack(join(userDir, "facenet/models/here"), { id: "of-a-folder" });
    installPack(join(userDir, "node_modules"), "@somebody/facenet-pack", { id: "of-npm", measured: false });
    mkdirSync(join(userDir, "facenet/models/torn"));
    writeFileSync(join(userDir, "facenet/models/torn/facenet-pack.json"), "{");
    const lost: FlowNode = {
      id: "lost",
      type: "facenet-embed",
      z,
      x: 1,
      y: 1,
      name: "Lost",
      model: "torn",
      wires: [[]],
    };
    const doors = [...door("folder", "of-a-folder", "cohort"), ...door("npm", "of-npm", "euclidean")];
    red = await startNodeRed([{ id: z, type: "tab", label: "doors" }, ...doors, lost], { userDir });
  });
  after(() => red.stop());

  interface Decided {
    model: string;
    identity: { outcome: string; name: string | null; distance: number; threshold: number };
  }
  const galleries = async (): Promise<Record<string, unknown>[]> =>
    (await fetchApi(`${red.url}/facenet/api/galleries`)).json() as Promise<Record<string, unknown>[]>;
  const ask = async (id: string): Promise<Decided | undefined> => {
    const body = new Uint8Array(await portrait("green"));
    const answer = await fetch(`${red.url}/${id}`, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body,
    });
    return ((await answer.json()) as Decided[])[0];
  };
  const known = (name: string): Promise<unknown> =>
    eventually(`${name} knows Alice`, async () =>
      (await galleries()).some((each) => each["name"] === name && each["people"] === 1 && each["progress"] === null)
        ? true
        : undefined,
    );

  it("name people by d' where they have a cohort, with their own τ", async () => {
    await known("folder");
    const { model, identity } = (await ask("folder")) as Decided;
    assert.deepEqual(
      [model, identity.outcome, identity.name, identity.threshold],
      ["of-a-folder", "match", "Alice", TINY_COHORT.threshold],
    );
    assert.ok(identity.distance < 0, "the same photo is 0 apart, nearer than the face's place is crowded");
    const gallery = (await galleries()).find(({ name }) => name === "folder");
    assert.deepEqual([gallery?.["model"], gallery?.["cohortThreshold"]], ["of-a-folder", TINY_COHORT.threshold]);
  });

  it("name people by Euclidean distance where they have none", async () => {
    await known("npm");
    const { model, identity } = (await ask("npm")) as Decided;
    assert.deepEqual([model, identity.outcome, identity.name, identity.threshold], ["of-npm", "match", "Alice", 1]);
    assert.ok(identity.distance >= 0 && identity.distance < 1e-3);
    assert.equal((await galleries()).find(({ name }) => name === "npm")?.["cohortThreshold"], null);
  });

  it("that are broken end nothing: the node that names one says why", async () => {
    const log = await eventually("the node says why", () =>
      red.log().includes("A model pack cannot be used") ? red.log() : undefined,
    );
    assert.match(
      log,
      pattern(
        /Lost.*there is no model "torn".*A model pack cannot be used: the /,
        /model pack .*torn.facenet-pack\.json is not JSON/,
      ),
    );
  });
});
