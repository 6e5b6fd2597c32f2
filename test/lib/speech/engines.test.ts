import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SpeechOptions } from "../../../lib/speech/options";
import { SpeechEngines } from "../../../lib/speech/engines";

/** What the computer has, as the system of this platform names it. */
const PROGRAM = { darwin: "say", win32: "powershell.exe" }[process.platform as string] ?? "espeak-ng";

describe("SpeechEngines", () => {
  const path = process.env["PATH"];
  before(() => {
    const folder = mkdtempSync(join(tmpdir(), "speech-"));
    writeFileSync(join(folder, PROGRAM), "", { mode: 0o755 });
    process.env["PATH"] = folder;
  });
  after(() => {
    process.env["PATH"] = path;
  });

  const found = (choice: SpeechOptions["engine"]): [name: string, ownVoice: boolean][] =>
    [...new SpeechEngines().of(choice, false)].map(({ engine, ownVoice }) => [
      engine.name === "espeak" ? "espeak" : "the system's",
      ownVoice,
    ]);

  it("tries eSpeak on WASM and then the system's, and gives the voice of the form to the first alone", () => {
    assert.deepEqual(found("auto"), [
      ["espeak", true],
      ["the system's", false],
    ]);
  });

  it("tries only the one that was chosen, and gives it the voice", () => {
    assert.deepEqual(found("espeak"), [["espeak", true]]);
    assert.deepEqual(found("system"), [["the system's", true]]);
    assert.deepEqual(found("none"), []);
  });

  it("keeps an engine that runs on, and looks for one that does not each time", () => {
    const engines = new SpeechEngines();
    const of = (choice: SpeechOptions["engine"]): unknown => [...engines.of(choice, false)][0]?.engine;
    assert.equal(of("espeak"), of("espeak"));
    process.env["PATH"] = "";
    assert.equal(of("system"), undefined);
  });
});
