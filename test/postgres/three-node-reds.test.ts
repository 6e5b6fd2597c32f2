/** One gallery at three Node-REDs: enrolled at one, recognized at the others; deleted at one, gone at all. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { GalleryAnswer } from "../../api/answers";
import type { Sites } from "../../lib/gallery/sites";
import { fetchApi } from "../support/api";
import { assertAccessible, launch, openEditor, shoot } from "../support/editor";
import { eventually, type FlowNode, type NodeRed, startNodeRed } from "../support/node-red";
import { portrait } from "../support/photos";
import { Cable, makeCertificates, noPostgres, PASSWORD, PostgresServer } from "../support/postgres";

const KEY = "a key of all doors";

interface Identified {
  faces: { identity: { name: string | null } }[];
}

/** What the test uses of the editor's global. */
interface Editor {
  RED: { editor: { editConfig(name: string, type: string, id: string): void } };
}

describe("three Node-REDs with one gallery", { skip: noPostgres() }, () => {
  let server: PostgresServer;
  let cable: Cable;
  const doors: NodeRed[] = [];
  let north: NodeRed;
  let south: NodeRed;
  let west: NodeRed;
  const { caFile = "", certificate = "", key = "" } = noPostgres() === false ? makeCertificates("127.0.0.1") : {};

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
    server = await PostgresServer.create({
      more: ["ssl = on", `ssl_cert_file = '${certificate}'`, `ssl_key_file = '${key}'`],
    });
    server.role("doors");
    server.sql("create database faces owner doors");
    cable = await Cable.to(server.port);
    north = await start("North door", server.port);
    south = await start("South door", cable.port);
    west = await start("West door", server.port);
    for (const door of doors) {
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

  it("recognizes at all whoever was enrolled at one, a moment later", async () => {
    const green = await portrait("green");
    const id = await enrol(north, "Alice", green);
    const isKnown = async (door: NodeRed): Promise<boolean> =>
      (await galleryAt(door))?.embeddings === 1 &&
      (await ask<{ name: string }>(door, `/g/people/${id}`)).name === "Alice";
    // Within two seconds on a quiet computer, which bench/sites.ts measures.
    const areKnown = async (): Promise<true | undefined> =>
      ((await isKnown(south)) && (await isKnown(west))) || undefined;
    await eventually("both know Alice", areKnown);
    for (const door of [south, west]) assert.equal(await nameAt(door, green), "Alice");
  });

  it("forgets at all whoever is deleted at one, with a receipt of each site", async () => {
    const stripes = await portrait("stripes");
    const id = await enrol(south, "Carol", stripes);
    for (const door of [north, west])
      await until("the others know Carol", async () => (await nameAt(door, stripes)) === "Carol");
    await ask(north, `/g/people/${id}`, { method: "DELETE" });
    for (const door of [south, west])
      await until("the others have forgotten", async () => (await nameAt(door, stripes)) === null);
    await until("all sites have answered", async () => {
      const { deletions } = await ask<Sites>(north, "/g/sites");
      return deletions[0]?.kind === "person" && deletions[0].missing.length === 0;
    });
    const { deletions, sites } = await ask<Sites>(north, "/g/sites");
    assert.deepEqual(deletions[0]?.answered.toSorted(), ["North door", "South door", "West door"]);
    assert.equal(sites.length, 3);
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
        ["en-US", /Sites: 3, in step/, /North door/],
        ["zh-TW", /3/, /North door/],
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

  it("gives the database no name and no face, and all sites are as it is", async () => {
    const dump = server.tool("pg_dump", ["--enable-row-security", "faces"], { user: "doors" });
    assert.match(dump, /North door/, "what people call a site is not sealed");
    assert.doesNotMatch(dump, /Alice|Dora/);
    for (const door of doors) await until("it is in step", () => inStep(door));
    const answers = [];
    for (const door of doors)
      answers.push(
        await ask<{ digest: string; differing: number; people: number }>(door, "/g/sites/verify", post({})),
      );
    assert.deepEqual(answers.slice(1), [answers[0], answers[0]]);
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

  it("shows in the sidebar what was changed at two doors, in both languages", async () => {
    const change = (door: NodeRed, id: string, notes: string): Promise<unknown> =>
      ask(door, `/g/people/${id}`, { ...post({ notes }), method: "PATCH" });
    const { id } = await ask<{ id: string }>(north, "/g/people", post({ name: "Faye" }));
    await until("the south knows Faye", async () => (await galleryAt(south))?.people === 4);
    cable.cut(true);
    for (const door of [north, south]) {
      await ask(door, "/g/people", post({ name: "Gina" }));
      await change(door, id, door.url);
    }
    await until("the south says that it is alone", async () => (await galleryAt(south))?.site?.reachable === false);
    cable.cut(false);
    await until("both have both", async () => (await galleryAt(south))?.site?.conflicts === 2);
    await until("the south is in step", () => inStep(south));
    const browser = await launch();
    try {
      for (const [locale, summary, sentences] of [
        [
          "en-US",
          /Conflicts: 2/,
          [/Faye was changed here and at North door \(Notes\)/, /the second is Gina \(South door\) now/],
        ],
        ["zh-TW", /衝突：2/, [/Faye 在這裡與 North door 都變更過（備註）/, /第二位現在名為 Gina \(South door\)/]],
      ] as const) {
        const { page, complaints } = await openEditor(browser, { url: south.url }, { locale });
        await page.evaluate("RED.sidebar.show('facenet')");
        const notice = page.locator(".facenet-sites");
        await notice.locator("summary", { hasText: summary }).click();
        for (const hasText of sentences) await notice.locator("li", { hasText }).waitFor();
        await shoot(page, `conflict-${locale}`);
        await assertAccessible(page, ".facenet-sidebar", `conflicts in ${locale}`);
        assert.deepEqual(complaints, []);
        await page.close();
      }
    } finally {
      await browser.close();
    }
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
    const gone = sites.find(({ name }) => name === "West door");
    assert.equal(gone?.here, false);
    await west.stop();
    doors.splice(doors.indexOf(west), 1);
    const path = `/g/sites/${gone?.id}`;
    assert.deepEqual(await ask(north, path, { method: "DELETE" }), { removed: gone?.id });
    assert.deepEqual(
      (await ask<Sites>(north, "/g/sites")).sites.map(({ name }) => name),
      ["North door", "South door"],
    );
  });

  it("takes TLS through its form, and refuses a certificate that nobody has signed whom it trusts", async () => {
    const browser = await launch();
    try {
      const { page, complaints } = await openEditor(browser, { url: south.url });
      const fill = async (ca: string): Promise<void> => {
        await page.evaluate(() => {
          (globalThis as unknown as Editor).RED.editor.editConfig("", "face-gallery", "g");
        });
        await page.locator("#node-config-input-dbHost").fill("127.0.0.1");
        const more = page.locator(".face-gallery-shared details");
        if ((await more.getAttribute("open")) === null) await more.locator("summary").click();
        await page.locator("#node-config-input-dbTls").check();
        await page.locator("#node-config-input-dbCa").fill(ca);
        await shoot(page, `tls-form${ca === "" ? "" : "-signed"}`);
        await page.locator("#node-config-dialog-ok").click();
        await page.locator("#red-ui-header-button-deploy").click();
      };
      await fill("");
      await until("it does not trust the server", async () =>
        /nobody whom this computer trusts/.test((await galleryAt(south))?.problems[0]?.message ?? ""),
      );
      await fill(caFile);
      await until("it is in step", () => inStep(south));
      const encrypted = server.sql(
        "select count(*) > 0 from pg_stat_ssl join pg_stat_activity using (pid) where ssl and usename = 'doors'",
      );
      assert.equal(encrypted, "t");
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });
});
