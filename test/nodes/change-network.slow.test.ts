/** A gallery that changes its network while faces come: both built-in networks, real photos, a real Node-RED. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import type { NetworkEstimate, NetworkState } from "../../lib/gallery/network-state";
import { fetchApi } from "../support/api";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";
import { fillPhotoFolder, portrait, PORTRAITS } from "../support/photos";

const [OLD, NEW] = ["dlib-resnet-v1", "mobilefacenet-192"];
/** Of each person. */
const PHOTOS = 6;
const NAMES = Object.keys(PORTRAITS) as (keyof typeof PORTRAITS)[];

type Fields = Record<string, unknown>;

/** Answers a photo with who is on it. */
function flow({ gallery, embed, match = {} }: { gallery: Fields; embed: string; match?: Fields }): FlowNode[] {
  return [
    { id: "t", type: "tab" },
    { id: "g", type: "face-gallery", name: "G", folder: "photos", ...gallery },
    { id: "i", type: "http in", z: "t", url: "/who", method: "post", x: 1, y: 1, wires: [["d"]] },
    { id: "d", type: "haar-detect", z: "t", name: "", minSize: 100, x: 2, y: 1, wires: [["e"]] },
    { id: "e", type: "facenet-embed", z: "t", name: "", model: embed, x: 3, y: 1, wires: [["m"]] },
    {
      id: "m",
      type: "face-match",
      z: "t",
      name: "",
      gallery: "g",
      mode: "identify",
      distance: "cohort",
      ...match,
      x: 4,
      y: 1,
      wires: [["f"], ["f"], ["f"], [], []],
    },
    {
      id: "f",
      type: "function",
      z: "t",
      func: "msg.payload = msg.faces.map(({ identity, model }) => ({ ...identity, model })); return msg;",
      outputs: 1,
      x: 5,
      y: 1,
      wires: [["o"]],
    },
    { id: "o", type: "http response", z: "t", x: 6, y: 1, wires: [] },
  ];
}

interface Answer {
  name: string | null;
  threshold: number;
  model: string;
}

async function who({ url }: NodeRed, photo: Buffer): Promise<Answer[]> {
  const response = await fetch(`${url}/who`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", Connection: "close" },
    body: new Uint8Array(photo),
    signal: AbortSignal.timeout(120_000),
  });
  assert.equal(response.status, 200);
  return (await response.json()) as Answer[];
}

/** Undefined while its node is being started. */
async function network({ url }: NodeRed): Promise<NetworkState | undefined> {
  const response = await fetchApi(`${url}/facenet/api/g/network`, { headers: { Connection: "close" } });
  return response.ok ? ((await response.json()) as NetworkState) : undefined;
}

async function act({ url }: NodeRed, body: object): Promise<NetworkState> {
  const response = await fetchApi(`${url}/facenet/api/g/network`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Connection: "close" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as NetworkState;
}

async function deploy({ url }: NodeRed, nodes: FlowNode[]): Promise<void> {
  const { ok } = await fetch(`${url}/flows`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Node-RED-Deployment-Type": "full" },
    body: JSON.stringify(nodes),
  });
  assert.equal(ok, true);
}

const changed = (red: NodeRed, key: string): Promise<NetworkState> =>
  eventually(`the change to ${key}`, async () => {
    const now = await network(red);
    return now?.key === key && now.change === null ? now : undefined;
  });

/** The person again, smaller and darker: none of the gallery's photos. */
async function seen(name: keyof typeof PORTRAITS): Promise<Buffer> {
  return sharp(await portrait(name))
    .resize(400)
    .modulate({ brightness: 0.9 })
    .jpeg({ quality: 80 })
    .toBuffer();
}

async function userDirWithPhotos(photos = PHOTOS): Promise<string> {
  const userDir = linkedUserDir();
  await fillPhotoFolder(join(userDir, "photos"), photos);
  return userDir;
}

/** Once everybody in the folder is known. */
async function known({ url }: NodeRed, photos = PHOTOS): Promise<void> {
  await eventually("the folder", async () => {
    const [gallery] = (await (await fetchApi(`${url}/facenet/api/galleries`)).json()) as {
      people: number;
      embeddings: number;
      progress: unknown;
    }[];
    return gallery?.people === NAMES.length &&
      gallery.embeddings === NAMES.length * photos &&
      gallery.progress === null
      ? true
      : undefined;
  });
}

const MODELS = (key: string, more: Partial<Parameters<typeof flow>[0]> = {}): FlowNode[] =>
  flow({ gallery: { model: key }, embed: key, ...more });

describe("a gallery that changes its network", () => {
  it(
    "calls everybody by their name before, meanwhile and after, in a flow that is deployed with both models " +
      "changed at once, and goes back at once",
    async () => {
      const userDir = await userDirWithPhotos();
      const red = await startNodeRed(MODELS(OLD), { userDir });
      try {
        const faces = await Promise.all(NAMES.map(async (name) => ({ name, photo: await seen(name) })));
        const ask = async (): Promise<void> => {
          for (const { name, photo } of faces)
            assert.deepEqual(
              (await who(red, photo)).map((answer) => answer.name),
              [name],
            );
        };
        await known(red);
        await ask();
        const offered = await network(red);
        assert.deepEqual(
          [offered?.key, offered?.offer, offered?.change],
          [OLD, NEW, null],
          "an old gallery is offered the change, and never changed silently",
        );
        const estimate = (await (
          await fetchApi(`${red.url}/facenet/api/g/network/estimate?network=${NEW}`)
        ).json()) as NetworkEstimate;
        assert.deepEqual([estimate.photos, estimate.leftBehind.people], [NAMES.length * PHOTOS, []]);
        assert.ok(
          estimate.seconds !== null && estimate.seconds > 0 && estimate.bytes > NAMES.length * PHOTOS * 192 * 4,
        );

        await deploy(red, MODELS(NEW));
        await eventually("the gallery", () => network(red));
        let meanwhile = 0;
        for (;;) {
          const before = await network(red);
          await ask();
          if (before?.change == null) break;
          assert.equal(before.key, OLD);
          meanwhile += 1;
        }
        assert.ok(meanwhile > 0, "nobody was seen while it changed");
        const after = await changed(red, NEW);
        assert.deepEqual([after.asInForm, after.previous?.key, after.offer], [true, OLD, null]);
        const [first] = faces;
        assert.deepEqual(
          (await who(red, first?.photo ?? Buffer.alloc(0))).map(({ model }) => model),
          [NEW],
        );

        const back = await act(red, { do: "undo" });
        assert.deepEqual([back.key, back.change, back.asInForm], [OLD, null, false]);
        // The nodes still embed by the other network.
        await ask();
        await deploy(red, MODELS(OLD));
        const last = await eventually("the gallery", () => network(red));
        assert.deepEqual([last.key, last.change, last.asInForm], [OLD, null, true]);
        await ask();
        assert.doesNotMatch(red.log(), /\[error\]|model_mismatch/);
      } finally {
        await red.stop();
      }
    },
  );

  it("goes on where it was after kill -9", async () => {
    const userDir = await userDirWithPhotos();
    const first = await startNodeRed(MODELS(OLD), { userDir });
    let done = 0;
    try {
      await known(first);
      // In the sidebar, say: the flow is the same still.
      await act(first, { do: "change", network: NEW });
      done = await eventually("some photos", async () => {
        const now = (await network(first))?.change;
        assert.notEqual(now, null, "it was done before it could be killed");
        return now !== undefined && now !== null && now.done >= 2 ? now.done : undefined;
      });
      const exited = once(first.process, "exit");
      first.process.kill("SIGKILL");
      await exited;
    } finally {
      await first.stop();
    }
    const second = await startNodeRed(MODELS(OLD), { userDir });
    try {
      const resumed = await eventually("the gallery", () => network(second));
      assert.equal(resumed.key, OLD, "the old one decides still");
      const progress = await eventually("the change", async () => {
        const now = await network(second);
        return (
          now?.change ?? (now?.key === NEW ? { done: NAMES.length * PHOTOS, total: NAMES.length * PHOTOS } : undefined)
        );
      });
      assert.ok(progress.done >= done - 1, `${progress.done} of ${progress.total} after ${done}`);
      const { asInForm } = await changed(second, NEW);
      assert.equal(asInForm, false);
      for (const name of NAMES)
        assert.deepEqual(
          (await who(second, await seen(name))).map((answer) => answer.name),
          [name],
        );
    } finally {
      await second.stop();
    }
  });

  it("decides by a fixed τ only with the network for which it was chosen", async () => {
    const photos = PHOTOS / 2;
    const userDir = await userDirWithPhotos(photos);
    const strict = { distance: "euclidean", threshold: "0.4" };
    const red = await startNodeRed(MODELS(OLD, { match: strict }), { userDir });
    try {
      await known(red, photos);
      const photo = await seen("green");
      const threshold = async (): Promise<(number | undefined)[]> =>
        (await who(red, photo)).map((answer) => answer.threshold);
      assert.deepEqual(await threshold(), [0.4]);
      await act(red, { do: "change", network: NEW });
      await act(red, { do: "pause" });
      assert.deepEqual(await threshold(), [0.4], "the old one decides as ever");
      // As the sidebar changes the flow.
      const before = {
        network: OLD,
        nodes: [
          { id: "g", was: { model: OLD } },
          { id: "e", was: { model: OLD } },
          { id: "m", was: { threshold: "0.4" } },
        ],
      };
      const after = flow({
        gallery: { model: NEW, before },
        embed: NEW,
        match: { distance: "euclidean", threshold: "0.9" },
      });
      await deploy(red, after);
      await eventually("the gallery", () => network(red));
      await act(red, { do: "pause" });
      if ((await network(red))?.key === OLD) assert.deepEqual(await threshold(), [0.4]);
      await act(red, { do: "continue" });
      await changed(red, NEW);
      assert.deepEqual(await threshold(), [0.9]);
      await act(red, { do: "undo" });
      assert.deepEqual(await threshold(), [0.4], "as before");
      // Changed by hand, and at once: nobody may get in by the larger numbers of another network.
      await deploy(
        red,
        flow({ gallery: { model: NEW }, embed: NEW, match: { distance: "euclidean", threshold: "1.05" } }),
      );
      await eventually("the gallery", () => network(red));
      const [now] = await threshold();
      assert.equal(now, 0.58, "the deciding network's own");
    } finally {
      await red.stop();
    }
  });
});
