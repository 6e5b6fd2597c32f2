/** The HTTP API in a real Node-RED with logins: who may ask, what is answered, what attackers try. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import type { WantedThreshold } from "../../lib/calibrate/wanted";
import { BUILT_IN_MODELS } from "../../lib/embed/descriptor";
import { createEncoder } from "../../lib/enrol/encoder";
import { Gallery } from "../../lib/gallery/gallery";
import { openStore } from "../../lib/people/lmdb/store";
import { openBook } from "../../lib/visits/lmdb-book";
import { staysIn, visitOf } from "../lib/visits/visits";
import type { DayReport, MonthReport, ToldCheckIn } from "../../lib/attendance/pairs";
import type { AttendanceBookAnswer, DiagnosisAnswer, ImportAnswer } from "../../api/answers";
import { routes } from "../../api/api";
import { describeApi } from "../../api/openapi";
import { API_ROOT, type Route } from "../../api/routes";
import { sites } from "../../api/sites";
import { checkAnswer } from "../support/api";
import { Faces } from "../support/families";
import { FakeEncoder } from "../support/fake-encoder";
import { Frappe } from "../support/frappe";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, ROOT, startNodeRed } from "../support/node-red";
import { type OfferedModels, offeredModels } from "../support/offered-models";
import { writePack } from "../support/packs";
import { groupPhoto, portrait } from "../support/photos";
import { pattern } from "../support/pattern";
import { presentOf, visitOf as visitTold } from "../support/visits";

/** Tokens and what they allow. */
const USERS = {
  all: ["*"],
  reader: ["read"],
  viewer: ["facenet.read"],
  editor: ["facenet.read", "facenet.write"],
  nobody: ["flows.read"],
} as const;
type User = keyof typeof USERS;
const SETTINGS = `adminAuth: { type: "credentials", users: [], tokens: (token) => Promise.resolve(({ ${Object.entries(
  USERS,
)
  .map(([name, permissions]) => `${name}: { username: "${name}", permissions: ${JSON.stringify(permissions)} }`)
  .join(", ")} })[token]) },`;
/** What a flow needs to speak as face-presence does, and logins as they are. */
const SEALING =
  `functionGlobalContext: { sealOf: require(${JSON.stringify(join(ROOT, "dist/lib/presence/seal.js"))}).sealOf }, ` +
  "credentialSecret: false,";

const DOCUMENT = join(__dirname, "../../docs/openapi.json");
const HOUR = 3600_000;
const DAY = 24 * HOUR;
const JPEG = { "Content-Type": "image/jpeg" };
const JSON_TYPE = { "Content-Type": "application/json" };

/** What a gallery of so many families exports, embedded by the network of the galleries here; without pictures. */
async function archiveOfFamilies(families: number): Promise<Buffer> {
  const network = await createEncoder({ model: "dlib-resnet-v1" });
  await network.close();
  const folder = mkdtempSync(join(tmpdir(), "families-"));
  const store = await openStore({ folder: join(folder, "people") });
  const encoder = new FakeEncoder(network.model, network.fingerprint);
  const gallery = new Gallery({ folder: join(folder, "photos"), encoder, store, keepPhotos: false });
  await gallery.start();
  for (const [index, vector] of new Faces(128, 5).families(families).entries())
    await gallery.enrol(`Sibling ${index}`, Buffer.from(vector.join(" ")));
  const chunks: Uint8Array[] = [];
  await gallery.exportTo(async (chunk) => {
    chunks.push(chunk);
  });
  await gallery.close();
  return Buffer.concat(chunks);
}

/** Visits that ended an hour ago and the days before, as face-presence keeps them. */
async function keepVisits(folder: string, { alice, carol }: { alice: Buffer; carol: Buffer }): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const encoder = await createEncoder({ model: "dlib-resnet-v1" });
  const store = await openStore({ folder });
  const book = await openBook({ folder, secret: store.secret, keepMs: 30 * DAY });
  const now = Date.now();
  for (const [visit, photo, since, zone] of [
    ["visit-carol", carol, now - 2 * HOUR, "door"],
    ["visit-alice", alice, now - DAY, "yard"],
    ["visit-mirrored", await sharp(carol).flop().jpeg().toBuffer(), now - 2 * DAY, "yard"],
    ["visit-unseen", undefined, now - 3 * DAY, "yard"],
    ["visit-here", undefined, now - HOUR, "door"],
  ] as const) {
    const [face] = photo === undefined ? [] : await encoder.encode(photo);
    const until = visit === "visit-here" ? null : since + HOUR;
    await book.put(
      visitOf(1, { visit, since, until, stays: staysIn(since, zone) }),
      face?.embedding === undefined
        ? {}
        : { snapshot: photo, embedding: { model: encoder.model, vector: face.embedding } },
    );
  }
  await book.close();
  await store.close();
  await encoder.close();
}

interface PersonAnswer {
  id: string;
  name: string;
  photos: { id: string }[];
}

describe("the HTTP API", () => {
  let red: NodeRed;
  let offered: OfferedModels;
  let frappe: Frappe;
  let userDir: string;
  let alice: Buffer;
  let carol: Buffer;

  before(async () => {
    [alice, carol] = await Promise.all([portrait("green"), portrait("blonde")]);
    userDir = linkedUserDir();
    frappe = await Frappe.start();
    const pictures = mkdtempSync(join(tmpdir(), "camera-"));
    for (let index = 0; index < 3; index += 1)
      writeFileSync(
        join(pictures, `${index}.jpg`),
        await sharp(carol)
          .modulate({ brightness: 1 - index / 10 })
          .jpeg()
          .toBuffer(),
      );
    const z = "z";
    const flow: FlowNode[] = [
      { id: z, type: "tab", label: "api" },
      {
        id: "g",
        type: "face-gallery",
        name: "Family",
        folder: "",
        model: "dlib-resnet-v1",
        keepPhotos: true,
        keepUnknowns: true,
        unknownDays: "7",
      },
      { id: "h", type: "face-gallery", name: "Other", folder: "", model: "dlib-resnet-v1", keepVisits: "0" },
      // It watches "visit-here".
      { id: "visit", type: "face-presence", z, x: 1, y: 1, name: "", gallery: "g", away: "86400", wires: [[], []] },
      { id: "broken", type: "face-gallery", name: "Broken", folder: "", model: "facenet9000" },
      {
        id: "c",
        type: "facewire-camera",
        z,
        x: 1,
        y: 1,
        name: "Hall",
        source: "folder",
        path: pictures,
        fps: "5",
        loop: true,
        realtime: true,
        autostart: true,
        output: "jpeg",
        wires: [[], []],
      },
      {
        id: "stopped",
        type: "facewire-camera",
        z,
        x: 1,
        y: 1,
        name: "Garage",
        source: "folder",
        path: pictures,
        fps: "1",
        loop: true,
        realtime: true,
        autostart: false,
        output: "jpeg",
        wires: [[], []],
      },
      { id: "in", type: "http in", z, x: 1, y: 1, url: "/see", method: "post", wires: [["d", "o"]] },
      { id: "d", type: "haar-detect", z, x: 1, y: 1, name: "", wires: [["e"]] },
      { id: "e", type: "facenet-embed", z, x: 1, y: 1, name: "", model: "dlib-resnet-v1", wires: [["m"]] },
      {
        id: "m",
        type: "face-match",
        z,
        x: 1,
        y: 1,
        name: "Door",
        gallery: "g",
        mode: "identify",
        threshold: "0.6",
        wires: [[], [], [], [], []],
      },
      { id: "o", type: "http response", z, x: 1, y: 1, wires: [] },
      {
        id: "gate",
        type: "face-gate",
        z,
        x: 1,
        y: 1,
        name: "Front door",
        gallery: "h",
        pictures: true,
        wires: [[], []],
      },
      {
        id: "book",
        type: "face-attendance",
        z,
        x: 1,
        y: 1,
        name: "Hours",
        gallery: "h",
        timeZone: "Europe/Berlin",
        frappe: true,
        frappeUrl: frappe.url,
        wires: [[], []],
      },
      { id: "told", type: "http in", z, x: 1, y: 1, url: "/tell", method: "post", wires: [["seal"]] },
      {
        id: "seal",
        type: "function",
        z,
        x: 1,
        y: 1,
        func:
          "const { visit, snapshot, factor } = msg.payload;" +
          'if (visit) msg.visit = { ...visit, seal: global.get("sealOf")(visit), ' +
          'snapshot: Buffer.from(snapshot, "base64") };' +
          "if (factor) msg.factor = factor;" +
          "return msg;",
        wires: [["gate", "o"]],
      },
    ];
    writeFileSync(
      join(userDir, "flows_cred.json"),
      JSON.stringify({ book: { frappeKey: "key", frappeSecret: "secret" } }),
    );
    await keepVisits(join(userDir, "facenet", "g", "people"), { alice, carol });
    offered = await offeredModels();
    red = await startNodeRed(flow, { userDir, settings: SETTINGS + SEALING, env: offered.env });
  });
  after(async () => {
    await red.stop();
    await frappe.close();
    await offered.close();
  });

  /** Routes whose answer was held against its description. */
  const checked = new Set<Route>();
  const ask = async (
    path: string,
    {
      user = "all",
      method = "GET",
      headers = {},
      body,
    }: {
      user?: User | null;
      method?: string;
      headers?: Record<string, string>;
      body?: string | Buffer | undefined;
    } = {},
  ): Promise<Response> =>
    fetch(`${red.url}${API_ROOT}${path}`, {
      method,
      headers: { ...(user === null ? {} : { Authorization: `Bearer ${user}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
    }).then(async (answer) => {
      const route = await checkAnswer(method, API_ROOT + path, answer);
      if (route !== undefined) checked.add(route);
      return answer;
    });
  const json = async <T>(answer: Response | Promise<Response>): Promise<T> => (await answer).json() as Promise<T>;
  const post = (path: string, value: object, options: object = {}): Promise<Response> =>
    ask(path, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(value), ...options });
  const upload = (path: string, bytes: Buffer): Promise<Response> =>
    ask(path, { method: "POST", headers: JPEG, body: bytes });
  const codeOf = async (answer: Response): Promise<string> =>
    `${answer.status} ${((await answer.json()) as { code: string }).code}`;
  const create = async (name: string, gallery = "g"): Promise<PersonAnswer> =>
    json(post(`/${gallery}/people`, { name }));
  const see = async (picture: Buffer): Promise<void> =>
    void (await fetch(`${red.url}/see`, { method: "POST", headers: JPEG, body: new Uint8Array(picture) }));

  /** Any address of a route. */
  const addressOf = (path: string): string =>
    path.replace(":gallery", "g").replace(":index", "0").replace(/:\w+/g, "0123456789ab");

  it("answers nobody without a permission, on any route", async () => {
    assert.ok(routes.length >= 30);
    for (const { method, path, permission } of routes) {
      const request = {
        method: method.toUpperCase(),
        headers: method === "post" || method === "patch" ? JSON_TYPE : {},
        ...(method === "post" || method === "patch" ? { body: "{}" } : {}),
      };
      for (const user of permission === "write"
        ? ([null, "nobody", "viewer", "reader"] as const)
        : ([null, "nobody"] as const)) {
        const answer = await ask(addressOf(path), { user, ...request });
        assert.equal(answer.status, 401, `${user} ${method} ${path}`);
        assert.doesNotMatch(await answer.text(), /\{/, "nothing is told");
      }
    }
  });

  it("answers whoever may read, and whoever may write", async () => {
    for (const user of ["viewer", "reader", "editor", "all"] as const)
      assert.equal((await ask("/g/people", { user })).status, 200, user);
    assert.equal((await post("/g/people", { name: "By the editor" }, { user: "editor" })).status, 201);
  });

  it("lists networks with licence, size and figures, and downloads one that somebody asks for", async () => {
    type Listed = Record<"id" | "from" | "licence" | "problem" | "problemCode" | "path", string | null> & {
      size: number | null;
      measured: { people: number; fmr: { share: number } } | null;
      download: { state: string; received: number; error: string | null; code: string | null } | null;
    };
    const list = (): Promise<Listed[]> => json<Listed[]>(ask("/models"));
    const one = async (id: string): Promise<Listed> => (await list()).find((each) => each.id === id) as Listed;
    const state = (id: string, wanted: string): Promise<Listed> =>
      eventually(`${id} is ${wanted}`, () =>
        one(id).then((found) => (found.download?.state === wanted ? found : undefined)),
      );
    writePack(join(userDir, "facenet/models/mine"), { id: "mine" });
    mkdirSync(join(userDir, "facenet/models/torn"));
    writeFileSync(join(userDir, "facenet/models/torn/facenet-pack.json"), "{");
    const all = await list();
    assert.deepEqual(
      all.map(({ id, from }) => [id, from]),
      [
        ...BUILT_IN_MODELS.map((id) => [id, "built-in"]),
        ["mine", "folder"],
        [null, "folder"],
        ["tiny", "offered"],
        ["forged", "offered"],
        ["spotter", "offered"],
      ],
    );
    const built = all.find(({ id }) => id === "mobilefacenet-192");
    assert.ok(
      built?.measured !== null &&
        built?.measured !== undefined &&
        built.measured.people > 200 &&
        built.measured.fmr.share < 0.002,
      "what was measured of it is told",
    );
    const torn = all.find(({ id }) => id === null);
    assert.match(torn?.problem ?? "", /torn.facenet-pack\.json is not JSON/);
    assert.equal(torn?.problemCode, "not_json");
    assert.equal((await post("/models/tiny/download", {}, { user: "viewer" })).status, 401);
    assert.equal(offered.server.ranges.length, 0, "nothing is fetched before somebody asks for it");

    offered.server.manners = { stallAt: 100 };
    assert.equal((await post("/models/tiny/download", {})).status, 200);
    await eventually("something came", () =>
      one("tiny").then((found) => (found.download?.received === 100 ? true : undefined)),
    );
    assert.equal((await post("/models/tiny/download", {})).status, 200);
    assert.equal(offered.server.ranges.length, 1, "one at a time of each");
    assert.equal((await ask("/models/tiny/download", { method: "DELETE" })).status, 200);
    assert.equal((await one("tiny")).download?.state, "cancelled");
    assert.equal(readdirSync(join(userDir, "facenet/models")).includes("tiny"), false, "nothing of it is left");
    assert.equal(await codeOf(await ask("/models/tiny/download", { method: "DELETE" })), "404 no_download");

    offered.server.manners = {};
    await post("/models/forged/download", {});
    const { download: forged } = await state("forged", "failed");
    assert.match(forged?.error ?? "", /the download of Forged network is refused: what came is another file/);
    assert.equal(forged?.code, "another_file");
    await post("/models/tiny/download", {});
    const here = await eventually("tiny is here", () =>
      one("tiny").then((found) => (found.from === "folder" ? found : undefined)),
    );
    assert.deepEqual([here.licence, here.size, here.measured], ["CC0-1.0", offered.server.content.length, null]);
    assert.match(
      readFileSync(join(userDir, "facenet/models/tiny/LICENSE"), "utf8"),
      /^Made for a test\.\nFrom https:\/\/example\.com\/tiny\n\s+Apache License/,
    );
    assert.equal(await codeOf(await post("/models/facenet9000/download", {})), "404 no_model");
    assert.equal(await codeOf(await post("/models/tiny/download", { address: "http://evil.example" })), "400 invalid");
  });

  it("tells who came when, whether a face was here before, and deletes visits with a receipt", async () => {
    interface Page {
      visits: { visit: string; pictured: boolean }[];
      next: string | null;
      zones: string[];
      total: number;
      days: number;
    }
    const listed = async (query: string): Promise<string[]> =>
      (await json<Page>(ask(`/g/visits${query}`))).visits.map(({ visit }) => visit.replace("visit-", ""));
    const all = await json<Page>(ask("/g/visits"));
    assert.deepEqual(
      [all.visits.map(({ pictured }) => pictured), all.next, all.zones, all.total, all.days],
      [[false, true, true, true, false], null, ["door", "yard"], 5, 30],
    );
    assert.deepEqual(await listed(""), ["here", "carol", "alice", "mirrored", "unseen"]);
    assert.deepEqual(await listed("?zone=yard&known=false&limit=2"), ["alice", "mirrored"]);
    const page = await json<Page>(ask("/g/visits?zone=yard&limit=2"));
    assert.deepEqual(await listed(`?zone=yard&limit=2&cursor=${page.next}`), ["unseen"]);
    assert.deepEqual(await listed(`?from=${Date.now() - DAY}&to=${Date.now() - 1.5 * HOUR}`), ["carol", "alice"]);
    assert.deepEqual(await listed("?known=true"), []);
    assert.deepEqual(await listed("?person=0123456789ab"), []);
    assert.equal(await codeOf(await ask("/g/visits?cursor=mine")), "400 invalid");
    assert.equal(await codeOf(await ask("/g/visits?from=yesterday")), "400 invalid");
    assert.deepEqual(
      (await json<{ visit: string }[]>(ask("/g/visits/here"))).map(({ visit }) => visit),
      ["visit-here"],
    );
    assert.equal((await json<{ stays: object[] }>(ask("/g/visits/visit-carol"))).stays.length, 1);
    assert.equal(await codeOf(await ask("/g/visits/visit-9")), "404 not_found");
    assert.equal((await ask("/g/visits/visit-carol/picture")).headers.get("content-type"), "image/jpeg");
    assert.equal(await codeOf(await ask("/g/visits/visit-here/picture")), "404 no_picture");
    const likeIt = async (picture: Buffer): Promise<{ near: string[]; far: string[] }[]> => {
      const { threshold, faces } = await json<{
        threshold: number;
        faces: { rejected?: string; visits: { visit: { visit: string }; distance: number }[] }[];
      }>(upload("/g/visits/alike", picture));
      const usable = faces.filter(({ rejected }) => rejected === undefined);
      return usable.map(({ visits }) => {
        assert.deepEqual(
          visits.map(({ distance }) => distance),
          visits.map(({ distance }) => distance).sort((a, b) => a - b),
        );
        const names = (some: typeof visits): string[] => some.map(({ visit }) => visit.visit.replace("visit-", ""));
        return {
          near: names(visits.filter(({ distance }) => distance <= threshold)),
          far: names(visits.filter(({ distance }) => distance > threshold)),
        };
      });
    };
    const other = await sharp(carol).modulate({ brightness: 0.9 }).jpeg({ quality: 80 }).toBuffer();
    assert.deepEqual(await likeIt(other), [{ near: ["carol", "mirrored"], far: ["alice"] }]);
    assert.deepEqual(
      await likeIt(
        await sharp({ create: { width: 320, height: 240, channels: 3, background: "grey" } })
          .jpeg()
          .toBuffer(),
      ),
      [],
    );
    assert.equal(await codeOf(await upload("/g/visits/alike", Buffer.from("no picture"))), "422 no_picture");
    const receipt = await json<object>(ask("/g/visits/visit-carol", { method: "DELETE" }));
    assert.deepEqual(
      { ...receipt, at: 0 },
      {
        what: "visit",
        id: "visit-carol",
        name: null,
        at: 0,
        photos: 0,
        visits: 1,
        embeddings: 1,
        thumbnails: 1,
        backups: 0,
      },
    );
    assert.equal(await codeOf(await ask("/g/visits/visit-carol", { method: "DELETE" })), "404 not_found");
    assert.equal(
      (await json<{ visits: number }>(post("/g/visits/delete", { visits: ["visit-carol", "visit-unseen"] }))).visits,
      1,
    );
    assert.deepEqual(await likeIt(other), [{ near: ["mirrored"], far: ["alice"] }]);
    assert.deepEqual(await listed(""), ["here", "alice", "mirrored"]);
    const { id } = await create("Nobody came");
    assert.equal((await json<{ visits: number }>(ask(`/g/people/${id}/visits`, { method: "DELETE" }))).visits, 0);
    await ask(`/g/people/${id}`, { method: "DELETE" });
    assert.equal(await codeOf(await ask("/h/visits")), "404 not_found", "it keeps none");
  });

  it("creates, changes, finds and deletes people, and says which field is wrong", async () => {
    const zoe = await create("Zoë");
    assert.match(zoe.id, /^[0-9a-f]{12}$/);
    assert.equal(await codeOf(await post("/g/people", { name: "Zoë" })), "409 name_taken");
    const patch = (body: object): Promise<Response> =>
      ask(`/g/people/${zoe.id}`, { method: "PATCH", headers: JSON_TYPE, body: JSON.stringify(body) });
    assert.equal(
      (
        await patch({
          groups: ["Staff", "staff", "night"],
          notes: "keeps bees",
          consentOn: "2026-11-24",
          validUntil: 9e12,
        })
      ).status,
      200,
    );
    const got = await json<{ groups: string[]; notes: string }>(ask(`/g/people/${zoe.id}`));
    assert.deepEqual([got.groups, got.notes], [["night", "staff"], "keeps bees"]);
    for (const [body, field] of [
      [{ validFrom: 9.1e12 }, "validUntil"],
      [{ groups: "staff" }, "groups"],
      [{ consentOn: "yesterday" }, "consentOn"],
      [{ id: "x" }, "id"],
      [{ name: "../x" }, "slash"],
      [{ name: "" }, "name"],
    ] as const) {
      const answer = await patch(body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.match(((await answer.json()) as { error: string }).error, new RegExp(field));
    }
    const page = await json<{ total: number; people: { name: string }[]; groups: { name: string; count: number }[] }>(
      ask("/g/people?search=bees&group=staff&limit=1&sort=added"),
    );
    assert.deepEqual(
      [page.total, page.people.map(({ name }) => name), page.groups],
      [
        1,
        ["Zoë"],
        [
          { name: "night", count: 1 },
          { name: "staff", count: 1 },
        ],
      ],
    );
    assert.equal(await codeOf(await ask("/g/people?limit=100000")), "400 invalid");
    const receipt = await json<{ what: string; name: string; photos: number }>(
      ask(`/g/people/${zoe.id}`, { method: "DELETE" }),
    );
    assert.deepEqual([receipt.what, receipt.name, receipt.photos], ["person", "Zoë", 0]);
    assert.equal(await codeOf(await ask(`/g/people/${zoe.id}`)), "404 not_found");
  });

  it("judges photos, keeps the good ones, and shows them as pictures only", async () => {
    const { id } = await create("Alice");
    const kept = await upload(`/g/people/${id}/photos`, alice);
    assert.equal(kept.status, 201);
    const { photo, judgement } = (await kept.json()) as {
      photo: { id: string };
      judgement: { verdict: string; findings: object[] };
    };
    assert.deepEqual(judgement, { findings: [], accepted: [], verdict: "keep" });
    const again = await upload(`/g/people/${id}/photos`, await sharp(alice).jpeg({ quality: 60 }).toBuffer());
    const refused = (await again.json()) as { error: string; judgement: { findings: { code: string }[] } };
    assert.deepEqual([again.status, refused.judgement.findings.map(({ code }) => code)], [422, ["near_duplicate"]]);
    assert.deepEqual(
      [
        (await upload(`/g/people/${id}/photos`, groupPhoto(6))).status,
        (await upload(`/g/people/${id}/photos`, Buffer.from("text"))).status,
      ],
      [422, 422],
    );
    for (const type of ["image/svg+xml", "image/jpeg"]) {
      const drawing = await ask(`/g/people/${id}/photos`, {
        method: "POST",
        headers: { "Content-Type": type },
        body:
          '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><image ' +
          'href="file:///etc/passwd"/></svg>',
      });
      assert.equal(await codeOf(drawing), "422 no_picture", type);
    }
    const other = await create("Mallory");
    const asks = await upload(`/g/people/${other.id}/photos`, await sharp(alice).flop().jpeg().toBuffer());
    assert.deepEqual(
      [
        asks.status,
        (
          (await asks.json()) as { judgement: { findings: { code: string; severity: string }[] } }
        ).judgement.findings.map(({ code, severity }) => `${code} ${severity}`),
      ],
      [409, ["resembles ask"]],
    );
    assert.equal(
      (await upload(`/g/people/${other.id}/photos?accept=resembles`, await sharp(alice).flop().jpeg().toBuffer()))
        .status,
      201,
    );
    await ask(`/g/people/${other.id}`, { method: "DELETE" });
    for (const path of [`/g/people/${id}/photos/${photo.id}`, `/g/people/${id}/photos/${photo.id}/thumbnail`]) {
      const answer = await ask(path);
      assert.deepEqual(
        ["content-type", "x-content-type-options", "cache-control", "content-security-policy"].map((name) =>
          answer.headers.get(name),
        ),
        ["image/jpeg", "nosniff", "private, no-store", "default-src 'none'; sandbox"],
      );
      assert.equal((await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).format, "jpeg");
    }
    assert.equal(
      await codeOf(await ask(`/g/people/${other.id}/photos/${photo.id}`)),
      "404 not_found",
      "a photo is another person's",
    );
    const spare = await create("Twice");
    const second = await json<{ photo: { id: string } }>(upload(`/g/people/${spare.id}/photos`, carol));
    assert.equal(
      await codeOf(await ask(`/g/people/${id}/photos/${second.photo.id}`, { method: "DELETE" })),
      "404 not_found",
    );
    const receipt = await json<{ what: string; photos: number; embeddings: number; thumbnails: number }>(
      ask(`/g/people/${spare.id}/photos/${second.photo.id}`, { method: "DELETE" }),
    );
    assert.deepEqual([receipt.what, receipt.photos, receipt.embeddings, receipt.thumbnails], ["photo", 1, 1, 1]);
    assert.equal(
      await codeOf(await ask(`/g/people/${spare.id}/photos/${second.photo.id}/thumbnail`)),
      "404 not_found",
    );
    await ask(`/g/people/${spare.id}`, { method: "DELETE" });
    const { faces } = await json<{ faces: { identity: { outcome: string; name: string } }[] }>(
      upload("/g/identify", alice),
    );
    assert.deepEqual(
      faces.map(({ identity: { outcome, name } }) => `${outcome} ${name}`),
      ["match Alice"],
    );
    assert.deepEqual(
      (
        await json<{ faces: { identity: { outcome: string; reason: string } }[] }>(
          upload(`/g/people/${id}/verify`, carol),
        )
      ).faces.map(({ identity: { outcome, reason } }) => `${outcome} ${reason}`),
      ["unknown above_threshold"],
    );
  });

  it("tells of strangers as they come, names and ignores them, and takes a wrong match's correction", async () => {
    const controller = new AbortController();
    const stream = await fetch(`${red.url}${API_ROOT}/g/events`, {
      headers: { Authorization: "Bearer viewer" },
      signal: controller.signal,
    });
    let heard = "";
    const listening = (async () => {
      for await (const chunk of stream.body ?? []) heard += Buffer.from(chunk as Uint8Array).toString();
    })().catch(() => undefined);
    await see(carol);
    const unknowns = (): Promise<
      { id: string; visits: number; pictures: number; nearest: { name: string } | null }[]
    > => json(ask("/g/unknowns"));
    const [stranger] = await eventually("the stranger", async () => {
      const all = await unknowns();
      return (all[0]?.pictures ?? 0) > 0 ? all : undefined;
    });
    assert.deepEqual([stranger?.visits, stranger?.nearest?.name], [1, "Alice"]);
    assert.equal((await ask(`/g/unknowns/${stranger?.id}/pictures/0`)).headers.get("content-type"), "image/jpeg");
    await eventually("both events", () =>
      /event: seen/.test(heard) && /event: unknown/.test(heard) ? true : undefined,
    );
    const { person } = await json<{ person: { id: string; name: string } }>(
      post(`/g/unknowns/${stranger?.id}/name`, { name: "Carol" }),
    );
    assert.equal(person.name, "Carol");
    const mirrored = await sharp(carol).flop().jpeg().toBuffer();
    await see(mirrored);
    const match = await eventually("the match", async () =>
      (
        await json<{ id: string; name: string | null; reason: string; candidates: object[]; picture: boolean }[]>(
          ask("/g/events/recent"),
        )
      ).find(({ name, picture }) => name === "Carol" && picture),
    );
    assert.deepEqual([match.reason, match.candidates.length], ["below_threshold", 2]);
    assert.equal((await ask(`/g/events/${match.id}/picture`)).headers.get("content-type"), "image/jpeg");
    assert.equal((await post(`/g/events/${match.id}/not-this-person`, {})).status, 201);
    const { faces } = await json<{
      faces: { identity: { outcome: string; reason: string; candidates: { ruledOut?: boolean }[] } }[];
    }>(upload("/g/identify", mirrored));
    assert.deepEqual(
      faces.map(({ identity: { outcome, reason, candidates } }) => `${outcome} ${reason} ${candidates[0]?.ruledOut}`),
      ["unknown negative_anchor true"],
    );
    const [anchor] = await json<{ id: string; againstName: string }[]>(ask("/g/anchors"));
    assert.equal(anchor?.againstName, "Carol");
    assert.equal((await ask(`/g/anchors/${anchor?.id}`, { method: "DELETE" })).status, 200);
    await ask(`/g/people/${person.id}`, { method: "DELETE" });
    assert.doesNotMatch(
      await (await ask("/g/events/recent")).text(),
      /Carol/,
      "an event tells nothing of whom was deleted",
    );
    await see(carol);
    const [again] = await eventually("the stranger again", async () => {
      const all = await unknowns();
      return all.length > 0 ? all : undefined;
    });
    await post(`/g/unknowns/${again?.id}/ignore`, {});
    assert.deepEqual([await unknowns(), (await json<object[]>(ask("/g/anchors"))).length], [[], 1]);
    for (const { id } of await json<{ id: string }[]>(ask("/g/anchors")))
      await ask(`/g/anchors/${id}`, { method: "DELETE" });
    await see(await sharp(carol).flop().jpeg({ quality: 90 }).toBuffer());
    const [last] = await eventually("the stranger once more", async () => {
      const all = await unknowns();
      return all.length > 0 ? all : undefined;
    });
    assert.equal((await json<{ what: string }>(ask(`/g/unknowns/${last?.id}`, { method: "DELETE" }))).what, "unknown");
    assert.deepEqual(await unknowns(), []);
    controller.abort();
    await listening;
  });

  it("says of an event who it is, lists corrections, and takes them back", async () => {
    const wrong = await create("Wrong");
    await upload(`/g/people/${wrong.id}/photos`, carol);
    const mirrored = await sharp(carol).flop().jpeg().toBuffer();
    const nameIn = async (picture: Buffer): Promise<string | null | undefined> =>
      (await json<{ faces: { identity: { name: string | null } }[] }>(upload("/g/identify", picture))).faces[0]
        ?.identity.name;
    await see(mirrored);
    const event = await eventually("the wrong match", async () =>
      (await json<{ id: string; name: string | null; picture: boolean }[]>(ask("/g/events/recent"))).find(
        ({ name, picture }) => name === "Wrong" && picture,
      ),
    );
    const { person, photo, anchor } = await json<{
      person: { id: string; name: string };
      photo: { id: string; origin: { by: string } };
      anchor: { againstName: string };
    }>(post(`/g/events/${event.id}/is`, { name: "Right" }));
    assert.deepEqual([person.name, photo.origin.by, anchor.againstName], ["Right", "event", "Wrong"]);
    assert.equal(await nameIn(mirrored), "Right");
    assert.equal(
      (
        await sharp(
          Buffer.from(await (await ask(`/g/people/${person.id}/photos/${photo.id}`)).arrayBuffer()),
        ).metadata()
      ).format,
      "jpeg",
    );
    const corrections = await json<{ id: string; what: string; name: string }[]>(ask("/g/corrections"));
    assert.deepEqual(corrections.map(({ what, name }) => `${what} ${name}`).sort(), ["is Right", "not Wrong"]);
    for (const { id } of corrections)
      assert.equal((await ask(`/g/corrections/${id}`, { method: "DELETE" })).status, 200);
    assert.deepEqual(await json(ask("/g/corrections")), []);
    assert.equal(await nameIn(mirrored), "Wrong", "it is decided as before");
    assert.equal(await codeOf(await ask("/g/corrections/0123456789ab", { method: "DELETE" })), "404 not_found");
    assert.equal(await codeOf(await post(`/g/events/${event.id}/is`, { name: "../x" })), "400 invalid");
    for (const id of [wrong.id, person.id]) await ask(`/g/people/${id}`, { method: "DELETE" });
  });

  it("moves and deletes several photos, and makes one person of two", async () => {
    const [one, two] = [await create("One"), await create("Two")];
    const keep = async (picture: Buffer): Promise<string> =>
      (await json<{ photo: { id: string } }>(upload(`/g/people/${one.id}/photos?accept=unlike`, picture))).photo.id;
    const photos = [await keep(carol), await keep(await portrait("front")), await keep(await portrait("stripes"))];
    const stripes = await json<{ person: PersonAnswer; photos: { id: string }[] }>(
      post(`/g/people/${one.id}/photos/move`, { photos: photos.slice(2), to: { name: "Stripes" } }),
    );
    assert.deepEqual([stripes.person.name, stripes.photos.length], ["Stripes", 1]);
    assert.equal((await ask(`/g/people/${stripes.person.id}/photos/${stripes.photos[0]?.id}/thumbnail`)).status, 200);
    await post(`/g/people/${one.id}/photos/move`, { photos: photos.slice(1, 2), to: { id: two.id } });
    const receipt = await json<{ photos: number; embeddings: number }>(
      post(`/g/people/${one.id}/photos/delete`, { photos: photos.slice(0, 1) }),
    );
    assert.deepEqual([receipt.photos, receipt.embeddings], [1, 1]);
    assert.equal(
      await codeOf(await post(`/g/people/${one.id}/photos/delete`, { photos: photos.slice(0, 1) })),
      "404 not_found",
    );
    assert.equal(await codeOf(await post(`/g/people/${two.id}/merge`, { into: two.id })), "400 invalid");
    const merged = await json<PersonAnswer>(post(`/g/people/${two.id}/merge`, { into: stripes.person.id }));
    assert.equal(merged.name, "Stripes");
    assert.equal(await codeOf(await ask(`/g/people/${two.id}`)), "404 not_found");
    assert.equal((await json<PersonAnswer>(ask(`/g/people/${stripes.person.id}`))).photos.length, 2);
    const { faces } = await json<{ faces: { identity: { name: string } }[] }>(
      upload("/g/identify", await portrait("front")),
    );
    assert.equal(faces[0]?.identity.name, "Stripes");
    for (const id of [one.id, stripes.person.id]) await ask(`/g/people/${id}`, { method: "DELETE" });
  });

  it(
    "sets a photo aside that is unlike the person's others, says why, and uses it all the same when somebody is " +
      "sure",
    async () => {
      interface Entry {
        id: string;
        aside: { distance: number; threshold: number; reason: string } | null;
        sure: boolean;
      }
      const { id } = await create("Odd");
      // Three who are three: whoever added them was sure.
      for (const name of ["green", "front", "stripes"] as const)
        assert.equal(
          (await upload(`/g/people/${id}/photos?accept=unlike,resembles`, await portrait(name))).status,
          201,
        );
      const photos = async (): Promise<Entry[]> => (await json<{ photos: Entry[] }>(ask(`/g/people/${id}`))).photos;
      const sure = (photo: string, value: unknown): Promise<Response> =>
        ask(`/g/people/${id}/photos/${photo}`, {
          method: "PATCH",
          headers: JSON_TYPE,
          body: JSON.stringify({ sure: value }),
        });
      assert.deepEqual(
        (await photos()).map((photo) => photo.sure),
        [false, true, true],
      );
      for (const photo of await photos()) await sure(photo.id, false);
      const [odd, ...more] = (await photos()).filter(({ aside }) => aside !== null);
      assert.ok(odd?.aside && more.length === 0, "one of three at most");
      assert.ok(odd.aside.distance > odd.aside.threshold);
      assert.match(odd.aside.reason, /^set aside: farther from their other photos than τ/);
      const used = await json<Entry>(sure(odd.id, true));
      assert.deepEqual([used.id, used.aside, used.sure], [odd.id, null, true]);
      assert.equal((await json<Entry>(sure(odd.id, false))).aside?.reason, odd.aside.reason);
      assert.equal(await codeOf(await sure("0123456789abcdef", true)), "404 not_found");
      assert.equal(await codeOf(await sure(odd.id, "yes")), "400 invalid");
      await ask(`/g/people/${id}`, { method: "DELETE" });
    },
  );

  it("leaves a photo out of recognition and uses it again, but never the only one", async () => {
    const { id } = await create("Odd");
    for (const name of ["green", "front", "stripes"] as const)
      assert.equal((await upload(`/g/people/${id}/photos?accept=unlike,resembles`, await portrait(name))).status, 201);
    const patch = (photo: string | undefined, body: object): Promise<Response> =>
      ask(`/g/people/${id}/photos/${String(photo)}`, {
        method: "PATCH",
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      });
    const inUse = async (): Promise<number> =>
      (await json<{ id: string; embeddings: number }[]>(ask("/galleries"))).find((gallery) => gallery.id === "g")
        ?.embeddings ?? NaN;
    const all = await inUse();
    const [first, second, last] = (await json<{ photos: { id: string }[] }>(ask(`/g/people/${id}`))).photos.map(
      (photo) => photo.id,
    );
    for (const photo of [first, second])
      assert.equal((await json<{ out: boolean }>(patch(photo, { out: true }))).out, true);
    assert.equal(await inUse(), all - 2);
    const refused = await patch(last, { out: true });
    assert.equal(refused.status, 400);
    assert.match(
      (await json<{ error: string }>(refused)).error,
      /the only photo by which Odd is recognized cannot be left out/,
    );
    const { out, sure } = await json<{ out: boolean; sure: boolean }>(patch(first, { out: false, sure: true }));
    assert.deepEqual([out, sure], [false, true]);
    assert.equal((await ask(`/g/people/${id}/photos/${String(second)}`)).status, 200, "its picture is kept");
    assert.equal(await inUse(), all - 1);
    assert.equal(await codeOf(await patch(first, {})), "400 invalid");
    await ask(`/g/people/${id}`, { method: "DELETE" });
  });

  it("sets second factors of a gate, tells its log with pictures, and that nobody has changed it", async () => {
    interface Gate {
      id: string;
      name: string;
      failures: number;
      off: boolean;
      people: { person: string; name: string | null; kinds: string[]; codes: number[]; failures: number }[];
    }
    interface Row {
      sequence: number;
      kind: string;
      factor: string | null;
      hash: string;
      known: { name: string | null; zone: string | null } | null;
      pictured: boolean;
    }
    const gates = "/h/gates";
    const { id } = await create("Gwen", "h");
    const opened = (): Promise<Gate[]> =>
      eventually("the gate", async () => {
        const all = await json<Gate[]>(ask(gates));
        return all.length > 0 ? all : undefined;
      });
    const rows = async (query = ""): Promise<Row[]> => json<Row[]>(ask(`${gates}/gate/log${query}`));
    const kinds = async (): Promise<string[]> => (await rows()).map(({ kind }) => kind);
    const tell = (message: object): Promise<unknown> =>
      fetch(`${red.url}/tell`, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(message) });
    assert.deepEqual(
      (await opened()).map(({ name, failures, off, people }) => ({ name, failures, off, people })),
      [{ name: "Front door", failures: 0, off: false, people: [] }],
    );
    assert.deepEqual(await json(ask("/g/gates")), [], "it is another gallery's");

    const factors = `${gates}/gate/people/${id}/factors`;
    const set = await json<Gate>(post(factors, { kind: "pin", value: "274911" }));
    assert.deepEqual(
      set.people.map(({ person, name, kinds: kept, codes }) => [person, name, kept, codes]),
      [[id, "Gwen", ["pin"], []]],
    );
    await post(factors, { kind: "badge", value: "04a1b2c3d4" });
    assert.deepEqual((await json<Gate>(ask(`${factors}/badge`, { method: "DELETE" }))).people[0]?.kinds, ["pin"]);
    const issued = await post(`${gates}/gate/people/${id}/codes`, { minutes: 5 });
    const { code, until } = await json<{ code: string; until: number }>(issued);
    assert.ok(issued.status === 201 && code.length >= 20 && until > Date.now() && until <= Date.now() + 300_000);
    const text = await (await ask(gates)).text();
    assert.ok(text.includes(`"codes":[${until}]`) && !text.includes(code) && !/274911|salt|hash/.test(text));
    assert.deepEqual((await json<Gate>(ask(`${factors}/code`, { method: "DELETE" }))).people[0]?.codes, []);
    for (const [path, body, wanted] of [
      ["people/0123456789ab/factors", { kind: "pin", value: "274911" }, "404 not_found"],
      ["people/0123456789ab/codes", {}, "404 not_found"],
      [`people/${id}/factors`, { kind: "face", value: "274911" }, "400 invalid"],
      [`people/${id}/factors`, { kind: "pin", value: "1234" }, "400 invalid"],
      [`people/${id}/codes`, { minutes: 0 }, "400 invalid"],
      ["reset", { person: 7 }, "400 invalid"],
    ] as const)
      assert.equal(await codeOf(await post(`${gates}/gate/${path}`, body)), wanted, `${path} ${JSON.stringify(body)}`);

    // She comes, mistypes, and then does not.
    const comes = (): Promise<unknown> => {
      const seen = { person: id, name: "Gwen", distance: -0.2, threshold: 0.3, sure: 0.99, zone: "porch" };
      const visit = visitTold({ ...presentOf(seen), gallery: "h" });
      return tell({ visit, snapshot: alice.toString("base64") });
    };
    await comes();
    await tell({ factor: { kind: "pin", value: "999999" } });
    await eventually("a deny", async () => ((await kinds())[0] === "deny" ? true : undefined));
    const [mistyped] = await json<Gate[]>(ask(gates));
    assert.deepEqual([mistyped?.failures, mistyped?.people[0]?.failures], [1, 1]);
    const reset = await json<Gate>(post(`${gates}/gate/reset`, {}));
    assert.deepEqual([reset.failures, reset.people[0]?.failures], [0, 0]);
    await comes();
    await tell({ factor: { kind: "pin", value: "274911" } });
    await eventually("a grant", async () => ((await kinds())[0] === "grant" ? true : undefined));

    const all = await rows();
    assert.deepEqual(
      all.map(({ kind, factor, known }) => [kind, factor, known?.name ?? null, known?.zone ?? null]),
      [
        ["grant", "pin", "Gwen", "porch"],
        ["reset", null, null, null],
        ["deny", null, "Gwen", "porch"],
        ["factor_removed", "code", "Gwen", null],
        ["code_issued", "code", "Gwen", null],
        ["factor_removed", "badge", "Gwen", null],
        ["factor_set", "badge", "Gwen", null],
        ["factor_set", "pin", "Gwen", null],
        ["began", null, null, null],
      ],
    );
    const [grant, second] = all;
    assert.deepEqual(
      (await rows(`?below=${grant?.sequence}&limit=1`)).map(({ sequence }) => sequence),
      [second?.sequence],
    );
    const picture = await ask(`${gates}/gate/log/${grant?.sequence}/picture`);
    assert.equal(picture.headers.get("content-type"), "image/jpeg");
    assert.ok(Buffer.from(await picture.arrayBuffer()).equals(alice));
    assert.equal(await codeOf(await ask(`${gates}/gate/log/${second?.sequence}/picture`)), "404 no_picture");
    const csv = await ask(`${gates}/gate/log.csv`);
    assert.equal(csv.headers.get("content-disposition"), 'attachment; filename="gate-log.csv"');
    const lines = (await csv.text()).trim().split("\r\n");
    assert.equal(lines.length, all.length + 1);
    assert.match(lines[1] ?? "", new RegExp(`^${grant?.sequence},.*,grant,,pin,${id},Gwen,`));
    const verify = (query = ""): Promise<object> => json(ask(`${gates}/gate/verify${query}`));
    assert.deepEqual(await verify(`?sequence=${grant?.sequence}&hash=${grant?.hash}`), {
      ok: true,
      entries: all.length,
      first: 1,
      last: { sequence: grant?.sequence, hash: grant?.hash },
      forgotten: 0,
      broken: null,
    });
    assert.deepEqual(
      ((await verify(`?sequence=1&hash=${grant?.hash}`)) as { broken: object | null }).broken,
      { sequence: 1, fault: "head" },
      "what was kept elsewhere is another entry",
    );
    for (const query of ["log?limit=0", "log?limit=501", "log?below=0", "verify?hash=x"])
      assert.equal(await codeOf(await ask(`${gates}/gate/${query}`)), "400 invalid", query);

    await ask(`/h/people/${id}`, { method: "DELETE" });
    await eventually("she is forgotten", async () =>
      (await json<Gate[]>(ask(gates)))[0]?.people.length === 0 && (await kinds())[0] === "forgot" ? true : undefined,
    );
    assert.ok((await rows()).every(({ known, pictured }) => known === null && !pictured));
    assert.equal(await codeOf(await ask(`${gates}/gate/log/${grant?.sequence}/picture`)), "404 no_picture");
    const { ok, forgotten } = (await verify()) as { ok: boolean; forgotten: number };
    assert.ok(ok && forgotten >= 7, "the log holds without them");
  });

  it("keeps an attendance book: adds, corrects, counts days and months, and sends again", async () => {
    const books = "/h/attendance";
    const { id: person } = await create("Nora", "h");
    const patchPerson = (notes: string): Promise<Response> =>
      ask(`/h/people/${person}`, { method: "PATCH", headers: JSON_TYPE, body: JSON.stringify({ notes }) });
    await patchPerson("employee: 0042");
    const book = (): Promise<AttendanceBookAnswer | undefined> =>
      json<AttendanceBookAnswer[]>(ask(books)).then(([first]) => first);
    await eventually("the book", async () => ((await book())?.today ? true : undefined));
    assert.equal((await book())?.days, 36_500, "a node of a version that knew no end keeps what it has");
    assert.deepEqual(await json(ask("/g/attendance")), [], "it is another gallery's");
    const add = (fields: object): Promise<Response> =>
      post(`${books}/book/check-ins`, { person, why: "the camera was off", ...fields });
    const [came, left] = [
      await json<ToldCheckIn>(add({ type: "IN", local: "2026-11-25 08:00" })),
      await json<ToldCheckIn>(add({ type: "OUT", at: Date.parse("2026-11-25T16:00:00Z") })),
    ];
    assert.deepEqual(
      [came, left].map(({ name, at, local, day, corrected }) => [name, at, local, day, corrected]),
      [
        ["Nora", Date.parse("2026-11-25T07:00:00Z"), "2026-11-25 08:00:00", "2026-11-25", true],
        ["Nora", Date.parse("2026-11-25T16:00:00Z"), "2026-11-25 17:00:00", "2026-11-25", true],
      ],
    );
    // Frappe does not know the employee yet.
    const state = (wanted: string): Promise<ToldCheckIn> =>
      eventually(`it is ${wanted}`, async () => {
        const told = await json<ToldCheckIn>(ask(`${books}/book/check-ins/${came.id}`));
        return told.sending?.state === wanted ? told : undefined;
      });
    assert.match((await state("refused")).sending?.reason ?? "", /^No Employee found .*0042$/);
    await eventually("both are refused", async () => ((await book())?.sending?.refused === 2 ? true : undefined));
    assert.deepEqual(frappe.logs, []);
    frappe.employees.set("0042", "Active");
    assert.deepEqual(await json(post(`${books}/book/send`, { id: came.id })), { sent: 1 });
    assert.equal((await state("delivered")).sending?.tries, 1);
    assert.deepEqual(await json(post(`${books}/book/send`, {})), { sent: 1 });
    await eventually("both are there", async () => (frappe.logs.length === 2 ? true : undefined));
    assert.deepEqual(await json(post(`${books}/book/send`, {})), { sent: 0 });

    const change = (id: string, fields: object): Promise<Response> =>
      ask(`${books}/book/check-ins/${id}`, { method: "PATCH", headers: JSON_TYPE, body: JSON.stringify(fields) });
    const changed = await json<ToldCheckIn>(change(left.id, { local: "2026-11-25 16:30", why: "she said so" }));
    assert.equal(changed.at, Date.parse("2026-11-25T15:30:00Z"));
    const day = await json<DayReport>(ask(`${books}/book/days/2026-11-25`));
    assert.deepEqual(
      [day.timeZone, day.people.map(({ name, ms, missing, spans }) => [name, ms, missing, spans.length])],
      ["Europe/Berlin", [["Nora", 8.5 * HOUR, 0, 1]]],
    );
    await change(left.id, { removed: true, why: "it was somebody else" });
    const month = await json<MonthReport>(ask(`${books}/book/months/2026-11`));
    assert.deepEqual(
      [month.days.length, month.people.map(({ ms, missing, days }) => [ms, missing, days.length])],
      [30, [[0, 1, 1]]],
    );
    const { history } = await json<{ history: { what: string; by: string | null; was: { at: number } | null }[] }>(
      ask(`${books}/book/check-ins/${left.id}`),
    );
    assert.deepEqual(
      history.map(({ what, by, was }) => [what, by, was?.at ?? null]),
      [
        ["added", "all", null],
        ["changed", "all", left.at],
        ["removed", "all", changed.at],
      ],
    );
    await change(left.id, { removed: false, why: "it was her" });
    const csv = await ask(`${books}/book/csv?from=2026-11-24&to=2026-11-25`);
    assert.equal(
      csv.headers.get("content-disposition"),
      'attachment; filename="attendance-2026-11-24-to-2026-11-25.csv"',
    );
    assert.deepEqual(
      (await csv.text())
        .trim()
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(",").slice(0, 6).join(",")),
      [
        `2026-11-25,${person},Nora,IN,2026-11-25 08:00:00,UTC+01:00`,
        `2026-11-25,${person},Nora,OUT,2026-11-25 16:30:00,UTC+01:00`,
      ],
    );
    const zip = Buffer.from(await (await ask("/h/export?visits=true")).arrayBuffer());
    const headers = { "Content-Type": "application/zip" };
    const { checkIns } = await json<ImportAnswer>(ask("/h/import", { method: "POST", headers, body: zip }));
    assert.equal(checkIns, 0, "an export holds them, and they are here already");
    for (const [path, wanted] of [
      ["book/days/2026-02-30", "404 not_found"],
      ["book/months/2026-13", "404 not_found"],
      ["m/days/2026-11-25", "404 not_found"],
      [`book/check-ins/${"0".repeat(24)}`, "404 not_found"],
      ["book/csv?from=yesterday", "400 invalid"],
    ] as const)
      assert.equal(await codeOf(await ask(`${books}/${path}`)), wanted, path);
    for (const [fields, wanted] of [
      [{ type: "IN", local: "2026-11-25 25:00" }, "400 invalid"],
      [{ type: "IN", local: "2026-11-25 08:00", at: 1 }, "400 invalid"],
      [{ type: "IN" }, "400 invalid"],
      [{ type: "IN", at: 1, why: " " }, "400 invalid"],
      [{ type: "IN", at: 1, person: "0123456789ab" }, "404 not_found"],
    ] as const)
      assert.equal(await codeOf(await add(fields)), wanted, JSON.stringify(fields));
    assert.equal(await codeOf(await change("0".repeat(24), { removed: true, why: "x" })), "404 not_found");
    assert.equal((await json<{ checkIns: number }>(ask(`/h/people/${person}`, { method: "DELETE" }))).checkIns, 2);
    assert.deepEqual((await json<DayReport>(ask(`${books}/book/days/2026-11-25`))).people, []);
  });

  it("keeps one face of a group photo, and nothing of the others in it", async () => {
    const { id } = await create("In a group");
    const group = groupPhoto(6);
    const { faces } = await json<{
      faces: { box: { x: number; y: number; width: number; height: number }; rejected?: string }[];
    }>(upload("/g/identify", group));
    const left = faces.filter(({ rejected }) => rejected === undefined).sort((a, b) => b.box.x - a.box.x)[0]?.box ?? {
      x: 0,
      y: 0,
      width: 0,
      height: 0,
    };
    const at = `${Math.round(left.x + left.width / 2)},${Math.round(left.y + left.height / 2)}`;
    const { photo } = await json<{ photo: { id: string } }>(upload(`/g/people/${id}/photos?at=${at}`, group));
    const kept = Buffer.from(await (await ask(`/g/people/${id}/photos/${photo.id}`)).arrayBuffer());
    const seen = await json<{ faces: { rejected?: string; identity: { name: string | null } }[] }>(
      upload("/g/identify", kept),
    );
    assert.deepEqual(
      seen.faces.filter(({ rejected }) => rejected === undefined).map(({ identity }) => identity.name),
      ["In a group"],
    );
    assert.match(
      ((await (await upload(`/g/people/${id}/photos?at=1,1`, group)).json()) as { error: string }).error,
      /no usable face at \(1, 1\)/,
    );
    assert.equal((await upload(`/g/people/${id}/photos?at=here`, group)).status, 400);
    await ask(`/g/people/${id}`, { method: "DELETE" });
  });

  it("deletes several strangers at once", async () => {
    await see(await portrait("front"));
    const ids = await eventually("a stranger", async () => {
      const all = await json<{ id: string }[]>(ask("/g/unknowns"));
      return all.length > 0 ? all.map(({ id }) => id) : undefined;
    });
    assert.equal(
      (await json<{ what: string }>(post("/g/unknowns/delete", { ids: [...ids, "0123456789ab"] }))).what,
      "unknown",
    );
    assert.deepEqual(await json(ask("/g/unknowns")), []);
  });

  it("takes snapshots from a running camera, and says that another one does not run", async () => {
    const { id } = await create("From the camera");
    const { taken } = await json<{ taken: { photo?: object; judgement: { findings: { code: string }[] } }[] }>(
      post(`/g/people/${id}/capture`, { camera: "c", count: 2 }),
    );
    assert.deepEqual(
      taken.map(({ photo, judgement }) => photo !== undefined || judgement.findings[0]?.code),
      [true, "near_duplicate"],
    );
    assert.equal(
      await codeOf(await post(`/g/people/${id}/capture`, { camera: "stopped", count: 1 })),
      "409 camera_stopped",
    );
    assert.equal(await codeOf(await post(`/g/people/${id}/capture`, { camera: "m", count: 1 })), "404 no_camera");
    const { width, height } = await sharp(carol).metadata();
    assert.deepEqual(await json(ask("/cameras")), [
      { id: "c", name: "Hall", running: true, width, height },
      { id: "stopped", name: "Garage", running: false, width: null, height: null },
    ]);
    await ask(`/g/people/${id}`, { method: "DELETE" });
  });

  it("exports everything, and imports it into another gallery", async () => {
    const zip = Buffer.from(await (await ask("/g/export")).arrayBuffer());
    const answer = await ask("/h/import", {
      method: "POST",
      headers: { "Content-Type": "application/zip" },
      body: zip,
    });
    assert.equal(answer.status, 200);
    const names = async (gallery: string): Promise<string[]> =>
      (await json<{ people: { name: string; photos: number }[] }>(ask(`/${gallery}/people`))).people.map(
        ({ name, photos }) => `${name} ${photos}`,
      );
    assert.deepEqual(await names("h"), await names("g"));
    assert.deepEqual(
      (await json<{ faces: { identity: { name: string } }[] }>(upload("/h/identify", alice))).faces.map(
        ({ identity }) => identity.name,
      ),
      ["Alice"],
    );
    assert.match(
      (
        (await (
          await ask("/h/import", { method: "POST", headers: { "Content-Type": "application/zip" }, body: "no zip" })
        ).json()) as { error: string }
      ).error,
      /no zip, or a damaged one .*: nothing was imported/,
    );
  });

  it("stops the embedding of the photo folder, and goes on", async () => {
    assert.deepEqual(await json(post("/g/enrolment", { paused: true })), { paused: true, progress: null });
    assert.deepEqual(
      (await json<{ id: string; paused: boolean }[]>(ask("/galleries"))).map(({ paused }) => paused),
      [true, false, false],
    );
    assert.deepEqual(await json(post("/g/enrolment", { paused: false })), { paused: false, progress: null });
  });

  it("says which τ comes out of how many strangers may get a name, and decides by it", async () => {
    const ruled = (query: string) =>
      json<{
        threshold: number;
        why: string;
        wanted: { people: number; supported: boolean; strangers: { high: number } } | null;
      }>(ask(`/g/threshold${query}`));
    const usual = await ruled("");
    assert.match(
      usual.why,
      pattern(
        /^1 in 100 strangers, \d+ (person|people) by [^:]+: τ 0\.\d+ \(expected .* %, upper 95 /,
        /% bound 1 %, from [\d,]{6,} comparisons of different people\)$/,
      ),
    );
    assert.ok((usual.wanted?.strangers.high ?? 1) <= 0.01);
    assert.deepEqual(
      (await json<{ wanted: { threshold: number } | null }[]>(ask("/galleries"))).map(({ wanted }) => wanted === null),
      [false, false, true],
      "of an open gallery",
    );
    const [many, few, one] = [
      await ruled("?strangers=0.1"),
      await ruled("?strangers=0.0001"),
      await ruled("?strangers=0.01&question=verify"),
    ];
    assert.ok(few.threshold < usual.threshold && usual.threshold < many.threshold && one.threshold >= usual.threshold);
    assert.equal(one.wanted?.people, 1);
    assert.deepEqual(await ruled("?threshold=0.4"), { threshold: 0.4, why: "τ 0.4 is fixed", wanted: null });
    assert.match(
      (await ruled("?distance=euclidean")).why,
      /^τ 0\.58 is the model dlib-resnet-v1's own: Euclidean distances do not say/,
    );
    assert.equal(await codeOf(await ask("/g/threshold?strangers=2")), "400 invalid");
    for (const [query, threshold] of [
      ["", usual.threshold],
      ["?strangers=0.1", many.threshold],
      ["?threshold=0.4", 0.4],
      ["?distance=euclidean", 0.58],
    ] as const) {
      const { faces } = await json<{ faces: { identity: { threshold: number } }[] }>(
        upload(`/g/identify${query}`, alice),
      );
      assert.deepEqual(
        faces.map(({ identity }) => identity.threshold),
        [threshold],
        query,
      );
    }
  });

  it("takes a stricter τ where the gallery's own people look alike, and says so", async () => {
    const few = await json<{ threshold: number }>(ask("/h/threshold"));
    const imported = await ask("/h/import", {
      method: "POST",
      headers: { "Content-Type": "application/zip" },
      body: await archiveOfFamilies(7),
    });
    assert.equal(imported.status, 200);
    const said = await eventually("a measure of its own", async () => {
      const now = await json<{ threshold: number; why: string; wanted: WantedThreshold }>(ask("/h/threshold"));
      return now.wanted.own === null ? undefined : { ...now, own: now.wanted.own };
    });
    const { own } = said;
    const { tail, comparisons, threshold } = said.wanted;
    assert.ok(own.people >= 28 && own.nearer > 0.05, JSON.stringify(own));
    assert.deepEqual([tail, comparisons, threshold], ["gallery", own.comparisons, said.threshold]);
    assert.ok(threshold < few.threshold - own.nearer);
    assert.match(said.why, /from [\d,]+ comparisons of people in this gallery, who come 0\.\d+ nearer to each other/);
    const { people } = await json<{ people: { id: string; name: string }[] }>(ask("/h/people?limit=100"));
    for (const { id } of people.filter(({ name }) => name.startsWith("Sibling")))
      await ask(`/h/people/${id}`, { method: "DELETE" });
  });

  it("measures τ on the gallery's own photos", async () => {
    interface Told {
      distance: string;
      threshold: number;
      own: { genuinePairs: number };
      model: { impostorPairs: number };
      suggestion: { from: string };
    }
    const asked = async (query: string): Promise<Told> => json<Told>(ask(`/g/calibration?wantedFmr=0.01&${query}`));
    for (const [query, distance, threshold] of [
      // As new nodes compare, with the model's τ of it.
      ["", "cohort", 0.355],
      ["threshold=-0.05", "cohort", -0.05],
      ["distance=cohort&threshold=0", "cohort", 0],
      ["distance=euclidean", "euclidean", 0.58],
      ["distance=euclidean&threshold=0.5", "euclidean", 0.5],
    ] as const) {
      const told = await asked(query);
      assert.deepEqual([told.distance, told.threshold, told.own.genuinePairs], [distance, threshold, 0], query);
      assert.deepEqual([told.suggestion.from, told.model.impostorPairs > 100_000], ["model", true], query);
    }
    for (const wrong of ["distance=euclidean&threshold=0", "distance=cosine", "threshold=much", "threshold=101"]) {
      assert.equal(await codeOf(await ask(`/g/calibration?${wrong}`)), "400 invalid", wrong);
    }
    assert.equal(await codeOf(await ask("/g/calibration?wantedFmr=2")), "400 invalid");
  });

  it("tries a gallery on its own photos", async () => {
    const tried = await json<{ threshold: number; margin: number; now: object; untested: number; pairs: unknown[] }>(
      ask("/g/trial"),
    );
    assert.deepEqual([tried.threshold, tried.margin, tried.pairs], [0.355, 0.02, []]);
    assert.equal((await json<{ threshold: number }>(ask("/g/trial?threshold=-0.1"))).threshold, -0.1);
    for (const wrong of ["margin=-1", "threshold=much"]) {
      assert.equal(await codeOf(await ask(`/g/trial?${wrong}`)), "400 invalid", wrong);
    }
  });

  it("tells what is deployed and how it does, for people and for Prometheus", async () => {
    const galleries = await json<{ id: string; error?: string; model: string | null; encrypted: boolean }[]>(
      ask("/galleries"),
    );
    assert.deepEqual(
      galleries.map(({ id, model }) => `${id} ${model}`),
      ["g dlib-resnet-v1", "h dlib-resnet-v1", "broken null"],
    );
    assert.match(galleries[2]?.error ?? "", /there is no model "facenet9000"/);
    assert.equal(await codeOf(await ask("/broken/people")), "503 gallery_failed");
    assert.deepEqual(await json(ask("/matchers")), [
      {
        id: "m",
        name: "Door",
        gallery: "g",
        distance: "euclidean",
        threshold: 0.6,
        wanted: null,
        decides: { threshold: 0.6, why: "τ 0.6 is fixed", wanted: null },
      },
    ]);
    assert.equal((await json<{ source: string; frames: number }[]>(ask("/stats")))[0]?.source, "photo");
    assert.match(
      await (await ask("/metrics")).text(),
      /^facenet_faces_total\{source="photo",outcome="unknown"\} \d+$/m,
    );
  });

  it("gives what a report about the package needs, with nobody's name or path in it", async () => {
    const text = await (await ask("/diagnosis")).text();
    const { galleries, cameras } = JSON.parse(text) as DiagnosisAnswer;
    assert.deepEqual(
      galleries.map(({ id, open, model }) => [id, open, model]),
      [
        ["g", true, "dlib-resnet-v1"],
        ["h", true, "dlib-resnet-v1"],
        ["broken", false, null],
      ],
    );
    assert.deepEqual(
      cameras.map(({ id, source, running }) => [id, source, running]),
      [
        ["c", "folder", true],
        ["stopped", "folder", false],
      ],
    );
    for (const secret of [userDir, tmpdir(), "Family", "Hall", "Alice"])
      assert.equal(text.includes(secret), false, secret);
  });

  it("embeds nothing of anybody in an answer", async () => {
    for (const path of [
      "/galleries",
      "/g/people",
      "/g/unknowns",
      "/g/anchors",
      "/g/corrections",
      "/g/events/recent",
      "/g/calibration",
      `/g/people/${(await json<{ people: { id: string }[] }>(ask("/g/people?search=Alice"))).people[0]?.id}`,
    ]) {
      const text = await (await ask(path)).text();
      assert.doesNotMatch(text, /vector|embedding"|fingerprint|landmarks/, path);
    }
    assert.doesNotMatch(await (await upload("/g/identify", alice)).text(), /vector|"embedding|landmarks/);
  });

  it("refuses pages of other sites, however they ask, and lets its own", async () => {
    const url = new URL(red.url);
    for (const headers of [
      { Origin: "https://evil.example" },
      { Origin: "null" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
    ] as Record<string, string>[]) {
      assert.equal(await codeOf(await ask("/g/people", { headers })), "403 other_site", JSON.stringify(headers));
      assert.equal(
        await codeOf(await post("/g/people", { name: "Evil" }, { headers: { ...JSON_TYPE, ...headers } })),
        "403 other_site",
      );
    }
    for (const headers of [
      { Origin: url.origin },
      { "Sec-Fetch-Site": "same-origin", Origin: "https://behind.a.proxy" },
      { "Sec-Fetch-Site": "none" },
    ] as Record<string, string>[])
      assert.equal((await ask("/g/people", { headers })).status, 200, JSON.stringify(headers));
  });

  it("refuses what a plain form could send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
      assert.equal(
        await codeOf(
          await ask("/g/people", { method: "POST", headers: { "Content-Type": type }, body: '{"name":"Evil"}' }),
        ),
        "415 content_type",
        type,
      );
    const zip = { "Content-Type": "application/zip" };
    for (const [path, headers] of [
      ["/g/people/0123456789ab/photos", JSON_TYPE],
      ["/g/people/0123456789ab/photos", zip],
      ["/g/identify", zip],
      ["/g/import", JPEG],
      ["/g/people", JPEG],
    ] as const)
      assert.equal((await ask(path, { method: "POST", headers, body: "{}" })).status, 415, path);
    assert.doesNotMatch(await (await ask("/g/people")).text(), /Evil/);
  });

  it("reads nothing by a path in a parameter", async () => {
    writeFileSync(join(userDir, "secret.jpg"), alice);
    const { people } = await json<{ people: { id: string }[] }>(ask("/g/people?search=Alice"));
    const { hostname, port } = new URL(red.url);
    for (const evil of [
      "..%2f..%2fsecret",
      "%2e%2e%2f%2e%2e%2fsecret.jpg",
      "..%5c..%5csecret",
      "%2e%2e",
      "%252e%252e%252fsecret",
      "%E0%A4%A",
      "%00",
      "x".repeat(5000),
      "__proto__",
      "constructor",
    ]) {
      for (const path of [
        `/${evil}/people`,
        `/g/people/${evil}`,
        `/g/people/${people[0]?.id}/photos/${evil}`,
        `/g/people/${evil}/photos/${evil}/thumbnail`,
        `/g/unknowns/${evil}/pictures/${evil}`,
        `/g/events/${evil}/picture`,
      ]) {
        // By hand: fetch tidies paths up.
        const answer = get({ host: hostname, port, path: API_ROOT + path, headers: { Authorization: "Bearer all" } });
        const [{ statusCode, headers }] = (await once(answer, "response", {
          signal: AbortSignal.timeout(120_000),
        })) as [IncomingMessage];
        answer.destroy();
        assert.ok(statusCode === 400 || statusCode === 404, `${statusCode} ${path.slice(0, 80)}`);
        assert.match(headers["content-type"] ?? "", /^(application\/json|text\/html);/);
      }
    }
    for (const index of ["-1", "1e9", "NaN", "0.5"])
      assert.equal((await ask(`/g/unknowns/0123456789ab/pictures/${index}`)).status, 404);
  });

  it("refuses malformed JSON and takes no prototype for a field", async () => {
    assert.equal((await ask("/g/people", { method: "POST", headers: JSON_TYPE, body: '{"name":' })).status, 400);
    assert.equal((await ask("/g/people", { method: "POST", headers: JSON_TYPE, body: "[]" })).status, 400);
    assert.equal(
      (await ask("/g/people", { method: "POST", headers: JSON_TYPE, body: '{"name":"P","__proto__":{"notes":"x"}}' }))
        .status,
      400,
    );
    assert.equal(({} as { notes?: string }).notes, undefined);
  });

  it(
    "refuses an upload that says it is too large, before it comes, and cuts one off that does not say so",
    { timeout: 60_000 },
    async () => {
      const { hostname, port } = new URL(red.url);
      const { people } = await json<{ people: { id: string }[] }>(ask("/g/people?search=Alice"));
      const head =
        `POST ${API_ROOT}/g/people/${people[0]?.id}/photos HTTP/1.1\r\nHost: ` +
        `${hostname}:${port}\r\nAuthorization: Bearer all\r\nContent-Type: image/jpeg\r\n`;
      const talk = (send: (write: (bytes: string | Buffer) => boolean) => void): Promise<string> =>
        new Promise((resolve) => {
          const socket = connect(Number(port), hostname, () => send((bytes) => socket.write(bytes)));
          let heard = "";
          socket.on("data", (chunk) => {
            heard += chunk.toString();
            if (heard.includes("}")) socket.destroy();
          });
          socket.on("error", () => undefined);
          socket.on("close", () => resolve(heard));
        });
      assert.match(await talk((write) => write(`${head}Content-Length: 9000000000\r\n\r\n`)), /^HTTP\/1\.1 413 /);
      const chunk = Buffer.alloc(4 * 1024 * 1024);
      const cut = await talk((write) => {
        write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
        for (let sent = 0; sent < 60 * 1024 * 1024; sent += chunk.length) {
          write(`${chunk.length.toString(16)}\r\n`);
          write(chunk);
          write("\r\n");
        }
      });
      assert.match(cut, /^HTTP\/1\.1 413 /);
      assert.equal((await ask("/g/people")).status, 200, "it works on");
    },
  );

  it("tells which network decides, measures what another one costs, changes to it and back", async () => {
    interface Network {
      key: string;
      change: { stage: string } | null;
      previous: { key: string } | null;
      offer: string | null;
    }
    const now = (): Promise<Network> => json(ask("/g/network"));
    const act = (body: object, user: User = "all"): Promise<Response> => post("/g/network", body, { user });
    const settled = (key: string): Promise<Network> =>
      eventually(key, async () => {
        const each = await now();
        return each.key === key && each.change === null ? each : undefined;
      });
    const { key, change, offer } = await now();
    assert.deepEqual([key, change, offer], ["dlib-resnet-v1", null, "mobilefacenet-192"]);
    const estimate = await json<{
      photos: number;
      seconds: number | null;
      leftBehind: { people: { name: string }[] };
      threshold: number;
    }>(ask("/g/network/estimate?network=mobilefacenet-192"));
    assert.ok(estimate.photos >= 1 && (estimate.seconds ?? 0) > 0 && estimate.threshold > 1);
    assert.deepEqual(estimate.leftBehind.people, []);
    for (const wrong of [
      "",
      "?network=",
      "?network=..%2F..%2Fetc%2Fpasswd",
      "?network=settings.json",
      "?network=%2Ftmp%2Fmodel.json",
      "?network=facenet9000",
    ])
      assert.equal((await ask(`/g/network/estimate${wrong}`)).status, 400, wrong);
    for (const wrong of [
      {},
      { do: "explode" },
      { do: "change" },
      { do: "change", network: "/etc/model.json" },
      { do: "change", network: "facenet9000" },
      { do: "undo" },
    ])
      assert.equal((await act(wrong)).status, 400, JSON.stringify(wrong));
    assert.equal((await act({ do: "change", network: "mobilefacenet-192" }, "reader")).status, 401);
    // One measures at a time.
    const several = await Promise.all(
      Array.from({ length: 4 }, () => ask("/g/network/estimate?network=mobilefacenet-192")),
    );
    assert.deepEqual(
      [...new Set(several.map(({ status }) => status))].filter((status) => status !== 503),
      [200],
    );
    await act({ do: "change", network: "mobilefacenet-192" });
    assert.equal((await settled("mobilefacenet-192")).previous?.key, "dlib-resnet-v1");
    assert.equal(
      (await json<{ galleries: object; id: string; model: string }[]>(ask("/galleries"))).find(({ id }) => id === "g")
        ?.model,
      "mobilefacenet-192",
    );
    assert.equal((await json<Network>(act({ do: "undo" }))).key, "dlib-resnet-v1");
    assert.equal((await json<Network>(act({ do: "keep" }))).previous, null);
    assert.equal((await json<Network>(act({ do: "dismiss" }))).offer, null);
  });

  it("is described by the OpenAPI file, each route of it and no other", async () => {
    const described = describeApi(routes);
    assert.deepEqual(await json(ask("/openapi.json")), JSON.parse(readFileSync(DOCUMENT, "utf8")));
    const { paths } = described as unknown as {
      paths: Record<
        string,
        Record<string, { operationId: string; parameters?: { name: string; in: string }[]; responses: object }>
      >;
    };
    const ids = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    assert.deepEqual([...new Set(ids)], ids, "programs are made from the description");
    assert.equal(paths[`${API_ROOT}/{gallery}/people/{person}`]?.["get"]?.operationId, "getPeopleByPerson");
    for (const [path, operations] of Object.entries(paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [], responses } of Object.values(operations)) {
        assert.deepEqual(
          parameters.filter((each) => each.in === "path").map(({ name }) => name),
          named,
          path,
        );
        assert.ok(Object.keys(responses).length >= 3);
      }
    }
  });

  const flows = (): Promise<{ flows: FlowNode[]; rev: string }> =>
    json(fetch(`${red.url}/flows`, { headers: { Authorization: "Bearer all", "Node-RED-API-Version": "v2" } }));
  const deploy = async (flow: object): Promise<void> => {
    assert.equal(
      (
        await fetch(`${red.url}/flows`, {
          method: "POST",
          headers: {
            Authorization: "Bearer all",
            ...JSON_TYPE,
            "Node-RED-API-Version": "v2",
            "Node-RED-Deployment-Type": "full",
          },
          body: JSON.stringify(flow),
        })
      ).status,
      200,
    );
  };

  it("ends the streams of a gallery that is deployed anew", async () => {
    const stream = await ask("/g/events");
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /^: welcome/);
    const ended = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read());
      return true;
    })();
    await deploy(await flows());
    assert.ok(await ended);
    const names = await eventually("the gallery again", async () => {
      const answer = await ask("/g/people");
      return answer.status === 200
        ? (await json<{ people: { name: string }[] }>(answer)).people.map(({ name }) => name)
        : undefined;
    });
    assert.ok(names.includes("Alice"), "and everybody is there");
  });

  it("answers requests whose gallery is removed meanwhile: 503, then 404", { timeout: 60_000 }, async () => {
    const deployed = await flows();
    const { people } = await json<{ people: { id: string }[] }>(ask("/g/people?search=Alice"));
    const { hostname, port } = new URL(red.url);
    const halves = ["identify", `people/${people[0]?.id}/photos`, `people/${people[0]?.id}/verify`].map((path) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST ${API_ROOT}/g/${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ` +
            `all\r\nConnection: close\r\nContent-Type: image/jpeg\r\nContent-Length: ${alice.length}\r\n\r\n`,
        );
        socket.write(alice.subarray(0, 1000));
      });
      let heard = "";
      socket.on("data", (chunk) => {
        heard += chunk.toString();
      });
      return {
        rest: () => socket.write(alice.subarray(1000)),
        answer: new Promise<string>((resolve) => {
          socket.on("close", () => resolve(heard));
        }),
      };
    });
    // Whatever was sent before is being read when this is answered.
    await ask("/galleries");
    const capture = post(`/g/people/${people[0]?.id}/capture`, { camera: "c", count: 5 });
    await eventually(
      "the camera at work",
      async () => (await json<{ running: boolean }[]>(ask("/cameras"))).some(({ running }) => running) || undefined,
    );
    await deploy({ flows: deployed.flows.filter(({ id }) => id !== "g" && id !== "m") });
    for (const { rest } of halves) rest();
    for (const { answer } of halves) assert.match(await answer, /^HTTP\/1\.1 503 .*"code":"gallery_closed"/s);
    assert.equal(await codeOf(await capture), "503 gallery_closed");
    assert.equal(await codeOf(await ask("/g/people")), "404 no_gallery");
    await deploy({ flows: deployed.flows });
    const again = await eventually("the gallery again", async () => {
      const answer = await ask(`/g/people/${people[0]?.id}`);
      return answer.status === 200 ? answer : undefined;
    });
    assert.equal((await json<{ photos: object[] }>(again)).photos.length, 1, "nothing was lost");
  });

  it("says of a gallery of this computer alone that it has no sites", async () => {
    for (const answer of [
      await ask("/g/sites"),
      await post("/g/sites/verify", {}),
      await ask("/g/sites/0123456789abcdef", { method: "DELETE" }),
    ]) {
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
      assert.match(await answer.text(), /this computer's alone/);
    }
  });

  it("was asked in these tests for everything it answers", () => {
    // What sites answer needs their database: test/postgres/three-node-reds.test.ts asks for all of it.
    assert.deepEqual(
      routes
        .filter((route) => !checked.has(route) && !sites.includes(route))
        .map(({ method, path }) => `${method} ${path}`),
      [],
    );
  });

  it("keeps what it was given to itself", { skip: process.platform === "win32" }, () => {
    mkdirSync(join(userDir, "facenet"), { recursive: true });
    assert.deepEqual(readdirSync(join(userDir, "facenet")).sort(), ["g", "gate", "h", "models"]);
    assert.doesNotMatch(red.log(), /Alice|Carol|Mallory|Gwen|Nora/, "no name is logged");
  });
});
