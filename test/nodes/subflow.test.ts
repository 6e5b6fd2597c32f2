/** Recognizers packed into subflows, their galleries with them, in a real Node-RED. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { API_ROOT } from "../../api/routes";
import { fetchApi } from "../support/api";
import { type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";

const place = { x: 1, y: 1 };
const subflow = (id: string, name: string): FlowNode => ({
  id,
  type: "subflow",
  name,
  info: "",
  category: "",
  in: [],
  out: [],
  env: [],
});

describe("galleries in subflows", () => {
  let red: NodeRed;
  before(async () => {
    red = await startNodeRed([
      { id: "t", type: "tab", label: "t" },
      subflow("s", "Door"),
      { id: "g", type: "face-gallery", z: "s", name: "Family", folder: "", model: "dlib-resnet-v1" },
      {
        id: "m",
        type: "face-match",
        z: "s",
        ...place,
        name: "Match",
        gallery: "g",
        mode: "identify",
        threshold: "0.5",
        wires: [[], [], [], [], []],
      },
      {
        id: "c",
        type: "facewire-camera",
        z: "s",
        ...place,
        name: "Hall",
        source: "browser",
        autostart: false,
        output: "jpeg",
        wires: [[], []],
      },
      subflow("house", "House"),
      { id: "inner", type: "subflow:s", z: "house", ...place, name: "Back", wires: [] },
      { id: "one", type: "subflow:s", z: "t", ...place, name: "Front", wires: [] },
      { id: "two", type: "subflow:s", z: "t", ...place, name: "", wires: [] },
      { id: "home", type: "subflow:house", z: "t", ...place, name: "", wires: [] },
      subflow("unused", "Unused"),
      { id: "nobody", type: "face-gallery", z: "unused", name: "Nobody", folder: "", model: "dlib-resnet-v1" },
      { id: "plain", type: "face-gallery", name: "Office", folder: "", model: "dlib-resnet-v1" },
      { id: "shared", type: "face-gallery", name: "Shared", folder: "facenet/plain/photos", model: "dlib-resnet-v1" },
      {
        id: "outside",
        type: "face-match",
        z: "t",
        ...place,
        name: "Out",
        gallery: "plain",
        mode: "identify",
        threshold: "",
        wires: [[], [], [], [], []],
      },
    ]);
  });
  after(() => red.stop());

  const list = async <T>(path: string): Promise<T[]> =>
    (await fetchApi(`${red.url}${API_ROOT}${path}`)).json() as Promise<T[]>;
  const sorted = (lines: string[]): string[] => lines.sort((a, b) => a.localeCompare(b));

  it("are known to sidebar and API, each instance's by its own id and a name of its own", async () => {
    const galleries = await list<{ id: string; name: string; error?: string }>("/galleries");
    assert.deepEqual(
      sorted(galleries.map(({ id, name, error }) => `${id} ${name} ${error ?? ""}`.trim())),
      sorted([
        "one-g Family (Front)",
        "two-g Family (Door 3)",
        "home-inner-g Family (House / Back)",
        "plain Office",
        "shared Shared",
      ]),
    );
    const cameras = await list<{ id: string; name: string }>("/cameras");
    assert.deepEqual(
      sorted(cameras.map(({ id, name }) => `${id} ${name}`)),
      sorted(["one-c Hall (Front)", "two-c Hall (Door 3)", "home-inner-c Hall (House / Back)"]),
    );
    const matchers = await list<{ id: string; name: string; gallery: string; threshold: number | null }>("/matchers");
    assert.deepEqual(
      sorted(matchers.map(({ id, name, gallery, threshold }) => `${id} ${name} ${gallery} ${threshold}`)),
      sorted([
        "one-m Match (Front) one-g 0.5",
        "two-m Match (Door 3) two-g 0.5",
        "home-inner-m Match (House / Back) home-inner-g 0.5",
        "outside Out plain null",
      ]),
    );
  });

  it("keep the people of each instance apart, on the disk too", async () => {
    const answer = await fetchApi(`${red.url}${API_ROOT}/one-g/people`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"name":"Alice"}',
    });
    assert.equal(answer.status, 201);
    const counts = (await list<{ id: string; people: number }>("/galleries")).map(
      ({ id, people }) => `${id} ${people}`,
    );
    assert.deepEqual(sorted(counts), sorted(["one-g 1", "two-g 0", "home-inner-g 0", "plain 0", "shared 0"]));
    for (const id of ["one-g", "two-g", "home-inner-g"])
      assert.ok(existsSync(join(red.userDir, "facenet", id, "people/people.mdb")), id);
    assert.doesNotMatch(red.log(), /\[error\]/);
  });

  it("say when two watch one photo folder", () => {
    assert.equal(red.log().match(/\[warn\].*another gallery watches the photo folder .*photos too/g)?.length, 1);
  });
});
