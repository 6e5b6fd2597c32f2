import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Node, NodeAPI, NodeDef } from "node-red";
import sharp from "sharp";
import type { Tail } from "../../lib/calibrate/tail";
import type { Normalisation } from "../../lib/embed/normalise";
import { Gallery } from "../../lib/gallery/gallery";
import { openStore } from "../../lib/people/lmdb/store";
import { cameraNames } from "../../lib/capture/names";
import { Journal } from "../../lib/observe/journal";
import { metrics } from "../../lib/observe/metrics";
import type { Face, FaceMessage, RejectReason } from "../../lib/message";
import type { MatchRule } from "../../api/host";
import faceMatch from "../../nodes/face-match/face-match";
import { helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";
import { eventually } from "../support/node-red";
import { pattern } from "../support/pattern";

const MODEL = "fake";
const box = { x: 0, y: 0, width: 40, height: 40 };

/** People by name, each with an embedding of two dimensions: "photos" are text, and a real picture is at (9, 9). */
let folder = "";
/** One stranger, straight up. */
const NORMALISATION: Normalisation = { rows: Float32Array.of(0, 1), dimensions: 2, mean: 1, threshold: 0.3 };
let normalisation: Normalisation | undefined;
/** FMR of one photo 10 ** (4 τ − 4), its bound twice that. */
const TAIL: Tail = {
  source: "a test",
  populations: [{ name: "all", people: 300, comparisons: 40_000 }],
  points: [
    { threshold: 0, fmr: 1e-4, high: 2e-4 },
    { threshold: 0.5, fmr: 1e-2, high: 2e-2 },
  ],
  templates: [
    { photos: 1, nearer: 0 },
    { photos: 2, nearer: 0.1 },
  ],
};
let tail: Tail | undefined;
let held: Promise<void> = Promise.resolve();
let galleries: Promise<Gallery>[] = [];

function fakeGallery(RED: NodeAPI): void {
  RED.nodes.registerType(
    "face-gallery",
    function register(this: Node & { gallery?: Promise<Gallery>; journal?: Journal }, def: NodeDef) {
      RED.nodes.createNode(this, def);
      const encode = async (bytes: Buffer): Promise<Face[]> => {
        await held;
        const text = bytes.toString("latin1");
        const embedding = /^[\d. ]+$/.test(text)
          ? Float32Array.from(text.split(" "), Number)
          : Float32Array.of(9 + pictures++, 9);
        return [{ box, score: 1, model: MODEL, embedding }];
      };
      let pictures = 0;
      const open = async (): Promise<Gallery> => {
        const store = await openStore({ folder: join(folder, "../people") });
        const gallery = new Gallery({
          folder,
          store,
          encoder: { model: MODEL, fingerprint: "f", threshold: 0.5, normalisation, tail, encode },
          interval: 50,
        });
        void gallery.start();
        return gallery;
      };
      this.journal = new Journal();
      this.gallery = open();
      galleries.push(this.gallery);
    },
  );
}

const face = (x: number, y: number, fields: Partial<Face> = {}): Face => ({
  box,
  score: 1,
  embedding: Float32Array.of(x, y),
  model: MODEL,
  ...fields,
});
const rejected = (reason: RejectReason): Face => ({ box, score: 1, rejected: reason });
const frame = (sequence: number, capturedAt = Date.now()) => ({
  source: "door",
  sequence,
  capturedAt,
  width: 640,
  height: 480,
});
const told = (message: FaceMessage): string[] =>
  (message.faces ?? []).map(({ identity }) => `${identity?.outcome} ${identity?.name} ${identity?.reason}`);

const OUTPUTS = ["match", "unknown", "noface", "people", "alarm"];

/** What the API reads of a node. */
interface Deciding {
  decidesBy?: MatchRule;
}

type Badge = { fill?: string; text?: string };
const statuses: Badge[] = [];
const warnings: string[] = [];
/** Words that were asked for, with what was put in. */
const said: [key: string, values: unknown][] = [];

/** The words of a test are their keys; what is put in is remembered. */
function withWords(register: (RED: NodeAPI) => void): (RED: NodeAPI) => void {
  return (RED) =>
    register(
      Object.assign(Object.create(RED) as NodeAPI, {
        _: (key: string, values?: Record<string, unknown>): string => {
          said.push([key, values]);
          return RED._(key);
        },
      }),
    );
}

async function load(
  fields: object = {},
  people: Record<string, string> = { Alice: "0 0", Bob: "1 0" },
): Promise<void> {
  folder = join(mkdtempSync(join(tmpdir(), "match-")), "photos");
  mkdirSync(folder);
  for (const [name, text] of Object.entries(people)) writeFileSync(join(folder, `${name}.jpg`), text);
  await helper.load(
    [fakeGallery, withWords(faceMatch)],
    [
      { id: "t", type: "tab" },
      { id: "g", type: "face-gallery", name: "" },
      {
        id: "m",
        z: "t",
        type: "face-match",
        name: "",
        gallery: "g",
        mode: "identify",
        wires: OUTPUTS.map((id) => [id]),
        ...fields,
      },
      ...OUTPUTS.map((id) => ({ id, z: "t", type: "helper" })),
    ],
  );
  for (const id of OUTPUTS)
    helper.getNode(id).on("input", (message) => {
      arrived[id] = message;
    });
  statuses.length = 0;
  warnings.length = 0;
  const node = helper.getNode("m") as unknown as {
    on(event: string, listener: (call: { args: [never] }) => void): void;
  };
  node.on("call:status", ({ args: [status] }) => void statuses.push(status));
  node.on("call:warn", ({ args: [warning] }) => void warnings.push(String(warning)));
}

const shown = (text: string, fill: string) =>
  eventually(`the status ${text}`, () =>
    statuses.some((status) => status.text === text && status.fill === fill) ? true : undefined,
  );

/** The gallery, once it knows everybody. */
async function started(): Promise<Gallery> {
  const gallery = await (galleries[0] as Promise<Gallery>);
  await gallery.start();
  return gallery;
}

/** What came since the last message was sent, by output. */
let arrived: Record<string, FaceMessage> = {};

/** The messages that come of one, by output: the node sends to all its outputs at once. */
async function outputsOf(message: FaceMessage): Promise<Record<string, FaceMessage>> {
  arrived = {};
  send("m", message);
  await eventually("a message", () => (Object.keys(arrived).length > 0 ? true : undefined));
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return arrived;
}

describe("face-match", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(async () => {
    held = Promise.resolve();
    await helper.unload();
    for (const gallery of galleries) await (await gallery).close();
    galleries = [];
  });

  it("sends only changes where it is told to, to the outputs of the faces that changed, and every photo", async () => {
    await load({ changes: true });
    const outputs: string[] = [];
    for (const id of OUTPUTS) helper.getNode(id).on("input", () => outputs.push(id));
    const decide = async (message: FaceMessage): Promise<string[]> => {
      outputs.length = 0;
      send("m", message);
      await eventually("a decision", () => (message.timing?.match === undefined ? undefined : true));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return [...outputs].toSorted();
    };
    const alice = { ...face(0, 0), track: 1 };
    const stranger = { ...face(5, 5), track: 2 };
    const begin = Date.now();
    assert.deepEqual(await decide({ faces: [alice], frame: frame(0, begin) }), ["match"]);
    assert.deepEqual(await decide({ faces: [alice], frame: frame(1, begin + 40) }), []);
    assert.deepEqual(await decide({ faces: [alice, stranger], frame: frame(2, begin + 80) }), ["unknown"]);
    assert.deepEqual(await decide({ faces: [alice, stranger], frame: frame(3, begin + 120) }), []);
    assert.deepEqual(await decide({ faces: [], frame: frame(4, begin + 160) }), []);
    assert.deepEqual(await decide({ faces: [], frame: frame(5, begin + 1200) }), ["noface"]);
    assert.deepEqual(await decide({ faces: [], frame: frame(6, begin + 1240) }), []);
    for (let photo = 0; photo < 2; photo += 1) assert.deepEqual(await decide({ faces: [alice] }), ["match"]);
  });

  it("counts two cameras of one name apart", async () => {
    await load();
    const cameras = ["a", "b"].map((id) => ({ id, shared: () => undefined }));
    for (const camera of cameras) cameraNames.add("hall", camera);
    try {
      for (const [sequence, camera] of (["a", "b", "b"] as const).entries()) {
        const answer = nextMessage("match");
        send("m", {
          payload: Buffer.from("picture"),
          frame: { ...frame(sequence), source: "hall", camera },
          faces: [face(0, 0)],
        });
        await answer;
      }
      const counted = metrics
        .sources(Date.now())
        .filter(({ source }) => source.startsWith("hall"))
        .map(({ source, frames }) => [source, frames]);
      assert.deepEqual(counted, [
        ["hall (a)", 1],
        ["hall (b)", 2],
      ]);
    } finally {
      for (const camera of cameras) cameraNames.remove("hall", camera);
    }
  });

  it("sends each picture to every output that applies, as messages of their own with all faces", async () => {
    await load();
    const faces = (): Face[] => [face(0, 0.25), face(5, 5), rejected("bad_alignment")];
    const got = await outputsOf({ faces: faces(), topic: "kept" });
    assert.deepEqual(Object.keys(got).sort(), ["match", "unknown"]);
    assert.notEqual(got["match"], got["unknown"]);
    for (const message of Object.values(got)) {
      assert.deepEqual(told(message), [
        "match Alice below_threshold",
        "unknown null above_threshold",
        "noface null bad_alignment",
      ]);
      assert.equal(message["topic"], "kept");
    }
  });

  it("sends an ambiguous face to the second output", async () => {
    await load({ threshold: "0.6" });
    const got = await outputsOf({ faces: [face(0.5, 0)] });
    assert.deepEqual(
      [Object.keys(got), told(got["unknown"] as FaceMessage)],
      [["unknown"], ["ambiguous null margin"]],
    );
  });

  it("raises no alarm for what is no face", async () => {
    await load();
    const nobody = await outputsOf({ faces: [] });
    const curtain = await outputsOf({ faces: [rejected("bad_alignment")] });
    assert.deepEqual([Object.keys(nobody), Object.keys(curtain)], [["noface"], ["noface"]]);
  });

  it("judges no face that the gate did not let through", async () => {
    await load();
    for (const reason of ["too_small", "blurry", "occluded", "too_dark"] as const) {
      const { unknown } = await outputsOf({ faces: [rejected(reason)] });
      assert.deepEqual(
        [unknown?.faces?.[0]?.identity?.distance, told(unknown as FaceMessage)],
        [null, [`unknown null ${reason}`]],
      );
    }
  });

  it("says in the badge that a face is covered or in the dark, in place of unknown", async () => {
    await load();
    for (const reason of ["occluded", "too_dark"] as const) {
      await outputsOf({ faces: [rejected(reason)] });
      await shown(`face-match.status.${reason}`, "grey");
    }
  });

  it("names as many candidates as asked for, nearest first", async () => {
    await load({ topK: "2" }, { Alice: "0 0", Bob: "1 0", Carol: "3 0" });
    const { match } = await outputsOf({ faces: [face(0.25, 0)] });
    assert.deepEqual(
      match?.faces?.[0]?.identity?.candidates.map(({ name, distance, euclidean, photo }) => [
        name,
        distance,
        euclidean,
        photo.length,
      ]),
      [
        ["Alice", 0.25, 0.25, 16],
        ["Bob", 0.75, 0.75, 16],
      ],
    );
  });

  it("compares as ever where an earlier version's flow does not say what with, and by d′ in a new node", async () => {
    const about = async (
      fields: object,
    ): Promise<[string | undefined, number | undefined, number | null | undefined]> => {
      arrived = {};
      await load(fields, {});
      normalisation = NORMALISATION;
      const gallery = await started();
      await gallery.enrol("Alice", Buffer.from("4 0"));
      const message = await outputsOf({ faces: [face(4.25, 0)] });
      await helper.unload();
      await gallery.close();
      galleries = [];
      const { outcome, threshold, distance } = Object.values(message)[0]?.faces?.[0]?.identity ?? {};
      return [outcome, threshold, distance];
    };
    try {
      normalisation = NORMALISATION;
      assert.deepEqual(await about({}), ["match", 0.5, 0.25], "Euclidean, the model's τ");
      assert.deepEqual(await about({ threshold: "0.2" }), ["unknown", 0.2, 0.25], "Euclidean, its own");
      assert.deepEqual(await about({ distance: "euclidean" }), ["match", 0.5, 0.25]);
      // Alone at its place: R of both is √2, the cohort's.
      const [outcome, threshold, distance] = await about({ distance: "cohort" });
      assert.deepEqual([outcome, threshold], ["match", 0.3]);
      assert.ok(Math.abs((distance ?? NaN) - (1 - Math.SQRT2)) < 1e-6, "both at length 1 are one");
    } finally {
      normalisation = undefined;
    }
  });

  describe("by how many strangers may get a name", () => {
    before(() => {
      [normalisation, tail] = [NORMALISATION, TAIL];
    });
    after(() => {
      [normalisation, tail] = [undefined, undefined];
    });

    const judged = async (message: object = {}): Promise<number | undefined> =>
      Object.values(await outputsOf({ faces: [face(0, 0.6)], ...message }))[0]?.faces?.[0]?.identity?.threshold;
    const now = () => (helper.getNode("m") as unknown as Deciding).decidesBy?.now();

    it("lets τ follow as people and photos come and go, and never loosens it for one who comes", async () => {
      await load({ distance: "cohort", wanted: "0.01" });
      const gallery = await started();
      // 1 − (1 − FMR)² = 0.01 at FMR 0.00501, by its bound: 2 × 10 ** (4 τ − 4).
      assert.equal(await judged(), 0.3497);
      await gallery.enrol("Carol", Buffer.from("0 3"));
      assert.equal(await judged(), 0.3058);
      await gallery.enrol({ name: "Carol", accept: ["unlike"] }, Buffer.from("3 3"));
      const more = await judged();
      assert.ok(more !== undefined && more < 0.3058, "one photo more");
      assert.deepEqual(
        [now()?.threshold, now()?.wanted?.people, now()?.wanted?.photos],
        [more, 3, { least: 1, most: 2 }],
      );
      await gallery.forget("Carol");
      assert.equal(await judged(), 0.3497);
      assert.match(
        now()?.why ?? "",
        pattern(
          /^1 in 100 strangers, 2 people by 1 photo: τ 0\.3497 \(expected 0\.5 %, upper 95 /,
          /% bound 1 %, from 40,000 comparisons of different people\)$/,
        ),
      );
    });

    it("says with which τ, while nobody comes", async () => {
      said.length = 0;
      await load({ distance: "cohort", wanted: "0.01" });
      await started();
      await shown("face-match.status.people", "grey");
      assert.ok(
        said.some(
          ([key, values]) =>
            key === "face-match.status.people" &&
            JSON.stringify(values) === JSON.stringify({ number: 2, threshold: "0.35" }),
        ),
        JSON.stringify(said),
      );
    });

    it("takes one person for verification, and τ of a message before its own", async () => {
      await load({ distance: "cohort", wanted: "0.01", mode: "verify", claim: "Alice", claimType: "str" });
      const gallery = await started();
      assert.equal(await judged(), 0.4247);
      assert.equal(await judged({ threshold: 0.2 }), 0.2);
      await gallery.enrol("Bob", Buffer.from("2 0"));
      assert.equal(await judged(), 0.4247, "Alice has one photo still");
      assert.equal(await judged({ claim: "Bob" }), 0.3247);
      assert.equal(now()?.threshold, 0.3247, "for whoever has most photos");
    });

    it("keeps a fixed τ where one is chosen, and in a flow of an earlier version", async () => {
      for (const [fields, threshold] of [
        [{ wanted: "fixed", threshold: "0.25" }, 0.25],
        [{ wanted: "fixed", threshold: "" }, 0.3],
        [{ threshold: "0.25" }, 0.25],
        [{ wanted: "" }, 0.3],
      ] as const) {
        await load({ distance: "cohort", ...fields });
        await started();
        assert.equal(await judged(), threshold, JSON.stringify(fields));
        assert.equal(now()?.wanted, null);
        await helper.unload();
        for (const gallery of galleries) await (await gallery).close();
        galleries = [];
      }
    });

    it("leaves τ of Euclidean distances alone", async () => {
      await load({ distance: "euclidean", wanted: "0.01", threshold: "0.45" });
      assert.equal(await judged(), 0.45);
    });

    it("says what is no share of strangers", async () => {
      for (const [wanted, why] of [
        ["few", /"few" is neither a share of strangers \(0\.01 is one in a hundred\) nor "fixed"/],
        ["0", /wanted: /],
        ["2", /wanted: /],
        ["${MANY}", /wanted: the variable MANY is not set/],
      ] as const) {
        await load({ distance: "cohort", wanted });
        const error = nextError("m");
        send("m", { faces: [face(0, 0)] });
        assert.match(await error, why);
        await helper.unload();
        for (const gallery of galleries) await (await gallery).close();
        galleries = [];
      }
    });
  });

  it("warns where strangers are wanted of a model whose d′ was never measured, and has its own τ", async () => {
    try {
      normalisation = NORMALISATION;
      await load({ distance: "cohort", wanted: "0.01" });
      await started();
      assert.equal(Object.values(await outputsOf({ faces: [face(0, 0.6)] }))[0]?.faces?.[0]?.identity?.threshold, 0.3);
      await eventually("the warning", () => (warnings.some((warning) => /no_tail/.test(warning)) ? true : undefined));
    } finally {
      normalisation = undefined;
    }
  });

  it("warns where it is to compare by d′ and the gallery's model has no cohort", async () => {
    await load({ distance: "cohort" });
    const { match } = await outputsOf({ faces: [face(0.25, 0)] });
    assert.equal(match?.faces?.[0]?.identity?.distance, 0.25);
    await eventually("the warning", () => (warnings.some((warning) => /no_cohort/.test(warning)) ? true : undefined));
  });

  it("takes τ from the message before its own, for this message alone, and says what is none", async () => {
    await load({ threshold: "0.5", margin: "0" });
    const judged = async (threshold: unknown): Promise<unknown[]> => {
      const got = await outputsOf({ faces: [face(0, 0.6)], threshold: threshold as number });
      return Object.entries(got).flatMap(([output, message]) => [output, message.faces?.[0]?.identity?.threshold]);
    };
    assert.deepEqual(await judged(0.7), ["match", 0.7]);
    assert.deepEqual(await judged("0.65"), ["match", 0.65]);
    for (const none of [undefined, null]) assert.deepEqual(await judged(none), ["unknown", 0.5]);
    for (const wrong of [0, -1, NaN, "", "strict", true, [0.7], { value: 0.7 }, 1000]) {
      const error = nextError("m");
      send("m", { faces: [face(0, 0.6)], threshold: wrong as number });
      assert.match(await error, /^face-match: msg\.threshold: /, JSON.stringify(wrong));
    }
  });

  it("takes τ from the gallery's model where the field is blank, and else from the field", async () => {
    await load({ threshold: "" });
    assert.deepEqual((await outputsOf({ faces: [face(0, 0.6)] }))["unknown"]?.faces?.[0]?.identity?.threshold, 0.5);
    await helper.unload();
    await load({ threshold: "0.7", margin: "0" });
    assert.deepEqual((await outputsOf({ faces: [face(0, 0.6)] }))["match"]?.faces?.[0]?.identity?.threshold, 0.7);
  });

  it("opens no door by a frame without a time, or by an old one", async () => {
    await load({ maxAge: "1000" });
    for (const capturedAt of [NaN, "yesterday"]) {
      const error = nextError("m");
      send("m", { faces: [face(0, 0)], frame: frame(1, capturedAt as number) });
      assert.match(await error, /msg\.frame is not a frame: capturedAt/);
    }
    assert.deepEqual(
      told((await outputsOf({ faces: [face(0, 0)], frame: frame(1, Date.now() - 5000) }))["unknown"] as FaceMessage),
      ["unknown null stale"],
    );
    assert.deepEqual(told((await outputsOf({ faces: [face(0, 0)], frame: frame(2) }))["match"] as FaceMessage), [
      "match Alice below_threshold",
    ]);
  });

  it("tells how long matching took, and no negative time since the frame, whatever the camera's clock", async () => {
    await load();
    const { match } = await outputsOf({
      faces: [face(0, 0)],
      frame: frame(1, Date.now() + 60_000),
      timing: { detect: 5 },
    });
    assert.deepEqual([match?.timing?.total, match?.timing?.detect], [0, 5]);
    assert.ok((match?.timing?.match as number) >= 0);
  });

  it("verifies the name in msg.claim before the configured one, which may come from the flow's context", async () => {
    await load({ mode: "verify", claim: "who", claimType: "flow", threshold: "0.8" });
    helper.getNode("m").context().flow.set("who", "Bob");
    assert.deepEqual(told((await outputsOf({ faces: [face(0.5, 0)] }))["match"] as FaceMessage), [
      "match Bob below_threshold",
    ]);
    assert.deepEqual(told((await outputsOf({ faces: [face(0.5, 0)], claim: " Alice " }))["match"] as FaceMessage), [
      "match Alice below_threshold",
    ]);
    assert.deepEqual(told((await outputsOf({ faces: [face(0.5, 0)], claim: "Mallory" }))["unknown"] as FaceMessage), [
      "unknown null not_enrolled",
    ]);
  });

  it("never drops an enrolment for a newer frame of the same camera", async () => {
    await load();
    const gallery = await started();
    const payload = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#777" } })
      .jpeg()
      .toBuffer();
    let release = (): void => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    const enrolled: FaceMessage[] = [];
    helper.getNode("people").on("input", (message) => void enrolled.push(message));
    for (const [sequence, name] of ["Carol", "Dora"].entries())
      send("m", { payload, enrol: { name }, frame: frame(sequence) });
    for (let sequence = 2; sequence < 9; sequence += 1) send("m", { faces: [face(0, 0)], frame: frame(sequence) });
    release();
    await eventually("both enrolments", () => (enrolled.length === 2 ? true : undefined));
    assert.deepEqual(
      enrolled.map((message) => (message["enrolled"] as { name: string }).name),
      ["Carol", "Dora"],
    );
    assert.deepEqual(
      gallery.people.map(({ name }) => name),
      ["Alice", "Bob", "Carol", "Dora"],
    );
  });

  it(
    "lets pass the wanted groups only, and raises the alarm for blocked people besides telling that they were " +
      "denied",
    async () => {
      await load({ groups: "staff, Family" });
      const gallery = await started();
      const id = gallery.listPeople({ search: "Alice" }).people[0]?.id ?? "";
      for (const [groups, outputs, why] of [
        [[], ["unknown"], "denied Alice not_in_group"],
        [["family"], ["match"], "match Alice below_threshold"],
        [["family", "blocked"], ["alarm", "unknown"], "denied Alice blocked"],
      ] as const) {
        await gallery.updatePerson(id, { groups: [...groups] });
        const got = await outputsOf({ faces: [face(0, 0)] });
        assert.deepEqual([Object.keys(got).sort(), told(Object.values(got)[0] as FaceMessage)], [outputs, [why]]);
      }
    },
  );

  it("says in its schedule's words when it is wrong", async () => {
    await load({ schedule: [{ days: [8], from: "08:00", to: "18:00" }] });
    const error = nextError("m");
    send("m", { faces: [] });
    assert.match(await error, /face-match: schedule/);
  });

  it("writes down when a person was seen", async () => {
    await load();
    const gallery = await started();
    const start = Date.now();
    await outputsOf({ faces: [face(0, 0)] });
    const [alice] = gallery.listPeople({ search: "Alice" }).people;
    assert.ok((alice?.lastSeenAt ?? 0) >= start);
  });

  it("does not guess between enrolling and forgetting", async () => {
    await load();
    const error = nextError("m");
    send("m", { payload: Buffer.from("0 0"), enrol: { name: "Alice" }, forget: { name: "Alice" } });
    assert.match(await error, /msg\.enrol and msg\.forget are both set/);
    assert.deepEqual((await started()).people, [
      { name: "Alice", photos: 1 },
      { name: "Bob", photos: 1 },
    ]);
  });

  it("takes enrol: null for no enrolment", async () => {
    await load();
    assert.deepEqual(Object.keys(await outputsOf({ faces: [face(0, 0)], enrol: null })), ["match"]);
  });

  it("calls nobody a stranger because their photo was not read yet", async () => {
    let release = (): void => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    await load();
    const got = outputsOf({ faces: [face(0, 0)] });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    release();
    assert.deepEqual(told((await got)["match"] as FaceMessage), ["match Alice below_threshold"]);
  });

  it("shows how many people there are, then who comes, and that the folder is away while it is", async () => {
    await load();
    await shown("face-match.status.people", "grey");
    await outputsOf({ faces: [face(0, 0.25)] });
    await shown("Alice 0.25", "green");
    renameSync(folder, `${folder}-away`);
    await shown("face-match.status.folder", "red");
    statuses.length = 0;
    await outputsOf({ faces: [face(0, 0.25)] });
    await shown("Alice 0.25", "green");
    renameSync(`${folder}-away`, folder);
    await shown("face-match.status.people", "grey");
  });

  it("warns once of embeddings of another model, and shows it in red", async () => {
    await load();
    for (let round = 0; round < 3; round += 1)
      assert.deepEqual(
        told((await outputsOf({ faces: [face(0, 0, { model: "sface" })] }))["unknown"] as FaceMessage),
        ["unknown null model_mismatch"],
      );
    await shown("face-match.status.model", "red");
    assert.deepEqual(warnings, [
      "the faces were embedded by another model than the gallery's (fake): choose the same one in " +
        "facenet-embed and in the gallery.",
    ]);
  });

  it("asks for a gallery where none is chosen, at each message", async () => {
    await load({ gallery: "" });
    const error = nextError("m");
    send("m", { faces: [] });
    assert.match(await error, /no gallery is chosen: open the node and pick a face-gallery/);
  });

  it("says which option is wrong", async () => {
    for (const [fields, why] of [
      [{ threshold: "-1" }, /face-match: threshold: /],
      [{ margin: "wide" }, /"wide" is not a number/],
      [{ topK: "0" }, /topK: /],
    ] as const) {
      await load(fields);
      const error = nextError("m");
      send("m", { faces: [] });
      assert.match(await error, why);
      await helper.unload();
    }
  });

  /** One frame of a followed face, embedded anew. */
  const followed = (sequence: number, track = 1, y = 0.49): FaceMessage => ({
    frame: frame(sequence, 1_000_000 + 100 * sequence),
    faces: [face(0, y, { track, look: 0, fused: sequence })],
  });

  it("decides each frame alone in a node of earlier times, and by the track where tracks vote", async () => {
    for (const [fields, first] of [
      [{}, "match Alice below_threshold"],
      [{ tracks: false }, "match Alice below_threshold"],
      [{ tracks: true }, "unknown null undecided"],
      [{ tracks: "true" }, "unknown null undecided"],
    ] as const) {
      await load(fields);
      await started();
      const outputs = await outputsOf(followed(1));
      const [message] = Object.values(outputs) as [FaceMessage];
      assert.deepEqual(told(message), [first], JSON.stringify(fields));
      for (let sequence = 2; sequence < 9; sequence += 1) await outputsOf(followed(sequence));
      const last = Object.values(await outputsOf(followed(9)))[0] as FaceMessage;
      assert.equal(told(last)[0]?.startsWith("match Alice"), true, JSON.stringify(fields));
      const { sure, frames } = last.faces?.[0]?.identity ?? {};
      assert.deepEqual(
        [frames, sure !== undefined && sure > 0.5 && sure < 1],
        first.startsWith("match") ? [undefined, false] : [9, true],
      );
      // A photo has no track to ask.
      assert.deepEqual(told(Object.values(await outputsOf({ faces: [face(0, 0.49)] }))[0] as FaceMessage), [
        "match Alice below_threshold",
      ]);
      await helper.unload();
      for (const gallery of galleries) await (await gallery).close();
      galleries = [];
    }
  });

  it("keeps nothing of a track once somebody is deleted", async () => {
    await load({ tracks: true });
    const gallery = await started();
    for (let sequence = 1; sequence < 10; sequence += 1) await outputsOf(followed(sequence));
    await gallery.forget({ name: "Bob" });
    assert.deepEqual(told(Object.values(await outputsOf(followed(10)))[0] as FaceMessage), ["unknown null undecided"]);
  });

  it("tells neither the journal nor the strangers of a track that is not sure yet", async () => {
    await load({ tracks: true });
    await started();
    const journal = (helper.getNode("g") as unknown as { journal: Journal }).journal;
    await outputsOf(followed(1));
    await shown("face-match.status.undecided", "grey");
    await outputsOf(followed(2, 2, 0.8));
    await eventually("an event", () => (journal.recent.length > 0 ? true : undefined));
    assert.deepEqual(
      journal.recent.map(({ reason, frames, sure }) => [reason, frames, sure !== undefined]),
      [["above_threshold", 2, true]],
    );
  });
});
