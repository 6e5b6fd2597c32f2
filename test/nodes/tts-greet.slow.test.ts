import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Face, FaceMessage, Frame, Outcome } from "../../lib/message";
import { wavDuration } from "../../lib/speech/wav";
import ttsGreet from "../../nodes/tts-greet/tts-greet";
import { restorePath, runs, until, withPrograms } from "../support/programs";
import { noMount, smallDisk } from "../support/small-disk";
import type { Visit } from "../../lib/visit";
import { visitOf } from "../support/visits";
import { admin, helper, nextError, nextMessage, send, startServer, stopServer } from "../support/flow";

let visits = 0;
const FEW = 5;
type Told = Partial<Visit> & { retain?: boolean };

const face = (name: string | null, outcome: Outcome = "match"): Face => ({
  box: { x: 0, y: 0, width: 9, height: 9 },
  score: 9,
  identity: {
    outcome,
    name,
    person: null,
    groups: [],
    distance: 0.3,
    threshold: 0.58,
    margin: null,
    candidates: [],
    reason: "below_threshold",
  },
});

async function load(fields: object): Promise<void> {
  await helper.load(
    [ttsGreet],
    [
      { id: "t", type: "tts-greet", name: "", play: false, wires: [["out"]], ...fields },
      { id: "out", type: "helper" },
    ],
  );
}

/** Resolves when a greeting of these words went out. */
function nextText(text: string): Promise<void> {
  return new Promise((resolve) => {
    helper.getNode("out").on("input", (message) => {
      if ((message as FaceMessage)["text"] === text) resolve();
    });
  });
}

interface StatusSpy {
  on(event: "call:status", listener: (call: { args: [{ fill?: string }] }) => void): void;
}

interface WarnSpy {
  on(event: "call:warn", listener: (call: { args: [string] }) => void): void;
}

/** The next status of this colour. */
function nextStatus(id: string, fill: string): Promise<object> {
  return new Promise((resolve) => {
    (helper.getNode(id) as unknown as StatusSpy).on("call:status", ({ args: [status] }) => {
      if (status.fill === fill) resolve(status);
    });
  });
}

/** The next sentence that it warns with. */
function nextWarning(id: string): Promise<string> {
  return new Promise((resolve) => {
    (helper.getNode(id) as unknown as WarnSpy).on("call:warn", ({ args: [sentence] }) => resolve(sentence));
  });
}

/** The processes of eSpeak that this one started (Linux). */
function children(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1] === String(process.pid) &&
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("espeak-child")
        );
      } catch {
        return false;
      }
    });
}

describe("tts-greet node", () => {
  before(() => startServer());
  after(() => stopServer());
  afterEach(() => helper.unload());

  it("says msg.say as it is, in the language of the node or of msg.lang, and greets nobody then", async () => {
    await load({ engine: "none", language: "auto" });
    const out = nextMessage("out");
    send("t", { say: "Please turn your head slowly to the left.", lang: "en-GB", faces: [face("Alice")] });
    const { text, lang, names } = await out;
    assert.deepEqual([text, lang, names], ["Please turn your head slowly to the left.", "en-GB", []]);
    const error = nextError("t");
    send("t", { say: 7 });
    assert.match(await error, /^tts-greet: msg\.say must be a text of at most 500 characters/);
  });

  it("speaks a match and keeps what was on the message", async () => {
    await load({});
    const got = nextMessage("out");
    send("t", { faces: [face("Alice"), face(null, "unknown")], topic: "kept" });
    const { payload, text, lang, names, topic } = (await got) as FaceMessage & Record<string, unknown>;
    assert.deepEqual([text, lang, names, topic], ["Welcome Alice, have a nice day!", "en", ["Alice"], "kept"]);
    assert.ok(wavDuration(payload as Buffer) > 1000);
  });

  it("greets a known person once a visit, when it is settled that it is them, and nobody else", async () => {
    await load({ engine: "none", cooldown: 0 });
    const texts: unknown[] = [];
    helper.getNode("out").on("input", (message) => texts.push((message as FaceMessage)["text"]));
    const faces = [face("Somebody else")];
    let sequence = 0;
    for (const fields of [
      { visit: "1", event: "arrived" },
      { visit: "1", event: "confirmed", person: "a", name: "Alice" },
      { visit: "1", event: "confirmed", person: "a", name: "Alice" },
      { visit: "1", event: "changed", person: "a", name: "Alice" },
      { visit: "1", event: "left", person: "a", name: "Alice" },
      { visit: "2", event: "confirmed" },
      { visit: "3", event: "confirmed", person: "m", name: "Mallory", groups: ["blocked"] },
      { visit: "4", event: "confirmed", person: "b", name: "Bob" },
    ] as const)
      send("t", {
        faces,
        frame: { source: "door", sequence: (sequence += 1), capturedAt: 0, width: 640, height: 480 },
        visit: visitOf({ ...fields, groups: "groups" in fields ? [...fields.groups] : [] }),
      });
    await until(() => texts.length >= 2, "two greetings");
    assert.deepEqual(texts, ["Welcome Alice, have a nice day!", "Welcome Bob, have a nice day!"]);
    const error = nextError("t");
    send("t", { visit: { event: "confirmed" } as never });
    assert.match(await error, /msg\.visit/);
  });

  /**
   * Visits told one after the other, no more at once than may wait; after each few somebody who is greeted anyway.
   * @returns who was greeted besides
   */
  async function greetedOf(told: readonly Told[]): Promise<string[]> {
    const names: string[] = [];
    helper.getNode("out").on("input", (message) => names.push(...((message as FaceMessage)["names"] as string[])));
    for (let at = 0; at < told.length; at += FEW) {
      const last = { visit: `last ${(visits += 1)}`, event: "confirmed", person: "z", name: `Zoe ${visits}` } as const;
      for (const { retain, ...fields } of [...told.slice(at, at + FEW), last] as Told[])
        send("t", { visit: visitOf(fields), ...(retain === undefined ? {} : { retain }) });
      await until(() => names.includes(last.name), "the last greeting");
    }
    return names.filter((name) => !name.startsWith("Zoe"));
  }

  it("greets whoever is named later in the visit, once, and whoever is somebody else than was thought", async () => {
    await load({ engine: "none", cooldown: 0 });
    const [alice, bob] = [
      { person: "a", name: "Alice" },
      { person: "b", name: "Bob" },
    ];
    const nobody = { person: null, name: null };
    assert.deepEqual(
      await greetedOf([
        { visit: "named", event: "arrived" },
        { visit: "named", event: "confirmed", confirmed: true },
        { visit: "named", event: "changed", confirmed: true, zone: "yard" },
        { visit: "named", event: "changed", ...alice, was: nobody },
        { visit: "named", event: "changed", ...alice, zone: "yard" },
        // Named by a flow's own presence, which does not say who it was before.
        { visit: "unsealed", event: "confirmed", confirmed: true },
        { visit: "unsealed", event: "changed", ...bob },
        // Begun before this node was: it tells of zones, and then that it is somebody else.
        { visit: "older", event: "changed", ...alice, zone: "yard" },
        { visit: "older", event: "changed", ...alice, zone: "hall" },
        { visit: "older", event: "changed", person: "c", name: "Carol", was: alice },
        { visit: "older", event: "changed", ...alice, was: { person: "c", name: "Carol" } },
        { visit: "blocked", event: "confirmed", person: "m", name: "Mallory", groups: ["blocked"] },
        { visit: "blocked", event: "changed", person: "d", name: "Dan", was: { person: "m", name: "Mallory" } },
        { visit: "unsettled", event: "arrived" },
        { visit: "unsettled", event: "changed", person: "e", name: "Eve", confirmed: false },
      ]),
      ["Alice", "Bob", "Carol", "Dan"],
    );
  });

  it("greets nobody who may pass nowhere, nor by a message that is late or that a broker kept", async () => {
    await load({ engine: "none", cooldown: 0 });
    const late = nextStatus("t", "yellow");
    const minute = 60_000;
    assert.deepEqual(
      await greetedOf([
        { visit: "expired", event: "confirmed", person: "a", name: "Alice", denied: "not_valid" },
        { visit: "late", event: "confirmed", person: "b", name: "Bob", at: Date.now() - 5 * minute },
        { visit: "late", event: "changed", person: "b", name: "Bob", zone: "yard" },
        { visit: "kept", event: "confirmed", person: "c", name: "Carol", retain: true },
        { visit: "lately", event: "confirmed", person: "d", name: "Dan", at: Date.now() - minute / 2 },
        // Another computer's clock may be ahead.
        { visit: "ahead", event: "confirmed", person: "e", name: "Eve", at: Date.now() + 5 * minute },
      ]),
      ["Dan", "Eve"],
    );
    assert.ok(await late);
  });

  it("greets nobody again in the same visit after a deploy", async () => {
    const told: Partial<Visit>[] = [
      { visit: "over a deploy", event: "arrived" },
      { visit: "over a deploy", event: "confirmed", person: "a", name: "Alice" },
    ];
    await load({ engine: "none", cooldown: 0 });
    assert.deepEqual(await greetedOf(told), ["Alice"]);
    await helper.unload();
    await load({ engine: "none", cooldown: 0 });
    const again = { person: "a", name: "Alice", was: { person: null, name: null } };
    assert.deepEqual(await greetedOf([...told, { visit: "over a deploy", event: "changed", ...again }]), []);
  });

  it("gives a greeting for each language", async () => {
    await load({ engine: "none" });
    const texts: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      helper.getNode("out").on("input", (message) => {
        if (texts.push((message as FaceMessage)["text"]) === 2) resolve();
      });
    });
    send("t", { names: ["小明", "Alice"] });
    await both;
    assert.deepEqual(texts, ["歡迎小明，祝您有美好的一天！", "Welcome Alice, have a nice day!"]);
  });

  it("greets with the message's words before its own, for this message alone, and says what are none", async () => {
    await load({ engine: "none", template: "Hi {names}!" });
    const texts: unknown[] = [];
    helper.getNode("out").on("input", (message) => texts.push((message as FaceMessage)["text"]));
    for (const [name, template] of [
      ["Ann", "Hello {names}."],
      ["Bob", undefined],
      ["Cid", null],
      ["Dee", ""],
    ] as const) {
      const got = nextMessage("out");
      send("t", { faces: [face(name)], ...(template === undefined ? {} : { template: template as string }) });
      await got;
    }
    assert.deepEqual(texts, ["Hello Ann.", "Hi Bob!", "Hi Cid!", "Welcome Dee, have a nice day!"]);
    for (const wrong of ["Hello", 5, true, { names: "{names}" }, `{names}${"!".repeat(500)}`]) {
      const error = nextError("t");
      send("t", { faces: [face("Eve")], template: wrong as string });
      assert.match(await error, /^tts-greet: msg\.template: /, JSON.stringify(wrong));
    }
    const eve = nextText("Hi Eve!");
    send("t", { faces: [face("Eve")] });
    await eve;
  });

  it("says nothing again to somebody who stands there, and nothing to strangers", async () => {
    await load({ engine: "none" });
    const texts: unknown[] = [];
    helper.getNode("out").on("input", (message) => texts.push((message as FaceMessage)["text"]));
    send("t", { faces: [face("Alice")] });
    send("t", { faces: [face("Alice")] });
    send("t", { faces: [] });
    send("t", { faces: [face(null, "unknown"), face("Mallory", "ambiguous"), face(null, "noface")] });
    const bob = nextText("Welcome Bob, have a nice day!");
    send("t", { faces: [face("Alice"), face("Bob")] });
    await bob;
    assert.deepEqual(texts, ["Welcome Alice, have a nice day!", "Welcome Bob, have a nice day!"]);
  });

  it("lets frames pass while it speaks, and greets who still stands there afterwards", async () => {
    await load({ rate: 450 });
    const texts: unknown[] = [];
    helper.getNode("out").on("input", (message) => texts.push((message as FaceMessage)["text"]));
    const frame = (sequence: number): Frame => ({ source: "door", sequence, capturedAt: 0, width: 640, height: 480 });
    const alice = nextMessage("out");
    send("t", { faces: [face("Alice")], frame: frame(0) });
    await alice;
    const bob = nextText("Welcome Bob, have a nice day!");
    let sequence = 0;
    const camera = setInterval(() => {
      sequence += 1;
      send("t", { faces: [face("Alice"), face("Bob")], frame: frame(sequence) });
    }, 20);
    await bob.finally(() => clearInterval(camera));
    assert.ok(sequence > 5, `${sequence} frames`);
    assert.deepEqual(texts, ["Welcome Alice, have a nice day!", "Welcome Bob, have a nice day!"]);
  });

  it("keeps a photo until the greeting before it ends, and refuses more than wait sensibly", async () => {
    await load({ rate: 450 });
    const alice = nextMessage("out");
    send("t", { names: ["Alice"] });
    const bob = nextText("Welcome Bob, have a nice day!");
    const begun = performance.now();
    send("t", { names: ["Bob"] });
    const { payload } = await alice;
    await bob;
    assert.ok(performance.now() - begun > 0.9 * wavDuration(payload as Buffer));
    const error = nextError("t");
    for (let index = 0; index < 20; index += 1) send("t", { names: [`Guest ${index}`] });
    assert.match(await error, /too many .* are waiting \(10\)/);
  });

  it("keeps all that was on the message, and works on after a bad one", async () => {
    await load({ engine: "none" });
    const error = nextError("t");
    send("t", { faces: [{ box: { x: Number.NaN, y: 0, width: 1, height: 1 }, score: 1 }] });
    assert.match(await error, /msg\.faces is not a list of detections: 0\.box\.x/);
    const got = nextMessage("out");
    const faces = [face("Alice")];
    send("t", { faces, timing: { match: 3 }, topic: "door" });
    const message = await got;
    assert.deepEqual(
      [message["topic"], message.timing, message.faces, message.payload, message["engine"]],
      ["door", { match: 3 }, faces, null, "none"],
    );
  });

  it("says that there is no player, and the greeting goes out", { skip: process.platform === "win32" }, async () => {
    withPrograms({});
    try {
      await load({ play: true });
      const status = nextStatus("t", "yellow");
      const got = nextMessage("out");
      send("t", { names: ["Alice"] });
      assert.ok(wavDuration((await got).payload as Buffer) > 1000);
      assert.deepEqual(await status, { fill: "yellow", shape: "ring", text: "tts-greet.status.noPlayer" });
    } finally {
      restorePath();
    }
  });

  it("says that there is no engine, and the text goes out", { skip: process.platform === "win32" }, async () => {
    withPrograms({});
    try {
      await load({ engine: "system" });
      const status = nextStatus("t", "yellow");
      const got = nextMessage("out");
      send("t", { names: ["Alice"] });
      const { payload, text } = await got;
      assert.deepEqual([payload, text], [null, "Welcome Alice, have a nice day!"]);
      assert.deepEqual(await status, { fill: "yellow", shape: "ring", text: "tts-greet.status.noEngine" });
    } finally {
      restorePath();
    }
  });

  it(
    "says on a full disk that it is full, lets the text go out, and speaks again once there is room",
    { skip: noMount() },
    async () => {
      const usual = process.env["TMPDIR"];
      const disk = smallDisk(1);
      withPrograms({ "espeak-ng": '/bin/cat > /dev/null; printf RIFF > "$6"' });
      try {
        process.env["TMPDIR"] = disk.folder;
        await load({ engine: "system" });
        const warned = nextWarning("t");
        const [status, got] = [nextStatus("t", "yellow"), nextMessage("out")];
        disk.fill();
        send("t", { names: ["Alice"] });
        const { payload, text } = await got;
        assert.deepEqual(
          [payload, text, await status],
          [
            null,
            "Welcome Alice, have a nice day!",
            { fill: "yellow", shape: "ring", text: "tts-greet.status.diskFull" },
          ],
        );
        assert.match(await warned, /^nothing is spoken: the disk is full \(ENOSPC, /);
        disk.empty();
        const [mended, spoken] = [nextStatus("t", "green"), nextMessage("out")];
        send("t", { names: ["Bob"] });
        assert.equal(String((await spoken).payload), "RIFF");
        assert.deepEqual(await mended, { fill: "green", shape: "dot", text: "Bob" });
      } finally {
        if (usual === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = usual;
        restorePath();
        disk.unmount();
      }
    },
  );

  it(
    "plays the greeting, and ends the player and eSpeak's process when it is deployed anew",
    { skip: process.platform !== "linux" },
    async () => {
      const folder = withPrograms({
        aplay: 'echo $$ > "$here/pid.new"; /bin/mv "$here/pid.new" "$here/pid"; exec /bin/sleep 60',
      });
      try {
        await load({ play: true });
        send("t", { names: ["Alice"] });
        await until(() => existsSync(join(folder, "pid")), "the player");
        const player = Number(readFileSync(join(folder, "pid"), "utf8"));
        const espeaks = children();
        assert.ok(espeaks.length > 0);
        await helper.unload();
        await until(() => [player, ...espeaks].every((pid) => !runs(pid)), "the end of what the node started");
      } finally {
        restorePath();
      }
    },
  );

  it("refuses a wrong configuration in words, and says so to each message", async () => {
    await load({ template: "Hello!" });
    const error = nextError("t");
    send("t", { names: ["Alice"] });
    assert.match(await error, /tts-greet: template: must have \{names\} in it/);
  });

  it("does not understand a message without faces or names", async () => {
    await load({});
    const error = nextError("t");
    send("t", { payload: "hello" });
    assert.match(
      await error,
      /tts-greet: there is nobody to greet in this message: wire the first output of face-match or face-presence here/,
    );
  });

  it("does not understand faces that nobody matched, nor a match of nobody", async () => {
    await load({});
    const { identity: _identity, ...unmatched } = face("Alice");
    const first = nextError("t");
    send("t", { faces: [unmatched] });
    assert.match(
      await first,
      /no face of this message was matched with the gallery: put a face-match node before this one/,
    );
    const second = nextError("t");
    send("t", { faces: [face(null, "match")] });
    assert.match(await second, /msg\.faces has a match without a name/);
  });

  it("lists the voices", async () => {
    await load({});
    const { body, status } = await admin().get("/facenet/voices");
    assert.equal(status, 200);
    assert.ok((body as unknown as unknown[]).length > 100);
  });
});
