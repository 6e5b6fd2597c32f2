/** Flows as the first version wrote them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { knownPeople, portrait } from "../support/photos";

const flowOf = (name: string): FlowNode[] =>
  JSON.parse(readFileSync(join(__dirname, "../support/old-flows", `${name}.json`), "utf8")) as FlowNode[];

const post = async (url: string, photo: Buffer): Promise<Response> =>
  fetch(url, { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: new Uint8Array(photo) });

describe("a flow of the first version", () => {
  let red: NodeRed | undefined;
  after(() => red?.stop());

  it("recognizes as it did: dlib's network, Euclidean distances, the network's own τ", async () => {
    const folder = await knownPeople({ Alice: "green" });
    const flow = flowOf("photo-over-http");
    Object.assign(flow.find(({ type }) => type === "face-gallery") as FlowNode, { folder });
    const match = flow.find(({ type }) => type === "face-match") as FlowNode;
    assert.equal(match["version"], undefined);
    assert.equal(match["distance"], undefined);
    red = await startNodeRed(flow);
    const { faces } = (await (await post(`${red.url}/recognize`, await portrait("green"))).json()) as {
      faces: { outcome: string; name: string; distance: number; threshold: number }[];
    };
    const alice = faces.find(({ outcome }) => outcome === "match");
    assert.equal(alice?.name, "Alice");
    assert.equal(alice?.threshold, 0.58);
    await red.stop();
  });

  it("enrols through face-match, whose node of its own came later", async () => {
    const flow = flowOf("enrol-from-a-flow");
    assert.ok(!flow.some(({ type }) => type === "face-enrol"));
    assert.ok(flow.some(({ type }) => type === "face-match"));
    red = await startNodeRed(flow);
    const answer = await post(`${red.url}/enrol?name=Alice`, await portrait("green"));
    const { name, photos } = (await answer.json()) as { name: string; photos: number };
    assert.deepEqual([name, photos], ["Alice", 1]);
  });
});
