import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { after, afterEach, describe, it } from "node:test";
import { Espeak, voiceFor } from "../../../lib/speech/espeak";
import { TEMPLATES } from "../../../lib/speech/templates";
import { toWav, wavDuration } from "../../../lib/speech/wav";
import { runs, until } from "../../support/programs";

const ENGLISH = "Welcome Alice, have a nice day!";

describe("WAV", () => {
  it("has the length of its samples", () => {
    const wav = toWav(new Int16Array(22_050), 22_050);
    assert.deepEqual([wav.length, wavDuration(wav), wavDuration(Buffer.from("no sound"))], [44 + 44_100, 1000, 0]);
  });

  it("is measured where a pipe left its sizes open, a chunk lies before the data, or it is cut", () => {
    const wav = toWav(new Int16Array(22_050), 22_050);
    const piped = Buffer.from(wav);
    piped.writeUInt32LE(0xff_ff_ff_ff, 40);
    const list = Buffer.from("LIST\u0003\0\0\0abc\0", "latin1");
    assert.deepEqual(
      [
        wavDuration(piped),
        wavDuration(Buffer.concat([wav.subarray(0, 36), list, wav.subarray(36)])),
        wavDuration(wav.subarray(0, 44 + 22_050)),
        wavDuration(wav.subarray(0, 30)),
      ],
      [1000, 1000, 500, 0],
    );
  });
});

describe("eSpeak NG", () => {
  const espeak = new Espeak();
  after(() => espeak.close());
  const open: Espeak[] = [];
  afterEach(() => open.splice(0).forEach((each) => each.close()));

  it("says the English greeting", async () => {
    assert.equal(await espeak.phonemes(ENGLISH, "en"), "wˈɛlkʌm ˈælɪs hæv ɐ nˈaɪs dˈeɪ");
  });

  it("says the Mandarin greeting as words, not as letters", async () => {
    const ipa = await espeak.phonemes("歡迎小明", "zh-TW");
    assert.match(ipa, /χua5njˈiɜŋ ɕjˈɑu2 mˈiɜŋ/);
    assert.doesNotMatch(ipa, /tʃˈaɪ|lɛt/);
  });

  it("says a Mandarin name in an English greeting, which the English voice alone would spell", async () => {
    const ipa = await espeak.phonemes("Welcome 小明, have a nice day!", "en");
    assert.match(ipa, /wˈɛlkʌm ɕjˈɑu2 mˈiɜŋ hæv ɐ nˈaɪs dˈeɪ/);
    assert.match(await espeak.phonemes("Welcome Иван", "en"), /wˈɛlkʌm ɪvˈɑn/);
  });

  it("has a voice for every greeting, and spells none of them", async () => {
    for (const [language, template] of Object.entries(TEMPLATES)) {
      const ipa = await espeak.phonemes(template.replace("{names}", "Anna"), language);
      assert.ok(ipa.length > 10, language);
      assert.doesNotMatch(ipa, /tʃˈ?aɪ\d?niː|dʒˈ?a\d?pə|lˌ?ˈ?ɛ[tɾ]ɚ|kyːrˈɪl/, language);
    }
  });

  it("says French in French after English", async () => {
    await espeak.phonemes("hello", "en");
    assert.match(await espeak.phonemes("Bienvenue Alice, bonne journée !", "fr"), /bjɛ̃vn|bjɛ̃vən/);
    assert.deepEqual(["en", "en-GB", "en-AU", "zh-TW", "zh-HK", "pt-BR", "pt-PT", "no", "de-AT"].map(voiceFor), [
      "en-us",
      "en",
      "en-us",
      "cmn",
      "yue",
      "pt-br",
      "pt",
      "nb",
      "de",
    ]);
  });

  it("refuses a voice that it does not have, instead of the last one's", async () => {
    await assert.rejects(
      espeak.synthesize("hello", "en", 160, "en-us-nobody"),
      /^Error: eSpeak NG failed: it has no voice "en-us-nobody": choose another, or leave the voice empty\.$/,
    );
    await assert.rejects(espeak.synthesize("nuqneH", "xx"), /it has no voice "xx"/);
  });

  it("speaks with the voice that was chosen", async () => {
    assert.notEqual(await espeak.phonemes("water", "en", "en-gb-scotland"), await espeak.phonemes("water", "en"));
  });

  it("makes a mono 16-bit WAV of the length of the sentence", async () => {
    const wav = await espeak.synthesize(ENGLISH, "en", 160);
    assert.deepEqual(
      [
        wav.toString("latin1", 0, 4),
        wav.readUInt32LE(4),
        wav.toString("latin1", 8, 16),
        wav.readUInt16LE(20),
        wav.readUInt16LE(22),
        wav.readUInt32LE(24),
        wav.readUInt16LE(34),
        wav.readUInt32LE(40),
      ],
      ["RIFF", wav.length - 8, "WAVEfmt ", 1, 1, 22_050, 16, wav.length - 44],
    );
    assert.ok(wavDuration(wav) > 1500 && wavDuration(wav) < 5000, `${wavDuration(wav)} ms`);
    assert.ok(wavDuration(await espeak.synthesize(ENGLISH, "en", 320)) < 0.8 * wavDuration(wav));
    assert.ok(wavDuration(await espeak.synthesize(`${ENGLISH} ${ENGLISH}`, "en", 160)) > 1.8 * wavDuration(wav));
  });

  it("has many voices, each of which it knows by its identifier", async () => {
    const voices = await espeak.voices();
    assert.ok(voices.length > 100);
    assert.ok(voices.some(({ identifier }) => identifier === "sit/cmn"));
    assert.equal(await espeak.phonemes("歡迎", "zh-TW", "sit/cmn"), await espeak.phonemes("歡迎", "zh-TW"));
  });

  it("answers several at once, each with its own", async () => {
    const [english, german] = await Promise.all([espeak.phonemes("day", "en"), espeak.phonemes("Tag", "de")]);
    assert.deepEqual([english, german], ["dˈeɪ", "tˈɑːk"]);
  });

  it("starts anew when its process was killed", async () => {
    const { pid } = espeak;
    const asked = espeak.synthesize(ENGLISH.repeat(100), "en");
    process.kill(pid as number, "SIGKILL");
    await assert.rejects(asked, /^Error: eSpeak NG failed: its process ended\.$/);
    assert.equal((await espeak.synthesize("again", "en")).toString("latin1", 0, 4), "RIFF");
    assert.notEqual(espeak.pid, pid);
  });

  it("gives up a process that hangs, and starts anew", { skip: process.platform === "win32" }, async (context) => {
    const asker = new Espeak();
    open.push(asker);
    await asker.phonemes("hello", "en");
    const pid = asker.pid as number;
    process.kill(pid, "SIGSTOP");
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const rejected = assert.rejects(
      asker.synthesize("hello", "en"),
      /eSpeak NG failed: it did not answer within 60 seconds\./,
    );
    context.mock.timers.tick(60_000);
    await rejected;
    context.mock.timers.reset();
    await until(() => !runs(pid), "the hanging process's end");
    assert.equal(await asker.phonemes("day", "en"), "dˈeɪ");
  });

  it("ends its process when it is closed, and stays closed", async () => {
    const closed = new Espeak();
    await closed.phonemes("hello", "en");
    const pid = closed.pid as number;
    const asked = closed.synthesize(ENGLISH.repeat(100), "en");
    closed.close();
    await assert.rejects(asked, /eSpeak NG failed: it was closed\./);
    await assert.rejects(closed.phonemes("hello", "en"), /it was closed/);
    await until(() => !runs(pid), "the process's end");
  });

  it("ends when the process that asked it is killed", { skip: process.platform === "win32" }, async () => {
    const module = JSON.stringify(createRequire(__filename).resolve("../../../lib/speech/espeak"));
    const code =
      `const { Espeak } = require(${module}); const e = new Espeak(); e.phonemes("hello", "en").then(() => { ` +
      "console.log(e.pid); setInterval(() => undefined, 1000); });";
    const owner = spawn(process.execPath, ["--import", "tsx", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => {
      owner.stdout.once("data", (data: Buffer) => resolve(Number(data.toString())));
      owner.once("exit", () => resolve(Number.NaN));
    });
    assert.equal(runs(pid), true);
    owner.kill("SIGKILL");
    await until(() => !runs(pid), "the process's end");
  });

  it("does not keep the process that asked it from ending", async () => {
    const module = JSON.stringify(createRequire(__filename).resolve("../../../lib/speech/espeak"));
    const owner = spawn(
      process.execPath,
      ["--import", "tsx", "-e", `const { Espeak } = require(${module}); void new Espeak().phonemes("hello", "en");`],
      { stdio: "ignore" },
    );
    assert.equal(
      await new Promise((resolve) => {
        owner.once("exit", resolve);
      }),
      0,
    );
  });
});
