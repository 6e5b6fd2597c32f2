import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Deny, Grant } from "../../lib/grant";
import { type FaceMessage, messageSchema } from "../../lib/message";
import { sealOf } from "../../lib/presence/seal";
import type { Present } from "../../lib/visit";
import faceGallery, { type FaceGalleryNode } from "../../nodes/face-gallery/face-gallery";
import faceGate from "../../nodes/face-gate/face-gate";
import faceMatch from "../../nodes/face-match/face-match";
import facePresence from "../../nodes/face-presence/face-presence";
import { decided } from "../support/decided";
import { admin, helper, nextError, send, startServer, stopServer } from "../support/flow";
import { someone } from "../support/gate";
import { keepLoaded } from "../support/keep-loaded";
import { eventually } from "../support/node-red";
import { noMount, smallDisk } from "../support/small-disk";

const PIN = "274911";
const API = "/facenet/api/g/gates";

let userDir = "";
let alice = "";
let sequence = Date.now();
const told: FaceMessage[] = [];

/** "grant" or the reason of each deny so far. */
const said = (): string[] => told.map((message) => (message["grant"] === undefined ? reasonOf(message) : "grant"));
const reasonOf = (message: FaceMessage): string => (message["deny"] as Deny).reason;

async function load(fields: object = {}, others: object[] = []): Promise<void> {
  told.length = 0;
  helper.settings({ userDir });
  await helper.load(
    [faceGallery, facePresence, faceMatch, faceGate],
    [
      { id: "g", type: "face-gallery", name: "", model: "mobilefacenet-192" },
      {
        id: "n",
        type: "face-gate",
        name: "front door",
        gallery: "g",
        // A busy computer takes seconds to look at a PIN.
        freshness: "30",
        wires: [["grant"], ["deny"]],
        ...fields,
      },
      { id: "grant", type: "helper" },
      { id: "deny", type: "helper" },
      ...others,
    ],
  );
  for (const output of ["grant", "deny"]) helper.getNode(output).on("input", (message) => void told.push(message));
  const gallery = await (helper.getNode("g") as FaceGalleryNode).gallery;
  await gallery.loaded();
  alice = (gallery.listPeople({}).people[0] ?? (await gallery.createPerson({ name: "Alice", groups: ["staff"] }))).id;
}

async function ask(method: "get" | "post" | "delete", path: string, body?: object): Promise<Record<string, unknown>> {
  const request = admin()[method](`${API}${path}`);
  const answer =
    body === undefined
      ? await request
      : await request.set("Content-Type", "application/json").send(JSON.stringify(body));
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

const setPin = (value = PIN): Promise<unknown> => ask("post", `/n/people/${alice}/factors`, { kind: "pin", value });

function show(fields: Partial<Present> = {}): void {
  // As face-presence numbers what it tells: a gate that is deployed anew remembers the newest.
  sequence = Math.max(sequence + 1, Date.now());
  const present = someone(Date.now(), { person: alice, ...fields });
  const presence = { gallery: "g", at: Date.now(), sequence, here: [present] };
  send("n", { presence: { ...presence, seal: sealOf(presence) } });
}

const type = (value = PIN): void => send("n", { factor: { kind: "pin", value } } as unknown as FaceMessage);

/** What comes next. */
async function next(act: () => void): Promise<FaceMessage> {
  const number = told.length;
  act();
  return eventually("an answer", () => told[number]);
}

describe("face-gate", () => {
  keepLoaded();
  before(async () => {
    userDir = mkdtempSync(join(tmpdir(), "user-"));
    await startServer();
  });
  after(stopServer);
  afterEach(() => helper.unload());

  it("sends a grant for a known face with its PIN, never retained, and nothing of the PIN", async () => {
    await load({ pulse: "2" });
    await setPin();
    show();
    const message = await next(() => type());
    const grant = message["grant"] as Grant;
    assert.deepEqual([grant.name, grant.person, grant.gateName], ["Alice", alice, "front door"]);
    assert.equal(grant.until - grant.at, 2000);
    assert.deepEqual([message["retain"], message["qos"], message.payload], [false, 0, grant]);
    assert.ok(!JSON.stringify(message).includes(PIN));
    assert.equal(messageSchema.safeParse(message).error, undefined);
    assert.deepEqual(said(), ["grant"]);
  });

  it("says why not, as a code and as a sentence", async () => {
    await load();
    show();
    const message = await next(() => type("999999"));
    const deny = message["deny"] as Deny;
    assert.deepEqual([deny.reason, deny.text, deny.name], ["factor_wrong", "the second factor is wrong.", "Alice"]);
    assert.equal(messageSchema.safeParse(message).error, undefined);
    const unsealed = { gallery: "g", at: Date.now(), sequence: sequence + 1, here: [], seal: "forged" };
    assert.equal(reasonOf(await next(() => send("n", { presence: unsealed }))), "forged");
    const factor = { factor: { kind: "pin", value: PIN }, retain: true } as unknown as FaceMessage;
    assert.equal(reasonOf(await next(() => send("n", factor))), "factor_retained");
  });

  it("keeps PINs and failures over a deploy, and locks out", async () => {
    await load();
    for (let time = 0; time < 4; time += 1) {
      show();
      assert.equal(reasonOf(await next(() => type("999999"))), "factor_wrong");
    }
    await helper.unload();
    await load();
    show();
    assert.equal(reasonOf(await next(() => type())), "locked");
    const [gate] = (await ask("get", "")) as unknown as { failures: number; people: { failures: number }[] }[];
    assert.equal(gate?.failures, 5);
    await ask("post", "/n/reset", {});
    show();
    assert.deepEqual(Object.keys(await next(() => type())).includes("grant"), true);
  });

  it("takes what face-presence tells as it comes, and denies where that is another gallery's", async () => {
    await load({ freshness: "30" }, [
      { id: "p", type: "face-presence", name: "", gallery: "g", wires: [["n"], ["n"]] },
      { id: "g2", type: "face-gallery", name: "", model: "mobilefacenet-192" },
      { id: "p2", type: "face-presence", name: "", gallery: "g2", wires: [["n"], ["n"]] },
    ]);
    await setPin();
    let frames = 0;
    const see = (node: string): void => {
      frames += 1;
      const face = { ...decided("alice"), track: 1, identity: { ...decided("alice").identity, person: alice } };
      const frame = { source: "door", sequence: frames, capturedAt: Date.now(), width: 640, height: 480 };
      send(node, { faces: [face], frame } as FaceMessage);
    };
    assert.equal(reasonOf(await next(() => see("p2"))), "other_gallery");
    type();
    const come = setInterval(() => see("p"), 250);
    try {
      const granted = await eventually("a grant", () => told.find((message) => message["grant"] !== undefined));
      assert.equal((granted["grant"] as Grant).name, "Alice");
    } finally {
      clearInterval(come);
    }
  });

  it("denies where face-match compares Euclidean distances", async () => {
    await load({}, [{ id: "m", type: "face-match", name: "", gallery: "g", distance: "euclidean", wires: [] }]);
    show();
    assert.equal(reasonOf(await next(() => type())), "not_normalised");
  });

  it("denies while the gallery cannot be opened", async () => {
    helper.settings({ userDir });
    told.length = 0;
    await helper.load(
      [faceGallery, faceGate],
      [
        { id: "g", type: "face-gallery", name: "", model: "no-such-model" },
        { id: "n", type: "face-gate", name: "", gallery: "g", wires: [["grant"], ["deny"]] },
        { id: "grant", type: "helper" },
        { id: "deny", type: "helper" },
      ],
    );
    helper.getNode("deny").on("input", (message) => void told.push(message));
    show();
    assert.equal(reasonOf(await next(() => type())), "gallery_closed");
  });

  it("shares the factors of its gallery's other gates, and in a flow of before has its own", async () => {
    const gate = (id: string, fields: object): object => ({
      id,
      type: "face-gate",
      name: "",
      gallery: "g",
      ...fields,
    });
    const others = [gate("back", { version: 2, shared: true }), gate("old", {}), gate("new", { version: 2 })];
    await load({ version: 2, shared: true }, others);
    await setPin();
    const gates = (await ask("get", "")) as unknown as {
      id: string;
      shared: boolean;
      people: { kinds: string[] }[];
    }[];
    assert.deepEqual(
      gates.map(({ id, shared, people }) => [id, shared, people.map(({ kinds }) => kinds)]),
      [
        ["n", true, [["pin"]]],
        ["back", true, [["pin"]]],
        ["old", false, []],
        ["new", true, [["pin"]]],
      ],
    );
    show();
    await next(() => type());
    assert.deepEqual(said(), ["grant"]);
  });

  it("says what is wrong with a message or the form, and works on", async () => {
    await load();
    const refusal = async (message: object): Promise<string> => {
      const error = nextError("n");
      send("n", message as FaceMessage);
      return error;
    };
    assert.match(await refusal({ payload: "open" }), /^front door: the message has none of what this gate/);
    const wrong = await refusal({ factor: { kind: "pin", value: 4711 } });
    assert.match(wrong, /^front door: msg\.factor: value/);
    assert.ok(!wrong.includes("4711"));
    assert.match(await refusal({ presence: { gallery: "g" } }), /^front door: msg\.presence: /);
    await helper.unload();
    await load({ pulse: "61", id: "n" });
    assert.match(await refusal({ factor: PIN }), /face-gate: pulse/);
  });

  it("tells the log with who it was, as JSON and for a spreadsheet, and that it holds", async () => {
    await load();
    const rows = (await ask("get", "/n/log?limit=100")) as unknown as {
      kind: string;
      known: { name: string | null } | null;
      sequence: number;
      hash: string;
    }[];
    const granted = rows.find(({ kind }) => kind === "grant");
    assert.equal(granted?.known?.name, "Alice");
    const found = await ask("get", `/n/verify?sequence=${granted?.sequence}&hash=${granted?.hash}`);
    assert.deepEqual([found["ok"], found["broken"]], [true, null]);
    const wrong = await ask("get", `/n/verify?sequence=${granted?.sequence}&hash=${"0".repeat(64)}`);
    assert.deepEqual(wrong["broken"], { sequence: granted?.sequence, fault: "head" });
    const csv = await admin().get(`${API}/n/log.csv`);
    assert.match(csv.text, /^\uFEFFsequence,time,kind,reason,factor,person,name,/);
    assert.equal(csv.text.trim().split("\r\n").length, rows.length + 1);
    await assert.rejects(ask("get", "/nobody/log"), /^Error: 404 /);
    await assert.rejects(ask("post", `/n/people/${alice}/factors`, { kind: "pin", value: "1234" }), /^Error: 400 /);
    await assert.rejects(ask("post", "/n/people/ffffffffffff/codes", {}), /^Error: 404 /);
  });

  it(
    "lets nobody in while its disk is full, says so at once, and opens by itself once there is room",
    { skip: noMount() },
    async () => {
      const roomy = userDir;
      userDir = mkdtempSync(join(tmpdir(), "full-"));
      const folder = join(userDir, "facenet/n");
      mkdirSync(folder, { recursive: true });
      const disk = smallDisk(1, folder);
      try {
        disk.fill();
        await load();
        const error = nextError("n");
        type();
        assert.match(await error, /lets nobody in: the disk is full \(ENOSPC/);
        await assert.rejects(ask("get", "/n/log"), /^Error: 507 .*the disk is full/);
        assert.deepEqual([await ask("get", ""), said()], [[], []]);
        disk.empty();
        await eventually("the gate is open", async () => {
          const gates = (await ask("get", "")) as unknown as object[];
          return gates.length === 1 ? true : undefined;
        });
        await setPin();
        show();
        await next(() => type());
        assert.deepEqual(said(), ["grant"]);
      } finally {
        await helper.unload();
        disk.unmount();
        userDir = roomy;
      }
    },
  );

  it("forgets who was deleted while it was not deployed", async () => {
    await load();
    await setPin();
    show();
    await next(() => type());
    await helper.unload();
    helper.settings({ userDir });
    await helper.load([faceGallery], [{ id: "g", type: "face-gallery", name: "", model: "mobilefacenet-192" }]);
    const gallery = await (helper.getNode("g") as FaceGalleryNode).gallery;
    await gallery.loaded();
    const deleted = alice;
    await gallery.forget({ id: deleted });
    await helper.unload();
    await load();
    await eventually("nobody is left", async () => {
      const [gate] = (await ask("get", "")) as unknown as { people: object[] }[];
      return gate?.people.length === 0 ? true : undefined;
    });
    const rows = (await ask("get", "/n/log?limit=500")) as unknown as { known: { person: string } | null }[];
    assert.deepEqual(
      rows.filter(({ known }) => known?.person === deleted),
      [],
    );
    assert.equal((await ask("get", "/n/verify"))["ok"], true);
  });

  it("forgets a person with the gallery", async () => {
    await load();
    const gallery = await (helper.getNode("g") as FaceGalleryNode).gallery;
    await gallery.forget({ name: "Alice" });
    await eventually("nobody is left", async () => {
      const [gate] = (await ask("get", "")) as unknown as { people: object[] }[];
      return gate?.people.length === 0 ? true : undefined;
    });
    const rows = (await ask("get", "/n/log?limit=500")) as unknown as { known: object | null }[];
    assert.ok(rows.every(({ known }) => known === null));
    assert.equal((await ask("get", "/n/verify"))["ok"], true);
  });
});
