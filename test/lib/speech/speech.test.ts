import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { run } from "../../../lib/speech/command";
import { Espeak, voiceFor } from "../../../lib/speech/espeak";
import { Greeter, NO_ENGINE } from "../../../lib/speech/greeter";
import { compose, languageOf, TEMPLATES } from "../../../lib/speech/language";
import { speechOptionsSchema } from "../../../lib/speech/options";
import { Presence } from "../../../lib/speech/presence";
import { findSystemSpeech } from "../../../lib/speech/system";
import { toWav, wavDuration } from "../../../lib/speech/wav";

const texts = (names: string[], language = "auto", defaultLanguage = "en", template = ""): string[] => compose(names, language, defaultLanguage, template).map(({ lang, text }) => `${lang}: ${text}`);

describe("greetings", () => {
  it("joins names as English does", () => {
    assert.deepEqual([texts(["Alice"]), texts(["A", "B"]), texts(["A", "B", "C"])], [["en: Welcome Alice, have a nice day!"], ["en: Welcome A and B, have a nice day!"], ["en: Welcome A, B, and C, have a nice day!"]]);
  });

  it("joins them as other languages do", () => {
    assert.deepEqual([texts(["A", "B", "C"], "zh-TW"), texts(["A", "B"], "es")], [["zh-TW: 歡迎A、B和C，祝您有美好的一天！"], ["es: ¡Bienvenidos, A y B! ¡Que tengan un buen día!"]]);
  });

  it("goes by the script of the name, a greeting for each language", () => {
    assert.deepEqual(texts(["小明", "Alice", "美玲"]), ["zh-TW: 歡迎小明和美玲，祝您有美好的一天！", "en: Welcome Alice, have a nice day!"]);
    assert.deepEqual(["Иван", "Їжак", "さくら", "철수", "Ελένη", "سلمى", "Zoë"].map((name) => languageOf(name, "de")), ["ru", "uk", "ja", "ko", "el", "ar", "de"]);
    assert.deepEqual([languageOf("小明", "zh-CN"), languageOf("小明", "ja"), languageOf("小明", "en")], ["zh-CN", "ja", "zh-TW"]);
  });

  it("says what the user wrote", () => {
    assert.deepEqual(texts(["$& Bob"], "en", "en", "Hi {names}!"), ["en: Hi $ Bob!"]);
    assert.throws(() => speechOptionsSchema.parse({ template: "Hi!" }), /must have \{names\} in it/);
  });

  it("says no markup and no control characters", () => {
    assert.deepEqual(texts(["<b>Eve</b>\u0000\n"]), ["en: Welcome b Eve /b, have a nice day!"]);
  });

  it("has a place for the names in every language, and a voice", () => {
    for (const [language, template] of Object.entries(TEMPLATES)) assert.ok(template.includes("{names}") && voiceFor(language) !== "", language);
  });
});

describe("Presence", () => {
  it("knows who stays from who comes again", () => {
    let now = 0;
    const presence = new Presence(60, () => now);
    const seen = (at: number, ...names: string[]): string[] => {
      now = at * 1000;
      const arrived = presence.arrivals(names);
      presence.greeted(arrived);
      return arrived;
    };
    assert.deepEqual(seen(0, "Alice"), ["Alice"]);
    for (let at = 1; at < 300; at += 30) assert.deepEqual(seen(at, "Alice"), [], `at ${at}`);
    assert.deepEqual(seen(310, "Alice", "Bob"), ["Bob"]);
    assert.deepEqual(seen(369, "Alice"), []);
    assert.deepEqual(seen(369 + 60, "Alice"), ["Alice"]);
  });

  it("greets everybody every time with a cooldown of 0", () => {
    const presence = new Presence(0, () => 0);
    presence.greeted(["A"]);
    assert.deepEqual(presence.arrivals(["A", "A"]), ["A"]);
  });
});

describe("WAV", () => {
  it("has the length of its samples", () => {
    const wav = toWav(new Int16Array(22_050), 22_050);
    assert.deepEqual([wav.length, wavDuration(wav), wavDuration(Buffer.from("no sound"))], [44 + 44_100, 1000, 0]);
  });
});

describe("eSpeak NG", () => {
  const espeak = new Espeak();
  after(() => espeak.close());

  it("says the English greeting", async () => {
    const ipa = await espeak.phonemes("Welcome Alice, have a nice day!", voiceFor("en"));
    for (const word of ["wˈɛlkʌm", "ˈælɪs", "nˈaɪs", "dˈeɪ"]) assert.ok(ipa.includes(word), `${word} is not in ${ipa}`);
  });

  it("says the Mandarin greeting as words, not as letters", async () => {
    const ipa = await espeak.phonemes("歡迎小明", voiceFor("zh-TW"));
    assert.match(ipa, /ɕjˈɑu.*mˈi/);
    assert.doesNotMatch(ipa, /tʃaɪn|lɛt/);
  });

  it("makes a WAV of the length of the sentence", async () => {
    const wav = await espeak.synthesize("Welcome Alice, have a nice day!", "en-us", 160);
    assert.ok(wavDuration(wav) > 1500 && wavDuration(wav) < 5000, `${wavDuration(wav)} ms`);
    assert.ok(wavDuration(await espeak.synthesize("Welcome Alice, have a nice day!", "en-us", 320)) < 0.8 * wavDuration(wav));
  });

  it("has many voices", async () => {
    assert.ok((await espeak.voices()).length > 100);
  });

  it("starts anew when its process was killed, and ends with its owner", async () => {
    const { pid } = espeak;
    process.kill(pid as number, "SIGKILL");
    await espeak.synthesize("again", "en-us", 160).catch(() => undefined);
    assert.ok((await espeak.synthesize("again", "en-us", 160)).length > 44);
    const last = espeak.pid as number;
    assert.notEqual(last, pid);
    espeak.close();
    const deadline = Date.now() + 5000;
    while (existsSync(`/proc/${last}`)) {
      assert.ok(Date.now() < deadline, "the process still runs");
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  });
});

describe("Greeter", { skip: process.platform === "win32" ? "the fake programs are shell scripts" : false }, () => {
  const path = process.env["PATH"];
  const open: Greeter[] = [];
  afterEach(() => {
    process.env["PATH"] = path;
    for (const each of open.splice(0)) each.close();
  });

  function greeter(options: object): Greeter {
    const made = new Greeter(speechOptionsSchema.parse(options));
    open.push(made);
    return made;
  }

  /** A folder with a program that is a shell script, first (or alone) on the PATH. */
  function withProgram(name: string, script: string, alone = false): string {
    const folder = mkdtempSync(join(tmpdir(), "programs-"));
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
    process.env["PATH"] = alone ? folder : `${folder}${delimiter}${path ?? ""}`;
    return folder;
  }

  const quiet = (): void => undefined;

  it("greets once, gives the sound, and nobody while it is spoken", async () => {
    const one = greeter({ cooldown: 60 });
    const [spoken] = await one.greet(["Alice", "Bob"], quiet);
    assert.deepEqual([spoken?.text, spoken?.names, spoken?.engine, wavDuration(spoken?.wav ?? Buffer.alloc(0)) > 1000], ["Welcome Alice and Bob, have a nice day!", ["Alice", "Bob"], "espeak", true]);
    assert.equal(one.speaking, true);
    assert.deepEqual(await one.greet(["Carol"], quiet), []);
    assert.deepEqual(await one.greet(["Alice"], quiet), []);
  });

  it("still gives the text where there is no engine, and says what to install", async () => {
    process.env["PATH"] = mkdtempSync(join(tmpdir(), "empty-"));
    const [spoken] = await greeter({ engine: "system" }).greet(["Alice"], quiet);
    assert.deepEqual([spoken?.text, spoken?.wav, spoken?.engine, spoken?.problem], ["Welcome Alice, have a nice day!", null, "none", NO_ENGINE]);
  });

  it("speaks with the computer's espeak-ng, by standard input", async () => {
    const folder = withProgram("espeak-ng", `printf '%s\\n' "$@" > "$(dirname "$0")/args"; /bin/cat > "$(dirname "$0")/text"; printf 'RIFF' > "$6"`);
    const [spoken] = await greeter({ engine: "system", language: "zh-TW" }).greet(["--help; rm -rf $HOME"], quiet);
    assert.equal(readFileSync(join(folder, "text"), "utf8"), "歡迎--help; rm -rf $HOME，祝您有美好的一天！");
    assert.match(readFileSync(join(folder, "args"), "utf8"), /^-v\ncmn\n-s\n160\n-w\n.*\.wav\n--stdin\n$/);
    assert.equal(spoken?.wav?.toString(), "RIFF");
  });

  it("ends a program that hangs", async () => {
    const folder = withProgram("hang", "exec /bin/sleep 60");
    await assert.rejects(run(join(folder, "hang"), [], { timeoutMs: 300 }), /hang did not end within 0\.3 seconds and was stopped/);
  });

  it("says that the engine failed, and gives the text", async () => {
    withProgram("espeak-ng", "echo 'no voice today' >&2; exit 1", true);
    assert.equal(findSystemSpeech()?.name, "espeak-ng");
    const [spoken] = await greeter({ engine: "system" }).greet(["Alice"], quiet);
    assert.deepEqual([spoken?.wav, spoken?.text], [null, "Welcome Alice, have a nice day!"]);
    assert.match(spoken?.problem ?? "", /espeak-ng failed: no voice today/);
  });

  it("plays the WAV with the player it finds, and says so where there is none", async () => {
    const folder = withProgram("aplay", '/bin/cp "$1" "${0%/*}/played.wav"', true);
    const playing = greeter({ play: true });
    const [spoken] = await playing.greet(["Alice"], (sentence) => assert.fail(sentence));
    for (const deadline = Date.now() + 5000; playing.speaking; await new Promise((resolve) => { setTimeout(resolve, 20); })) assert.ok(Date.now() < deadline);
    assert.deepEqual(readFileSync(join(folder, "played.wav")), spoken?.wav);
    process.env["PATH"] = mkdtempSync(join(tmpdir(), "empty-"));
    const problem = new Promise<string>((resolve) => { void greeter({ play: true }).greet(["Bob"], resolve); });
    assert.match(await problem, /there is no player: install alsa-utils/);
  });
});
