/** One gallery at two Node-REDs: enrolled at one, recognized at the other; deleted at one, gone at the other. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { GalleryAnswer } from "../../api/answers";
import type { Sites } from "../../lib/gallery/sites";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { eventually, type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";
import { Cable, noPostgres, PASSWORD, PostgresServer } from "../support/postgres";

const KEY = "a key of both doors";
/** What issue 15 asks for. */
const KNOWN_MS = 2000;

interface Identified {
  faces: { identity: { name: string | null } }[];
}

describe("two Node-REDs with one gallery", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  let cable: Cable;
  const doors: NodeRed[] = [];
  let north: NodeRed;
  let south: NodeRed;

  const galleryOf = (name: string, port: number, fields: object = {}): FlowNode => ({
    id: "g",
    type: "face-gallery",
    name: "People",
    model: "mobilefacenet-192",
    detector: "blazeface",
    store: "shared",
    siteName: name,
    dbHost: "127.0.0.1",
    dbPort: String(port),
    dbName: "faces",
    dbUser: "${DOOR_LOGIN}",
    // The line does not leave this computer.
    dbTls: false,
    credentials: { dbPassword: "${DOOR_PASSWORD}", sharedKey: KEY },
    ...fields,
  });

  const deploy = async (door: NodeRed, gallery: FlowNode): Promise<void> => {
    const answer = await fetch(`${door.url}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json", "Node-RED-API-Version": "v1" },
      body: JSON.stringify([gallery]),
    });
    assert.ok(answer.ok, await answer.text());
  };

  const start = async (name: string, port: number): Promise<NodeRed> => {
    const door = await startNodeRed([], { env: { DOOR_LOGIN: "doors", DOOR_PASSWORD: PASSWORD } });
    doors.push(door);
    await deploy(door, galleryOf(name, port));
    return door;
  };

  const ask = async <T>(door: NodeRed, path: string, init: RequestInit = {}): Promise<T> => {
    const answer = await fetchApi(`${door.url}/facenet/api${path}`, init);
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return (await answer.json()) as T;
  };
  const post = (body: object): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const picture = (bytes: Buffer): RequestInit => ({
    method: "POST",
    headers: { "content-type": "image/jpeg" },
    body: new Uint8Array(bytes),
  });
  const galleryAt = async (door: NodeRed): Promise<GalleryAnswer | undefined> =>
    (await ask<GalleryAnswer[]>(door, "/galleries"))[0];
  const nameAt = async (door: NodeRed, bytes: Buffer): Promise<string | null | undefined> =>
    (await ask<Identified>(door, "/g/identify", picture(bytes))).faces[0]?.identity.name;
  const enrol = async (door: NodeRed, name: string, bytes: Buffer): Promise<string> => {
    const { id } = await ask<{ id: string }>(door, "/g/people", post({ name }));
    await ask(door, `/g/people/${id}/photos`, picture(bytes));
    return id;
  };
  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    await eventually(what, async () => ((await holds()) ? true : undefined));
  };
  const inStep = (door: NodeRed): Promise<boolean> =>
    galleryAt(door).then((gallery) => gallery?.site?.reachable === true && gallery.site.waiting === 0);

  before(async () => {
    server = await PostgresServer.create();
    server.role("doors");
    server.sql("create database faces owner doors");
    cable = await Cable.to(server.port);
    north = await start("North door", server.port);
    south = await start("South door", cable.port);
    for (const door of [north, south]) {
      await until("the site is in step", () => inStep(door));
      // The networks are loaded with the first face.
      await nameAt(door, await portrait("front"));
    }
  });
  after(async () => {
    for (const door of doors) await door.stop();
    cable.close();
    await server.down();
  });

  it("recognizes at one whoever was enrolled at the other, two seconds later at most", async () => {
    const green = await portrait("green");
    const id = await enrol(north, "Alice", green);
    const enrolled = performance.now();
    let known = false;
    while (!known && performance.now() - enrolled < KNOWN_MS)
      known =
        (await galleryAt(south))?.embeddings === 1 &&
        (await ask<{ name: string }>(south, `/g/people/${id}`)).name === "Alice";
    assert.ok(known, `within ${KNOWN_MS} ms`);
    assert.equal(await nameAt(south, green), "Alice");
  });

  it("forgets at both whoever is deleted at one, with a receipt of each site", async () => {
    const stripes = await portrait("stripes");
    const id = await enrol(south, "Carol", stripes);
    await until("the north knows Carol", async () => (await nameAt(north, stripes)) === "Carol");
    await ask(north, `/g/people/${id}`, { method: "DELETE" });
    await until("the south has forgotten", async () => (await nameAt(south, stripes)) === null);
    await until("both sites have answered", async () => {
      const { deletions } = await ask<Sites>(north, "/g/sites");
      return deletions[0]?.kind === "person" && deletions[0].missing.length === 0;
    });
    const { deletions, sites } = await ask<Sites>(north, "/g/sites");
    assert.deepEqual(deletions[0]?.answered.toSorted(), ["North door", "South door"]);
    assert.equal(sites.length, 2);
  });

  it("goes on with the line cut, says so, and is in step again when it is mended", async () => {
    cable.cut(true);
    const emerald = await portrait("emerald");
    await enrol(south, "Dora", emerald);
    assert.equal(await nameAt(south, emerald), "Dora");
    await until("the south says so", async () => (await galleryAt(south))?.site?.reachable === false);
    assert.deepEqual(
      (await galleryAt(south))?.problems.map(({ code }) => code),
      ["site"],
    );
    assert.doesNotMatch(JSON.stringify(await galleryAt(south)), new RegExp(`${KEY}|${PASSWORD}`));
    cable.cut(false);
    await until("the north knows Dora", async () => (await nameAt(north, emerald)) === "Dora");
    await until("the problem is gone", async () => (await galleryAt(south))?.problems.length === 0);
  });

  it("shows above the sidebar's sections that the sites are in step, and which there are", async () => {
    const browser = await launch();
    try {
      for (const [locale, inStepThere, here] of [
        ["en-US", /Sites: 2, in step/, /North door/],
        ["zh-TW", /2/, /North door/],
      ] as const) {
        const { page, complaints } = await openEditor(browser, { url: north.url }, { locale });
        await page.evaluate("RED.sidebar.show('facenet')");
        const notice = page.locator(".facenet-sites");
        await notice.locator("summary", { hasText: inStepThere }).click();
        await notice.locator("li", { hasText: here }).waitFor();
        await notice.locator("li", { hasText: "South door" }).waitFor();
        await shoot(page, `sites-${locale}`);
        await assertAccessible(page, ".facenet-sidebar", `sites in ${locale}`);
        assert.deepEqual(complaints, []);
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });

  it("gives the database no name and no face, and both sites are as it is", async () => {
    const dump = server.tool("pg_dump", ["--enable-row-security", "faces"], { user: "doors" });
    assert.match(dump, /North door/, "what people call a site is not sealed");
    assert.doesNotMatch(dump, /Alice|Dora/);
    for (const door of [north, south]) await until("it is in step", () => inStep(door));
    const answers = [];
    for (const door of [north, south])
      answers.push(
        await ask<{ digest: string; differing: number; people: number }>(door, "/g/sites/verify", post({})),
      );
    assert.deepEqual(answers[0], answers[1]);
    assert.deepEqual([answers[0]?.differing, answers[0]?.people], [0, 2]);
  });

  it("moves to this computer alone and back: what is here stays, and then is one again", async () => {
    await deploy(south, galleryOf("South door", cable.port, { store: "local" }));
    await until("it is open", async () => (await galleryAt(south))?.people === 2);
    assert.equal((await galleryAt(south))?.site, null);
    const blonde = await portrait("blonde");
    await enrol(south, "Eve", blonde);
    await deploy(south, galleryOf("South door", cable.port));
    await until("the north knows Eve", async () => (await nameAt(north, blonde)) === "Eve");
    await until("the south is in step", () => inStep(south));
    assert.equal((await ask<{ differing: number }>(south, "/g/sites/verify", post({}))).differing, 0);
  });

  it("says what is wrong in its form with one sentence, and no secret", async () => {
    for (const [fields, sentence] of [
      [{ siteName: "" }, /name of this site is missing/],
      [{ credentials: { dbPassword: "x", sharedKey: "short" } }, /at least 12|less than 12 letters/],
      [{ store: "cloud" }, /"local" or "shared"/],
      [{ dbHost: "db.example.com", dbTls: false }, /db\.example\.com leaves this computer/],
    ] as const) {
      await deploy(south, galleryOf("South door", cable.port, fields));
      await until("it says so", async () => sentence.test((await galleryAt(south))?.error ?? ""));
    }
    for (const door of doors) assert.doesNotMatch(door.log(), new RegExp(`${KEY}|${PASSWORD}`));
  });

  it("forgets a site that will not come back", async () => {
    const { sites } = await ask<Sites>(north, "/g/sites");
    const gone = sites.find(({ here }) => !here);
    assert.equal(gone?.name, "South door");
    const path = `/g/sites/${gone?.id}`;
    assert.deepEqual(await ask(north, path, { method: "DELETE" }), { removed: gone?.id });
    assert.deepEqual(
      (await ask<Sites>(north, "/g/sites")).sites.map(({ name }) => name),
      ["North door"],
    );
  });
});
