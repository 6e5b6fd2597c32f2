/**
 * The HTTP API of a real Node-RED with passwords: logins, requests at once, photos that tell too much, bodies and zips
 * that nobody should send.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { routes } from "../../api/api";
import { API_ROOT } from "../../api/routes";
import { fetchApi } from "../support/api";
import { type FlowNode, linkedUserDir, NODE_RED, type NodeRed, startNodeRed } from "../support/node-red";
import { groupPhoto, portrait } from "../support/photos";

const { hashSync } = createRequire(join(NODE_RED, "package.json"))("bcryptjs") as {
  hashSync: (password: string, rounds: number) => string;
};
const USERS = { owner: "*", guard: ["facenet.read"], viewer: "read" } as const;
const PASSWORD = "correct horse";
/** The fewest rounds there are: this is no secret. */
const LOGINS = Object.entries(USERS).map(([username, permissions]) => ({
  username,
  password: hashSync(PASSWORD, 4),
  permissions,
}));
const SETTINGS = `adminAuth: { type: "credentials", users: ${JSON.stringify(LOGINS)} },`;

const JPEG = "image/jpeg";
const JSON_TYPE = "application/json";
const ZIP = "application/zip";

interface Page {
  total: number;
  people: { id: string; name: string; photos: number }[];
}

/** In ascending order: which of several comes first is open. */
function statuses(answers: readonly Response[]): number[] {
  return answers.map(({ status }) => status).sort((a, b) => a - b);
}

/** Every file below a folder, as bytes. */
function filesIn(folder: string): { name: string; bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [{ name: entry.name, bytes: readFileSync(join(entry.parentPath, entry.name)) }] : [],
  );
}

describe("the HTTP API, asked by people who mean no good", () => {
  let red: NodeRed;
  let userDir: string;
  let token: string;
  let alice: Buffer;

  before(async () => {
    alice = await portrait("green");
    userDir = linkedUserDir();
    const flow: FlowNode[] = [
      { id: "z", type: "tab", label: "api" },
      { id: "g", type: "face-gallery", name: "Family", folder: "", model: "dlib-resnet-v1" },
      {
        id: "c",
        type: "facewire-camera",
        z: "z",
        x: 1,
        y: 1,
        name: "Hall",
        source: "folder",
        path: mkdtempSync(join(tmpdir(), "camera-")),
        fps: "1",
        loop: true,
        autostart: false,
        output: "jpeg",
        wires: [[], []],
      },
      {
        id: "b",
        type: "facewire-camera",
        z: "z",
        x: 1,
        y: 1,
        name: "Phone",
        source: "browser",
        autostart: true,
        output: "jpeg",
        wires: [[], []],
      },
      {
        id: "m",
        type: "face-match",
        z: "z",
        x: 1,
        y: 1,
        name: "Door",
        gallery: "g",
        mode: "identify",
        threshold: "0.6",
        wires: [[], [], [], [], []],
      },
      { id: "gate", type: "face-gate", z: "z", x: 1, y: 1, name: "Front door", gallery: "g", wires: [[], []] },
      { id: "book", type: "face-attendance", z: "z", x: 1, y: 1, name: "Hours", gallery: "g", wires: [[], []] },
    ];
    red = await startNodeRed(flow, { userDir, settings: SETTINGS });
    token = await login("owner");
  });
  after(() => red.stop());

  const auth = (path: string, fields: Record<string, string>, bearer?: string): Promise<Response> =>
    fetch(`${red.url}/auth/${path}`, {
      method: "POST",
      headers: { "Content-Type": JSON_TYPE, ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(fields),
    });
  const grant = (username: string, password: string, scope: string): Promise<Response> =>
    auth("token", { client_id: "node-red-admin", grant_type: "password", scope, username, password });
  const login = async (username: string, scope = ""): Promise<string> =>
    ((await (await grant(username, PASSWORD, scope)).json()) as { access_token: string }).access_token;

  const ask = (
    path: string,
    {
      method = "GET",
      type,
      body,
      bearer = token,
    }: { method?: string; type?: string; body?: string | Uint8Array; bearer?: string } = {},
  ): Promise<Response> =>
    fetchApi(`${red.url}${API_ROOT}${path}`, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, ...(type === undefined ? {} : { "Content-Type": type }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
    });
  const post = (path: string, value: unknown): Promise<Response> =>
    ask(path, { method: "POST", type: JSON_TYPE, body: JSON.stringify(value) });
  const upload = (path: string, body: Uint8Array): Promise<Response> =>
    ask(path, { method: "POST", type: JPEG, body });
  const json = async <T>(answer: Response | Promise<Response>): Promise<T> => (await answer).json() as Promise<T>;
  const codeOf = async (answer: Response): Promise<string> =>
    `${answer.status} ${((await answer.json()) as { code: string }).code}`;
  const create = async (name: string): Promise<string> => (await json<{ id: string }>(post("/g/people", { name }))).id;
  const forget = (id: string): Promise<Response> => ask(`/g/people/${id}`, { method: "DELETE" });
  const page = (query = ""): Promise<Page> => json(ask(`/g/people?${query}`));
  const everybody = async (): Promise<string[]> =>
    (await page()).people.map(({ name, photos }) => `${name} ${photos}`);

  it("takes a browser camera's picture only from those who may change something", async () => {
    const send = async (bearer?: string): Promise<number> =>
      (
        await fetch(`${red.url}/facenet/camera/b/frame`, {
          method: "POST",
          headers: { "Content-Type": JPEG, ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }) },
          body: new Uint8Array(alice),
        })
      ).status;
    assert.deepEqual(
      [await send(), await send(await login("guard")), await send(await login("viewer")), await send(token)],
      [401, 401, 401, 204],
    );
  });

  it("lets in by password alone, for as much as the login asked for, until it is revoked", async () => {
    assert.equal((await grant("owner", "wrong", "*")).status, 403);
    for (const bearer of ["undefined", "owner", token.slice(1)])
      assert.equal((await ask("/g/people", { bearer })).status, 401);
    const reading = await login("owner", "facenet.read");
    assert.deepEqual(
      [
        (await ask("/g/people", { bearer: reading })).status,
        (await ask("/g/people", { method: "POST", type: JSON_TYPE, body: '{"name":"x"}', bearer: reading })).status,
      ],
      [200, 401],
      "the owner asked for reading only",
    );
    const greedy = await login("guard", "facenet.read facenet.write");
    assert.deepEqual(
      [greedy, (await ask("/g/export", { bearer: await login("guard", "facenet.read") })).status],
      [undefined, 401],
      "a guard may not ask for more, nor take everybody home",
    );
    assert.equal((await auth("revoke", { token: reading }, token)).status, 200);
    assert.equal((await ask("/g/people", { bearer: reading })).status, 401);
  });

  it("keeps one of several of a name or of a photo, and nothing of whom is deleted meanwhile", async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => post("/g/people", { name: "Alice" })));
    assert.deepEqual(statuses(made), [201, ...Array.from({ length: 9 }, () => 409)]);
    const [one] = (await page()).people;
    const id = String(one?.id);
    const kept = await Promise.all(Array.from({ length: 3 }, () => upload(`/g/people/${id}/photos`, alice)));
    assert.deepEqual(statuses(kept), [201, 422, 422]);
    assert.deepEqual(await everybody(), ["Alice 1"]);
    const another = await sharp(alice).flop().jpeg().toBuffer();
    const [late, ...gone] = await Promise.all([upload(`/g/people/${id}/photos`, another), forget(id), forget(id)]);
    assert.ok(late.status === 201 || late.status === 404, String(late.status));
    assert.deepEqual(statuses(gone), [200, 404], "one receipt");
    assert.deepEqual(
      [
        await everybody(),
        (await json<{ photos: number; embeddings: number }[]>(ask("/galleries"))).map(
          ({ photos, embeddings }) => photos + embeddings,
        ),
      ],
      [[], [0]],
    );
  });

  it("keeps of a photo neither where nor by whom it was taken", async () => {
    const id = await create("Alice");
    const { width, height } = await sharp(alice).metadata();
    const telling = await sharp(alice)
      .extract({ left: 0, top: 0, width: width - 20, height })
      .rotate(270)
      .withExif({
        IFD0: { Artist: "taken by her stalker" },
        IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" },
      })
      .withXmp(
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">taken by her ' +
          'stalker</x:xmpmeta><?xpacket end="w"?>',
      )
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    assert.ok(telling.includes("taken by her stalker"));
    const { photo } = await json<{ photo: { id: string } }>(upload(`/g/people/${id}/photos`, telling));
    const picture = Buffer.from(await (await ask(`/g/people/${id}/photos/${photo.id}`)).arrayBuffer());
    const thumbnail = Buffer.from(await (await ask(`/g/people/${id}/photos/${photo.id}/thumbnail`)).arrayBuffer());
    for (const bytes of [picture, thumbnail]) {
      const { exif, xmp, iptc, orientation, comments } = await sharp(bytes).metadata();
      assert.deepEqual(
        [exif, xmp, iptc, orientation, comments],
        [undefined, undefined, undefined, undefined, undefined],
      );
    }
    const shown = await sharp(picture).metadata();
    assert.deepEqual([shown.width, shown.height], [width - 20, height], "upright");
    const files = filesIn(join(userDir, "facenet", "g"));
    assert.ok(
      files.some(({ bytes }) => bytes.includes(picture)),
      "what is on disk is what is shown",
    );
    assert.deepEqual(
      files.filter(({ bytes }) => bytes.includes("stalker")).map(({ name }) => name),
      [],
    );
    await forget(id);
  });

  it("keeps no photo that nobody can use, whatever is accepted", async () => {
    const id = await create("Alice");
    const empty = await sharp({ create: { width: 300, height: 300, channels: 3, background: "#888" } })
      .jpeg()
      .toBuffer();
    const all = "no_face,several_faces,near_duplicate,too_small,blurry,resembles,unlike";
    for (const [picture, code] of [
      [empty, "no_face"],
      [groupPhoto(6), "several_faces"],
    ] as const) {
      const answer = await upload(`/g/people/${id}/photos?accept=${all}`, picture);
      const { judgement } = await json<{
        judgement: { verdict: string; accepted: string[]; findings: { code: string }[] };
      }>(answer);
      assert.deepEqual(
        [answer.status, judgement.verdict, judgement.accepted, judgement.findings.map((each) => each.code)],
        [422, "refuse", [], [code]],
      );
    }
    assert.equal((await upload(`/g/people/${id}/photos`, alice)).status, 201);
    assert.equal((await upload(`/g/people/${id}/photos?accept=${all}`, alice)).status, 422);
    assert.deepEqual(await everybody(), ["Alice 1"]);
    await forget(id);
  });

  /** A route's path with the gallery, the gate and the attendance book that are here. */
  const there = (path: string): string =>
    path.replace(":gallery", "g").replace(":gate", "gate").replace(":book", "book");

  it("refuses every body with a field too many, of a wrong kind, much too deep or much too long", async () => {
    const bodies = [
      "[]",
      '"text"',
      "7",
      "null",
      "true",
      '{"evil":1}',
      '{"name":7}',
      '{"name":"x","groups":[[]]}',
      '{"camera":["c"]}',
      '{"paused":"yes"}',
      `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `{"name":"x","notes":"${"n".repeat(200_000)}"}`,
      `{"name":"x","accept":"${"n".repeat(200_000)}"}`,
    ];
    const id = await create("Alice");
    const writing = routes.filter(({ body }) => body !== undefined && typeof body !== "string");
    assert.ok(writing.length >= 6);
    for (const { method, path } of writing) {
      const address = there(path).replace(":person", id).replace(/:\w+/g, "0123456789ab");
      for (const body of bodies) {
        const answer = await ask(address, { method: method.toUpperCase(), type: JSON_TYPE, body });
        assert.equal(answer.status, 400, `${method} ${address} ${body.slice(0, 40)}`);
        // Node-RED itself answers to what is neither an object nor an array.
        if (answer.headers.get("content-type")?.startsWith(JSON_TYPE))
          assert.equal((await json<{ code: string }>(answer)).code, "invalid");
      }
    }
    assert.deepEqual(await everybody(), ["Alice 0"]);
    await forget(id);
  });

  it("takes each parameter once, as what it is", async () => {
    for (const query of [
      "limit=1&limit=2",
      "limit=0",
      "limit=all",
      "offset=-1",
      "offset=1.5",
      "search[a]=1",
      "search=a&search=b",
      "group[]=x",
      "sort=evil",
      `search=${"x".repeat(300)}`,
    ])
      assert.equal(await codeOf(await ask(`/g/people?${query}`)), "400 invalid", query);
    const id = await create("Alice");
    for (const query of ["accept=blurry&accept=resembles", "accept[0]=resembles", `accept=${"x".repeat(600)}`])
      assert.equal(await codeOf(await upload(`/g/people/${id}/photos?${query}`, alice)), "400 invalid", query);
    await forget(id);
  });

  it("finds no gallery in other nodes, and answers no other method", async () => {
    for (const other of ["c", "m", "z", "nothing", "galleries"])
      assert.equal(await codeOf(await ask(`/${other}/people`)), "404 no_gallery", other);
    for (const [method, path] of [
      ["PUT", "/g/people"],
      ["DELETE", "/g/people"],
      ["PATCH", "/g/people"],
      ["POST", "/galleries"],
      ["DELETE", "/g/export"],
    ] as const)
      assert.equal(
        (await ask(path, { method, type: JSON_TYPE, ...(method === "DELETE" ? {} : { body: "{}" }) })).status,
        404,
        `${method} ${path}`,
      );
    const head = await ask("/g/people", { method: "HEAD" });
    assert.deepEqual(
      [head.status, await head.text(), (await ask("/g/people", { method: "HEAD", bearer: "wrong" })).status],
      [200, "", 401],
    );
    assert.equal(
      (await ask("/g/events", { method: "HEAD" })).headers.get("content-type"),
      "text/event-stream; charset=utf-8",
    );
  });

  /** What the routes that want a body take, by the end of their path. */
  const BODIES: Readonly<Record<string, string>> = {
    capture: '{"camera":"c"}',
    name: '{"name":"x"}',
    is: '{"name":"x"}',
    merge: '{"into":"0123456789ac"}',
    move: '{"photos":["0123456789abcdef"],"to":{"name":"x"}}',
    delete: '{"photos":["0123456789abcdef"]}',
    factors: '{"kind":"pin","value":"274911"}',
    ":id": '{"removed":true,"why":"a mistake"}',
  };

  it("answers 404 to every address that names nobody", async () => {
    const elsewhere = (path: string): string => path.replace(":gallery", "g");
    const asked = [elsewhere, there].flatMap((deployed) =>
      routes.flatMap((route) => {
        const path = deployed(route.path).replace(":index", "0");
        return /:(gate|book|day|month|id|sequence|person|photo|unknown|anchor|correction|event|visit)/.test(path)
          ? [{ ...route, path }]
          : [];
      }),
    );
    assert.ok(asked.length >= 50);
    for (const { method, path, body } of asked) {
      const type = typeof body === "string" ? JPEG : JSON_TYPE;
      const sent =
        typeof body === "string"
          ? alice
          : body === undefined
            ? undefined
            : (BODIES[path.split("/").at(-1) ?? ""] ?? "{}");
      const answer = await ask(path.replace(/:\w+/g, "0123456789ab"), {
        method: method.toUpperCase(),
        type,
        ...(sent === undefined ? {} : { body: sent }),
      });
      assert.equal(answer.status, 404, `${method} ${path}`);
      const { error, code } = await json<{ error: string; code: string }>(answer);
      assert.match(`${code}: ${error}`, /^(not_found|no_picture): \S.+\.$/);
    }
  });

  it("gives each of many people once, on pages, in every order", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 25; index += 1) ids.push(await create(`Member ${index}`));
    for (const sort of ["name", "added", "lastSeen"]) {
      const pages = await Promise.all([0, 10, 20, 30].map((offset) => page(`limit=10&offset=${offset}&sort=${sort}`)));
      assert.deepEqual(
        pages.map(({ total, people }) => `${people.length} of ${total}`),
        ["10 of 25", "10 of 25", "5 of 25", "0 of 25"],
      );
      assert.deepEqual(pages.flatMap(({ people }) => people.map(({ id }) => id)).sort(), [...ids].sort());
    }
    assert.deepEqual(
      (await page("limit=3")).people.map(({ name }) => name),
      ["Member 0", "Member 1", "Member 2"],
    );
    assert.deepEqual(
      (await page("search=MEMBER%202&limit=1000")).people.map(({ name }) => name),
      ["Member 2", "Member 20", "Member 21", "Member 22", "Member 23", "Member 24"],
    );
    for (const id of ids) await forget(id);
  });

  it("imports a whole export or nothing, and writes nowhere else", async () => {
    const id = await create("Alice");
    await upload(`/g/people/${id}/photos`, alice);
    const zip = Buffer.from(await (await ask("/g/export")).arrayBuffer());
    await forget(id);
    const renamed = (to: string): Buffer =>
      Buffer.from(zip.toString("latin1").replaceAll("gallery.json", to), "latin1");
    const wrong: [string, Buffer][] = [
      ["a path out of it", renamed("../../x.json")],
      ["a path from the root", renamed("/tmp/xx.json")],
      ["another file", renamed("evil-js.html")],
      ["half of it", zip.subarray(0, zip.length / 2)],
      [
        "a byte changed in a picture",
        Buffer.concat([
          zip.subarray(0, zip.length / 2),
          Buffer.of((zip[(zip.length / 2) | 0] ?? 0) ^ 1),
          zip.subarray(((zip.length / 2) | 0) + 1),
        ]),
      ],
      ["nothing", Buffer.alloc(0)],
      ["a picture", alice],
    ];
    // Not node_modules: it links to the package itself, and some Node.js follow links.
    const own = readdirSync(userDir).filter((name) => name !== "node_modules");
    const names = (): string[] => [
      ...own
        .flatMap((name) =>
          statSync(join(userDir, name)).isDirectory() ? filesIn(join(userDir, name)).map((file) => file.name) : [],
        )
        .filter((name) => /^(x|xx)\.json$|^import-|\.html$/.test(name)),
      ...[userDir, tmpdir(), "/tmp"]
        .flatMap((folder) => readdirSync(folder))
        .filter((name) => /^(x|xx)\.json$/.test(name)),
    ];
    for (const [what, body] of wrong) {
      const answer = await ask("/g/import", { method: "POST", type: ZIP, body });
      assert.equal(answer.status, 400, what);
      assert.match((await json<{ error: string }>(answer)).error, /nothing was imported\b/, what);
      assert.deepEqual([await everybody(), names()], [[], []], what);
    }
    assert.deepEqual(await json(ask("/g/import", { method: "POST", type: ZIP, body: zip })), {
      people: 1,
      photos: 1,
      skipped: 0,
    });
    const twice = await Promise.all(
      [1, 2].map(async () => json(ask("/g/import", { method: "POST", type: ZIP, body: zip }))),
    );
    assert.deepEqual(
      twice,
      Array.from({ length: 2 }, () => ({ people: 0, photos: 0, skipped: 1 })),
    );
    assert.deepEqual(await everybody(), ["Alice 1"]);
  });

  it("works on, and has logged neither names nor passwords nor mistakes of the program", async () => {
    assert.equal((await ask("/g/people")).status, 200);
    assert.doesNotMatch(red.log(), /Alice|Member|stalker|correct horse|a mistake of the program/);
  });
});
