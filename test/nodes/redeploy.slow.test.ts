/** A deploy that meets a gallery at work, and a disk that is full: in a real Node-RED. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fetchApi } from "../support/api";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";
import { noMount, smallDisk } from "../support/small-disk";

const FLOW: FlowNode[] = [
  { id: "t", type: "tab" },
  { id: "g", type: "face-gallery", name: "G", folder: "photos", model: "dlib-resnet-v1" },
  {
    id: "m",
    type: "face-match",
    z: "t",
    name: "",
    gallery: "g",
    mode: "identify",
    x: 1,
    y: 1,
    wires: [[], [], [], [], []],
  },
];

/** Answers a photo with who is on it. */
const RECOGNIZER: FlowNode[] = [
  { id: "t", type: "tab" },
  { id: "g", type: "face-gallery", name: "G", folder: "", model: "dlib-resnet-v1" },
  { id: "i", type: "http in", z: "t", url: "/who", method: "post", x: 1, y: 1, wires: [["d"]] },
  { id: "d", type: "haar-detect", z: "t", name: "", minSize: 100, x: 2, y: 1, wires: [["e"]] },
  { id: "e", type: "facenet-embed", z: "t", name: "", model: "dlib-resnet-v1", x: 3, y: 1, wires: [["m"]] },
  {
    id: "m",
    type: "face-match",
    z: "t",
    name: "",
    gallery: "g",
    mode: "identify",
    x: 4,
    y: 1,
    wires: [["f"], ["f"], ["f"], [], []],
  },
  {
    id: "f",
    type: "function",
    z: "t",
    func: "msg.payload = msg.faces.map(({ identity }) => `${identity.outcome} ${identity.name}`); return msg;",
    outputs: 1,
    x: 5,
    y: 1,
    wires: [["o"]],
  },
  { id: "o", type: "http response", z: "t", x: 6, y: 1, wires: [] },
];

async function recognized(red: NodeRed, photo: Buffer): Promise<string[]> {
  const response = await fetch(`${red.url}/who`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", Connection: "close" },
    body: new Uint8Array(photo),
    signal: AbortSignal.timeout(120_000),
  });
  return (await response.json()) as string[];
}

/** Of the only person. */
async function lastSeen({ url }: NodeRed): Promise<number | null | undefined> {
  const { people } = (await (await fetchApi(`${url}/facenet/api/g/people`)).json()) as {
    people: { lastSeenAt: number | null }[];
  };
  return people[0]?.lastSeenAt;
}

interface Summary {
  people: number;
  problems: { code: string; message: string }[];
  error?: string;
}

/** Undefined while its node is being started. */
async function galleryOf({ url }: NodeRed): Promise<Summary | undefined> {
  return ((await (await fetchApi(`${url}/facenet/api/galleries`)).json()) as Summary[])[0];
}

/** Once it is so. */
async function gallery(red: NodeRed, is: (summary: Summary) => boolean): Promise<Summary> {
  return eventually("what is expected of the gallery", async () => {
    const summary = await galleryOf(red);
    return summary !== undefined && is(summary) ? summary : undefined;
  });
}

const open = ({ error }: Summary): boolean => error === undefined;

async function deploy({ url }: NodeRed): Promise<void> {
  const { ok } = await fetch(`${url}/flows`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Node-RED-Deployment-Type": "full" },
    body: JSON.stringify(FLOW),
  });
  assert.equal(ok, true);
}

/** How a person is answered who is to be made; read to its end, so that no connection is left with half an answer. */
async function asked(
  red: NodeRed,
  name: string,
): Promise<{ status: number; answer: { id: string; error: string; code: string } }> {
  const response = await fetchApi(`${red.url}/facenet/api/g/people`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Connection: "close" },
    body: JSON.stringify({ name }),
    signal: AbortSignal.timeout(120_000),
  });
  return { status: response.status, answer: (await response.json()) as { id: string; error: string; code: string } };
}

describe("a gallery in Node-RED", () => {
  it("survives five deploys while photos are encoded by a worker that hangs, and reads them later", async () => {
    const userDir = linkedUserDir();
    const hang = join(userDir, "hang");
    mkdirSync(join(userDir, "photos"));
    const photo = await portrait("stripes");
    const red = await startNodeRed(FLOW, {
      userDir,
      env: { HANG: hang, NODE_OPTIONS: `--require ${join(__dirname, "hanging-worker.cjs")}` },
    });
    try {
      await gallery(red, open);
      const { id } = (await asked(red, "Carol")).answer;
      writeFileSync(hang, "");
      for (const [name, who] of [
        ["Alice", "green"],
        ["Bob", "blonde"],
      ] as const)
        writeFileSync(join(userDir, `photos/${name}.jpg`), await portrait(who));
      for (let round = 0; round < 5; round += 1) {
        await gallery(red, open);
        // Somebody enrols a photo meanwhile; the deploy ends that, or comes first.
        const enrolling = fetchApi(`${red.url}/facenet/api/g/people/${id}/photos`, {
          method: "POST",
          headers: { "Content-Type": "image/jpeg" },
          body: new Uint8Array(photo),
        });
        await deploy(red);
        assert.ok([404, 503].includes((await enrolling).status));
      }
      rmSync(hang);
      const { problems } = await gallery(red, ({ people }) => people === 3);
      assert.deepEqual(problems, []);
      assert.doesNotMatch(red.log(), /used by another gallery|unreadable|timed out|\[error\]/);
    } finally {
      await red.stop();
    }
  });

  it(
    "lives on a full disk, says so in the sidebar's API, recognizes, and mends itself",
    { skip: noMount() },
    async () => {
      const userDir = linkedUserDir();
      mkdirSync(join(userDir, "facenet"));
      mkdirSync(join(userDir, "photos"));
      const disk = smallDisk(4, join(userDir, "facenet"));
      let red = await startNodeRed(FLOW, { userDir });
      try {
        await gallery(red, open);
        disk.fill();
        const refused = await asked(red, "Bob");
        assert.equal(refused.status, 507);
        const { error, code } = refused.answer;
        assert.match(error, /the disk is full \(ENOSPC, .*\)\. To mend it, make room on it/);
        const { problems, people } = await gallery(red, open);
        assert.deepEqual([code, problems.map((each) => each.code), people], ["storage", ["unwritable_store"], 0]);
        // Also when it is started on the full disk.
        assert.equal(red.process.exitCode, null);
        await red.stop();
        rmSync(join(userDir, "facenet/g/people/people.mdb-lock"));
        disk.fill();
        red = await startNodeRed(FLOW, { userDir });
        await gallery(red, ({ error: why = "" }) => why.startsWith("the gallery cannot be opened: the disk is full"));
        assert.equal((await asked(red, "Bob")).status, 503);
        disk.empty();
        await gallery(red, open);
        assert.equal((await asked(red, "Carl")).status, 201);
        await gallery(red, (summary) => summary.problems.length === 0);
        assert.equal(red.process.exitCode, null);
      } finally {
        await red.stop();
        disk.unmount();
      }
    },
  );

  it(
    "recognizes a photo of an enrolled person on a full disk, and writes when they were seen once there is room",
    { skip: noMount() },
    async () => {
      const userDir = linkedUserDir();
      mkdirSync(join(userDir, "facenet"));
      const disk = smallDisk(8, join(userDir, "facenet"));
      let red = await startNodeRed(RECOGNIZER, { userDir });
      try {
        await gallery(red, open);
        const { id } = (await asked(red, "Alice")).answer;
        const photo = await portrait("green");
        const { status } = await fetchApi(`${red.url}/facenet/api/g/people/${id}/photos`, {
          method: "POST",
          headers: { "Content-Type": "image/jpeg" },
          body: new Uint8Array(photo),
        });
        assert.deepEqual([status, await lastSeen(red)], [201, null]);
        disk.fill();
        const before = Date.now();
        assert.deepEqual(await recognized(red, photo), ["match Alice"]);
        // Nobody asks for it: the time is written by itself, which the disk refuses.
        await gallery(red, ({ problems }) => problems.some(({ code }) => code === "unwritable_store"));
        assert.deepEqual(await recognized(red, photo), ["match Alice"]);
        disk.empty();
        await gallery(red, ({ problems }) => problems.length === 0);
        assert.equal(red.process.exitCode, null);
        const seen = (await lastSeen(red)) ?? 0;
        assert.ok(seen >= before, `last seen at ${seen}, recognized at ${before}`);
        // By itself: what a close would write must not count.
        await eventually(
          "the time on the disk",
          async () =>
            readFileSync(join(userDir, "facenet/g/people/people.mdb")).includes(`"lastSeenAt":${seen}`) || undefined,
        );
        const killed = once(red.process, "exit");
        red.process.kill("SIGKILL");
        await killed;
        red = await startNodeRed(RECOGNIZER, { userDir });
        await gallery(red, open);
        assert.equal(await lastSeen(red), seen);
      } finally {
        await red.stop();
        disk.unmount();
      }
    },
  );
});
