import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { run, which } from "../../../lib/speech/command";
import { Espeak } from "../../../lib/speech/espeak";
import { Greeter, type GreeterParts, MAX_AT_ONCE, type Problem } from "../../../lib/speech/greeter";
import { compose } from "../../../lib/speech/language";
import { speechOptionsSchema } from "../../../lib/speech/options";
import { findPlayers, play } from "../../../lib/speech/player";
import { findSystemSpeech } from "../../../lib/speech/system";
import { toWav, wavDuration } from "../../../lib/speech/wav";
import { restorePath, runs, until, withPrograms } from "../../support/programs";
import { limitedDisk, noLimit, noMount, smallDisk, type SmallDisk } from "../../support/small-disk";
import { pattern } from "../../support/pattern";
import { phrase, render } from "../../../lib/words/sentence";

const SCRIPTS = { skip: process.platform === "win32" ? "the fake programs are shell scripts" : false };
const SECOND = toWav(new Int16Array(22_050), 22_050);
const said = (problem: Problem | undefined): string =>
  problem === undefined ? "" : render(problem.sentence, "en-US");
const fails = (problem: Problem): void => assert.fail(said(problem));
const pidIn = (folder: string): number => Number(readFileSync(join(folder, "pid"), "utf8"));
/** Writes its process's id, then hangs and does not hear SIGTERM. */
const HANG =
  `trap '' TERM; echo $$ > "$here/pid.new"; /bin/mv "$here/pid.new" "$here/pid"; while :; do /bin/sleep 0.1; ` +
  "done";
// Other tests, which run beside this one, leave files of theirs.
process.env["TMPDIR"] = mkdtempSync(join(tmpdir(), "greeter-"));
const greetingFiles = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("greeting-"));

describe("Greeter", SCRIPTS, () => {
  const open: Greeter[] = [];
  afterEach(() => {
    restorePath();
    for (const each of open.splice(0)) each.close();
  });

  function greeter(options: object, parts?: GreeterParts): Greeter {
    const made = new Greeter(speechOptionsSchema.parse(options), parts);
    open.push(made);
    return made;
  }

  it("greets once, gives the sound, and nobody while it is spoken", async () => {
    const one = greeter({ cooldown: 60 });
    const [spoken] = await one.greet(["Alice", "Bob"], fails);
    assert.deepEqual(
      [spoken?.text, spoken?.names, spoken?.engine, wavDuration(spoken?.wav ?? Buffer.alloc(0)) > 1000],
      ["Welcome Alice and Bob, have a nice day!", ["Alice", "Bob"], "espeak", true],
    );
    assert.equal(one.speaking, true);
    assert.deepEqual(await one.greet(["Carol"], fails), []);
    assert.deepEqual(await one.greet(["Alice"], fails), []);
  });

  it("greets who came while it spoke when it ends, as long as the sound lasts", async () => {
    const one = greeter({ rate: 450 });
    const [spoken] = await one.greet(["Alice"], fails);
    const begun = performance.now();
    assert.deepEqual(await one.greet(["Alice", "Bob"], fails), []);
    await one.quiet();
    // The sound of the WAV, less what a coarse timer may take off.
    assert.ok(performance.now() - begun > 0.9 * wavDuration(spoken?.wav ?? Buffer.alloc(0)));
    assert.deepEqual(
      (await one.greet(["Alice", "Bob"], fails)).map(({ names }) => names),
      [["Bob"]],
    );
  });

  it("greets somebody who stayed all the time once, and again who came back after the cooldown", async () => {
    let now = 0;
    const one = greeter({ engine: "none", cooldown: 10 }, { now: () => now });
    const at = async (seconds: number, ...names: string[]): Promise<string[]> => {
      now = 1000 * seconds;
      await one.quiet();
      return (await one.greet(names, fails)).map(({ text }) => text);
    };
    assert.deepEqual(await at(0, "Alice"), ["Welcome Alice, have a nice day!"]);
    for (let second = 1; second < 100; second += 9)
      assert.deepEqual(await at(second, "Alice"), [], `second ${second}`);
    assert.deepEqual(await at(110, "Alice"), ["Welcome Alice, have a nice day!"]);
  });

  it("keeps who stays in mind while it speaks", async () => {
    let now = 0;
    const one = greeter({ cooldown: 10 }, { now: () => now });
    await one.greet(["Alice"], fails);
    assert.equal(one.speaking, true);
    now = 8000;
    assert.deepEqual(await one.greet(["Alice"], fails), []);
    now = 16_000;
    await one.quiet();
    assert.deepEqual(await one.greet(["Alice"], fails), []);
  });

  it("names ten at once, and the others next", async () => {
    const one = greeter({ engine: "none" });
    const crowd = Array.from({ length: MAX_AT_ONCE + 2 }, (_, index) => `P${index}`);
    const first = await one.greet(crowd, fails);
    await one.quiet();
    const second = await one.greet(crowd, fails);
    assert.deepEqual(
      [first[0]?.names.length, second[0]?.text],
      [MAX_AT_ONCE, "Welcome P10 and P11, have a nice day!"],
    );
  });

  it("gives one greeting for each language, each in its voice", async () => {
    const spoken = await greeter({ voice: "en-gb-scotland" }).greet(["小明", "Alice"], fails);
    assert.deepEqual(
      spoken.map(({ lang, text, problem, wav }) => [lang, text, problem, wav === null]),
      [
        ["zh-TW", "歡迎小明，祝您有美好的一天！", undefined, false],
        ["en", "Welcome Alice, have a nice day!", undefined, false],
      ],
    );
  });

  it("says names of slashes, emoji, markup, control characters and 300 letters", async () => {
    const espeak = new Espeak();
    try {
      for (const name of [
        "../../etc/passwd",
        "Zoë 🎉",
        "<speak><break time='30s'/>Eve</speak>",
        "a\u0000b\u001b[2J",
        "x".repeat(300),
        "-v",
        "--help",
      ]) {
        const [greeting, ...others] = compose([name], "auto", "en", "");
        assert.deepEqual([greeting?.names, others], [[name], []]);
        assert.doesNotMatch(greeting?.text ?? "", /[<>/\\\p{C}]/u);
        const duration = wavDuration(await espeak.synthesize(greeting?.text ?? "", "en", 450));
        assert.ok(duration > 500 && duration < 20_000, `${name}: ${duration} ms`);
      }
    } finally {
      espeak.close();
    }
    assert.deepEqual(await greeter({}).greet(["\ud800", "<>"], fails), []);
  });

  it("still gives the text where there is no engine, and says what to install", async () => {
    withPrograms({});
    const [spoken] = await greeter({ engine: "system" }).greet(["Alice"], fails);
    assert.deepEqual(
      [spoken?.text, spoken?.wav, spoken?.engine, spoken?.problem],
      ["Welcome Alice, have a nice day!", null, "none", { kind: "noEngine", sentence: phrase("speech.noEngine") }],
    );
  });

  it("takes the computer's engine where eSpeak NG's package cannot do it", async () => {
    withPrograms({ "espeak-ng": `/bin/cat > "$here/text"; printf RIFF > "$6"` });
    // A language for private use, which no voice has.
    const [spoken] = await greeter({ language: "qaa", template: "{names}!" }).greet(["Alice"], fails);
    assert.deepEqual([spoken?.engine, spoken?.wav?.toString()], ["espeak-ng", "RIFF"]);
    const [silent] = await greeter({ engine: "espeak", language: "qaa", template: "{names}!" }).greet(
      ["Alice"],
      fails,
    );
    assert.deepEqual([silent?.text, silent?.wav, silent?.problem?.kind], ["Alice!", null, "failed"]);
    assert.match(said(silent?.problem), /eSpeak NG failed: it has no voice "qaa"/);
  });

  it("cuts an engine that hangs, says so, and gives the text", async () => {
    const folder = withPrograms({ "espeak-ng": HANG });
    const [spoken] = await greeter({ engine: "system" }, { speakTimeoutMs: 700 }).greet(["Alice"], fails);
    assert.deepEqual(
      [spoken?.text, spoken?.wav, spoken?.engine, spoken?.problem?.kind],
      ["Welcome Alice, have a nice day!", null, "none", "failed"],
    );
    assert.match(said(spoken?.problem), /espeak-ng did not end within 0\.7 seconds and was stopped\.$/);
    await until(() => !runs(pidIn(folder)), "the engine's end");
    assert.deepEqual(greetingFiles(), []);
  });

  it("says that the engine failed, and gives the text", async () => {
    withPrograms({ "espeak-ng": "echo 'no voice today' >&2; exit 1" });
    const [spoken] = await greeter({ engine: "system" }).greet(["Alice"], fails);
    assert.deepEqual([spoken?.wav, spoken?.text], [null, "Welcome Alice, have a nice day!"]);
    assert.match(said(spoken?.problem), /espeak-ng failed: no voice today/);
  });

  it("plays the WAV with the player it finds, and speaks until that ends", async () => {
    const folder = withPrograms({
      aplay:
        '/bin/cp "$1" "$here/playing.wav"; while [ ! -e "$here/go" ]; do /bin/sleep 0.05; done; /bin/mv ' +
        '"$here/playing.wav" "$here/played.wav"',
    });
    const playing = greeter({ play: true });
    const [spoken] = await playing.greet(["Alice"], fails);
    await until(() => existsSync(join(folder, "playing.wav")), "the player");
    assert.deepEqual([playing.speaking, await playing.greet(["Bob"], fails)], [true, []]);
    withPrograms({});
    await run("/bin/sh", ["-c", `: > '${join(folder, "go")}'`], { timeoutMs: 60_000 });
    await playing.quiet();
    assert.deepEqual(readFileSync(join(folder, "played.wav")), spoken?.wav);
  });

  it("says that there is no player, after the greeting went out", async () => {
    withPrograms({});
    const problems: Problem[] = [];
    const one = greeter({ play: true });
    const [spoken] = await one.greet(["Bob"], (problem) => problems.push(problem));
    assert.deepEqual([problems, spoken?.problem, (spoken?.wav?.length ?? 0) > 44], [[], undefined, true]);
    await until(() => problems.length > 0, "the problem");
    assert.deepEqual(
      problems.map(({ kind }) => kind),
      ["noPlayer"],
    );
    assert.match(said(problems[0]), /there is no player: install alsa-utils/);
  });

  it("ends the player and its own process when it is closed, without a complaint", async () => {
    const folder = withPrograms({ aplay: HANG });
    const one = greeter({ play: true });
    await one.greet(["Alice"], fails);
    await until(() => existsSync(join(folder, "pid")), "the player");
    one.close();
    await one.quiet();
    await until(() => !runs(pidIn(folder)), "the player's end");
    await assert.rejects(one.greet(["Bob"], fails), { name: "AbortError" });
  });

  it("ends an engine that is closed while it speaks", async () => {
    const folder = withPrograms({ "espeak-ng": HANG });
    const one = greeter({ engine: "system" });
    const greeted = one.greet(["Alice"], fails);
    const refused = assert.rejects(greeted, { name: "AbortError" });
    await until(() => existsSync(join(folder, "pid")), "the engine");
    one.close();
    await refused;
    await until(() => !runs(pidIn(folder)), "the engine's end");
  });
});

describe("the computer's engines", SCRIPTS, () => {
  afterEach(restorePath);
  const utterance = { text: "--help; rm -rf $HOME `id`", language: "zh-TW", voice: "", rate: 160 };
  /** Keeps its arguments, its input and its environment beside itself. */
  const KEEP = 'printf "%s\\n" "$@" > "$here/args"; /bin/cat > "$here/text"; /usr/bin/env > "$here/env"';
  const kept = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");

  it("espeak-ng gets the text by standard input, never as an argument", async () => {
    const folder = withPrograms({ "espeak-ng": `${KEEP}; printf RIFF > "$6"` });
    assert.equal((await findSystemSpeech(false)?.speak(utterance, { timeoutMs: 60_000 }))?.toString(), "RIFF");
    assert.equal(kept(folder, "text"), utterance.text);
    assert.match(kept(folder, "args"), /^-v\ncmn\n-s\n160\n-w\n.*\.wav\n--stdin\n$/);
  });

  it("say gets the text by standard input, and the voice of the language", async () => {
    const folder = withPrograms({
      say:
        `if [ "$2" = "?" ]; then echo 'Alex                en_US    # Hello'; echo 'Mei-Jia             zh_TW   ` +
        ` # 你好'; echo 'Bad News            en_US    # Hi'; exit; fi; ${KEEP}; for last do [ "$before" = -o ] && ` +
        `printf RIFF > "$last"; before="$last"; done`,
    });
    assert.equal(
      (await findSystemSpeech(false, "darwin")?.speak(utterance, { timeoutMs: 60_000 }))?.toString(),
      "RIFF",
    );
    assert.equal(kept(folder, "text"), utterance.text);
    assert.match(kept(folder, "args"), /^-v\nMei-Jia\n-r\n160\n-o\n.*\.wav\n--data-format=LEI16@22050\n-f\n-\n$/);
    await findSystemSpeech(false, "darwin")?.speak({ ...utterance, language: "sw" }, { timeoutMs: 60_000 });
    assert.match(kept(folder, "args"), /^-r\n/);
    await findSystemSpeech(false, "darwin")?.speak({ ...utterance, voice: "Bad News" }, { timeoutMs: 60_000 });
    assert.match(kept(folder, "args"), /^-v\nBad News\n/);
  });

  it("PowerShell gets the text by the environment, and always the same program", async () => {
    const folder = withPrograms({ powershell: `${KEEP}; printf RIFF > "$GREETING_FILE"` });
    const text = 'Alice"; Remove-Item C:\\ -Recurse; $(calc)';
    assert.equal(
      (
        await findSystemSpeech(false, "win32")?.speak({ ...utterance, text, rate: 450 }, { timeoutMs: 60_000 })
      )?.toString(),
      "RIFF",
    );
    assert.doesNotMatch(kept(folder, "args"), /Alice|Remove-Item|calc/);
    assert.match(
      kept(folder, "args"),
      pattern(
        /^-NoProfile\n-NonInteractive\n-Command\nAdd-Type -AssemblyName /,
        /System\.Speech; .*\$s\.Speak\(\$env:GREETING_TEXT\)/,
      ),
    );
    const environment = kept(folder, "env").split("\n");
    for (const line of [`GREETING_TEXT=${text}`, "GREETING_LANGUAGE=zh-TW", "GREETING_RATE=8", "GREETING_VOICE="])
      assert.ok(environment.includes(line), line);
  });

  it("spd-say gets the text after --, and is asked only where it may speak aloud", async () => {
    const folder = withPrograms({ "spd-say": KEEP });
    assert.equal(findSystemSpeech(false), undefined);
    assert.equal(await findSystemSpeech(true)?.speak(utterance, { timeoutMs: 60_000 }), undefined);
    assert.equal(kept(folder, "args"), `--wait\n-r\n0\n-l\nzh\n--\n${utterance.text}\n`);
  });

  it("are programs: not folders, nor what lies in the folder that Node-RED was started in", () => {
    withPrograms({ "espeak-ng": "exit 0" });
    const found = which("espeak-ng") ?? "";
    process.env["PATH"] = `${tmpdir()}:`;
    assert.equal(which("espeak-ng"), undefined);
    process.env["PATH"] = join(found, "../..");
    assert.equal(which(found.split("/").at(-2) ?? ""), undefined);
  });

  it("end when they hang", async () => {
    const folder = withPrograms({ hang: HANG });
    await assert.rejects(
      run(join(folder, "hang"), [], { timeoutMs: 500 }),
      /hang did not end within 0\.5 seconds and was stopped\.$/,
    );
    await until(() => !runs(pidIn(folder)), "the program's end");
  });

  it("may leave their input unread", async () => {
    const folder = withPrograms({ deaf: "exec 0<&-; echo done" });
    assert.equal(await run(join(folder, "deaf"), [], { timeoutMs: 60_000, input: "x".repeat(1_000_000) }), "done\n");
  });
});

describe("players", SCRIPTS, () => {
  afterEach(restorePath);

  it("are tried in turn: paplay without a sound server, then aplay", async () => {
    const folder = withPrograms({
      paplay: "echo 'Connection refused' >&2; exit 1",
      aplay: '/bin/cp "$1" "$here/played.wav"',
    });
    await play(SECOND, findPlayers("linux"));
    assert.deepEqual(readFileSync(join(folder, "played.wav")), SECOND);
  });

  it("fail with the last one's sentence, and leave no file", async () => {
    withPrograms({ aplay: "echo 'no sound card' >&2; exit 1" });
    await assert.rejects(play(SECOND, findPlayers("linux")), /aplay failed: no sound card/);
    assert.deepEqual(greetingFiles(), []);
  });

  it("end when they take much longer than the sound", async () => {
    const folder = withPrograms({ aplay: HANG });
    await assert.rejects(
      play(SECOND, findPlayers("linux"), undefined, 200),
      /aplay did not end within 1\.2 seconds and was stopped/,
    );
    await until(() => !runs(pidIn(folder)), "the player's end");
  });

  it("are afplay on macOS, and PowerShell on Windows, which gets the file by the environment", async () => {
    const folder = withPrograms({
      afplay: '/bin/cp "$1" "$here/mac.wav"',
      powershell: 'printf "%s\\n" "$@" > "$here/args"; /bin/cp "$GREETING_FILE" "$here/windows.wav"',
    });
    await play(SECOND, findPlayers("darwin"));
    await play(SECOND, findPlayers("win32"));
    assert.deepEqual(
      [readFileSync(join(folder, "mac.wav")), readFileSync(join(folder, "windows.wav"))],
      [SECOND, SECOND],
    );
    assert.equal(
      readFileSync(join(folder, "args"), "utf8"),
      "-NoProfile\n-NonInteractive\n-Command\n(New-Object System.Media.SoundPlayer $env:GREETING_FILE).PlaySync()\n",
    );
  });
});

/** What refuses, and the words for it. */
const DISKS = [
  {
    what: "a full file system",
    says: pattern(
      /^nothing is spoken: the disk is full \(ENOSPC, .*\)\. To mend it, /,
      /make room on it; it then goes on by itself\.$/,
    ),
    skip: noMount(),
    make: () => smallDisk(1),
  },
  {
    what: "a limit of file sizes",
    says: pattern(
      /^nothing is spoken: a file would be larger than the disk or the system /,
      /allows \(EFBIG, .*\)\. To mend it, raise the limit/,
    ),
    skip: noLimit(),
    make: () => limitedDisk(process.pid),
  },
];

for (const { what, says, skip, make } of DISKS) {
  describe(`a greeting on ${what}`, { skip: SCRIPTS.skip || skip }, () => {
    const usual = process.env["TMPDIR"];
    let disk: SmallDisk;
    let wavs: string;
    const open: Greeter[] = [];
    before(() => {
      wavs = mkdtempSync(join(tmpdir(), "wavs-"));
      writeFileSync(join(wavs, "said.wav"), SECOND);
      disk = make();
      process.env["TMPDIR"] = disk.folder;
    });
    afterEach(() => {
      disk.empty();
      restorePath();
      for (const each of open.splice(0)) each.close();
    });
    after(() => {
      process.env["TMPDIR"] = usual;
      disk.unmount();
    });

    function greeter(options: object): Greeter {
      const made = new Greeter(speechOptionsSchema.parse(options));
      open.push(made);
      return made;
    }

    for (const [how, ending] of [
      ["fails with words of its own", ""],
      ["says nothing of it", " 2>&- || :"],
    ] as const) {
      it(`goes out as text when the engine ${how}, leaves no file, and is spoken once there is room`, async () => {
        withPrograms({ "espeak-ng": `/bin/cat > /dev/null; /bin/cp '${join(wavs, "said.wav")}' "$6"${ending}` });
        const one = greeter({ engine: "system" });
        disk.fill();
        const [silent] = await one.greet(["Alice"], fails);
        const left = greetingFiles();
        disk.empty();
        assert.deepEqual(
          [silent?.text, silent?.wav, silent?.engine, silent?.problem?.kind, left],
          ["Welcome Alice, have a nice day!", null, "none", "diskFull", []],
        );
        assert.match(said(silent?.problem), says);
        await one.quiet();
        const [spoken] = await one.greet(["Bob"], fails);
        assert.deepEqual([spoken?.wav, spoken?.problem], [SECOND, undefined]);
      });
    }

    it("is sent though it cannot be played, is no file afterwards, and is played once there is room", async () => {
      const folder = withPrograms({ aplay: '/bin/cp "$1" "$here/played.wav"' });
      const one = greeter({ play: true, rate: 450 });
      const problems: Problem[] = [];
      disk.fill();
      const [spoken] = await one.greet(["Alice"], (problem) => problems.push(problem));
      await one.quiet();
      const left = greetingFiles();
      disk.empty();
      assert.deepEqual(
        [spoken?.problem, (spoken?.wav?.length ?? 0) > 44, problems.map(({ kind }) => kind), left],
        [undefined, true, ["diskFull"], []],
      );
      assert.match(said(problems[0]), says);
      const [next] = await one.greet(["Bob"], fails);
      await one.quiet();
      assert.deepEqual(readFileSync(join(folder, "played.wav")), next?.wav);
    });
  });
}
