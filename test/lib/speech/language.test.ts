import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compose, languageOf, stretches } from "../../../lib/speech/language";
import { speechOptionsSchema } from "../../../lib/speech/options";
import { MAX_PEOPLE, Presence } from "../../../lib/speech/presence";
import { speakable } from "../../../lib/speech/speakable";
import { TEMPLATES } from "../../../lib/speech/templates";

const texts = (names: string[], language = "auto", defaultLanguage = "en", template = ""): string[] =>
  compose(names, language, defaultLanguage, template).map(({ lang, text }) => `${lang}: ${text}`);

describe("greetings", () => {
  it("joins names as English does", () => {
    assert.deepEqual(
      [texts(["Alice"]), texts(["A", "B"]), texts(["A", "B", "C"])],
      [
        ["en: Welcome Alice, have a nice day!"],
        ["en: Welcome A and B, have a nice day!"],
        ["en: Welcome A, B, and C, have a nice day!"],
      ],
    );
  });

  it("joins them as other languages do", () => {
    assert.deepEqual(
      [
        ["A", "zh-TW"],
        ["B", "zh-CN"],
        ["A", "es"],
        ["A", "de"],
        ["A", "fr"],
        ["A", "ja"],
      ].map(([, language]) => texts(["A", "B", "C"], language)[0]),
      [
        "zh-TW: 歡迎A、B和C，祝您有美好的一天！",
        "zh-CN: 欢迎A、B和C，祝您有美好的一天！",
        "es: ¡Hola, A, B y C! ¡Feliz día!",
        "de: Willkommen A, B und C, einen schönen Tag noch!",
        "fr: Bienvenue A, B et C, bonne journée !",
        "ja: Aさん、Bさん、Cさん、ようこそ。よいいちにちを！",
      ],
    );
  });

  it("goes by the script of the name, a greeting for each language", () => {
    assert.deepEqual(texts(["小明", "Alice", "美玲"]), [
      "zh-TW: 歡迎小明和美玲，祝您有美好的一天！",
      "en: Welcome Alice, have a nice day!",
    ]);
    assert.deepEqual(
      ["Иван", "Їжак", "さくら", "철수", "Ελένη", "سلمى", "דוד", "रवि", "สมชาย", "Zoë"].map((name) =>
        languageOf(name, "de"),
      ),
      ["ru", "uk", "ja", "ko", "el", "ar", "he", "hi", "th", "de"],
    );
  });

  it("leaves a name to the default language where that has its letters", () => {
    assert.deepEqual(
      [
        languageOf("小明", "zh-CN"),
        languageOf("小明", "ja"),
        languageOf("小明", "en"),
        languageOf("Иван", "uk"),
        languageOf("Alice", "zh-TW"),
      ],
      ["zh-CN", "ja", "zh-TW", "uk", "zh-TW"],
    );
  });

  it("greets all in the language that was set", () => {
    assert.deepEqual(texts(["小明", "Alice"], "en"), ["en: Welcome 小明 and Alice, have a nice day!"]);
  });

  it("finds the greeting of a language's variants, and greets in English where there is none", () => {
    assert.deepEqual(
      ["zh", "zh-Hant", "zh-HK", "yue", "en-GB", "pt-BR", "no", "sw"].map((language) => texts(["A"], language)[0]),
      [
        "zh: 欢迎A，祝您有美好的一天！",
        "zh-Hant: 歡迎A，祝您有美好的一天！",
        "zh-HK: 歡迎A，祝您有美好的一天！",
        "yue: 歡迎A，祝您有美好的一天！",
        "en-GB: Welcome A, have a nice day!",
        "pt-BR: Boas-vindas, A, e um ótimo dia!",
        "no: Velkommen A, ha en fin dag!",
        "en: Welcome A, have a nice day!",
      ],
    );
  });

  it("says what the user wrote, in any language", () => {
    assert.deepEqual(texts(["$& Bob"], "en", "en", "Hi {names}!"), ["en: Hi $& Bob!"]);
    assert.deepEqual(texts(["さくら"], "auto", "sw", "Habari {names}\u0000!"), ["ja: Habari さくら !"]);
    assert.deepEqual(texts(["Asha"], "auto", "sw", "Habari {names}!"), ["sw: Habari Asha!"]);
    assert.throws(() => speechOptionsSchema.parse({ template: "Hi!" }), /must have \{names\} in it/);
  });

  it("names who is greeted as the gallery has them", () => {
    assert.deepEqual(compose(["Ada_Lovelace 🎉"], "auto", "en", ""), [
      { lang: "en", names: ["Ada_Lovelace 🎉"], text: "Welcome Ada Lovelace, have a nice day!" },
    ]);
  });

  it("has a place for the names in every language, once", () => {
    for (const [language, template] of Object.entries(TEMPLATES))
      assert.equal(template.split("{names}").length, 2, language);
  });
});

describe("a name as it is said", () => {
  it("has no markup, no phonemes, no path and no control characters", () => {
    assert.deepEqual(
      [
        "<b>Eve</b>\u0000\n",
        "[[w'Vn]] Bob",
        "../etc/passwd",
        "a\\b",
        "\u202eevil\u202c",
        "<speak><break time='9s'/></speak>",
        "\ud800Alice",
      ].map(speakable),
      ["b Eve b", "w'Vn Bob", ".. etc passwd", "a b", "evil", "speak break time='9s' speak", "Alice"],
    );
  });

  it("has no emoji beside letters, and keeps digits, joiners and accents", () => {
    assert.deepEqual(["Zoë 🎉👨‍👩‍👧", "R2-D2", "Bob 🇹🇼 👍🏽", "क्‍ष", "Zoe\u0308"].map(speakable), [
      "Zoë",
      "R2-D2",
      "Bob",
      "क्‍ष",
      "Zoë",
    ]);
  });

  it("is an emoji where there is nothing else, and nothing where there is nothing to say", () => {
    assert.deepEqual(["🎉", "", " ", "<>/", "\u0000", "…"].map(speakable), ["🎉", "", "", "", "", ""]);
    assert.deepEqual(compose(["<>", "\u0007"], "auto", "en", ""), []);
  });

  it("is not longer than 80 characters, whole ones", () => {
    assert.equal(speakable("x".repeat(300)).length, 80);
    assert.equal(speakable("\u0928\u093f".repeat(300)), "\u0928\u093f".repeat(80));
    assert.equal(speakable("y".repeat(5_000_000)).length, 80);
  });
});

describe("a text that one voice cannot read", () => {
  it("is cut where the letters are another language's", () => {
    assert.deepEqual(stretches("Welcome Alice and 小明, have a nice day!", "en"), [
      { text: "Welcome Alice and " },
      { text: "小明", language: "zh-TW" },
      { text: ", have a nice day!" },
    ]);
    assert.deepEqual(stretches("Hi Лев Толстой and Їжак!", "de"), [
      { text: "Hi " },
      { text: "Лев Толстой", language: "ru" },
      { text: " and " },
      { text: "Їжак", language: "uk" },
      { text: "!" },
    ]);
    assert.deepEqual(stretches("太郎さん", "ja"), [{ text: "太郎", language: "zh-TW" }, { text: "さん" }]);
  });

  it("is left whole where its language has the letters, or they are Latin", () => {
    for (const [text, language] of [
      ["歡迎Alice，祝您有美好的一天！", "zh-TW"],
      ["Ласкаво просимо, Іван", "uk"],
      ["Welcome Zoë!", "en"],
      ["철수님", "ko"],
    ] as const)
      assert.deepEqual(stretches(text, language), [{ text }]);
  });
});

describe("options", () => {
  it("have their defaults, and refuse what no engine can do", () => {
    assert.deepEqual(speechOptionsSchema.parse({}), {
      engine: "auto",
      language: "auto",
      defaultLanguage: "en",
      template: "",
      voice: "",
      rate: 160,
      play: false,
      cooldown: 60,
    });
    for (const wrong of [
      { engine: "loud" },
      { language: "klingonish!" },
      { defaultLanguage: "auto!" },
      { rate: 0 },
      { cooldown: -1 },
      { voice: "--help" },
      { voice: "a\nb" },
      { voice: "$(reboot)" },
    ])
      assert.equal(speechOptionsSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
    for (const voice of ["en-us+f3", "gmw/en-GB-scotland", "Microsoft Zira Desktop", "Samantha (Enhanced)"])
      assert.equal(speechOptionsSchema.parse({ voice }).voice, voice);
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

  it("remembers a bounded number of people, those seen last", () => {
    const presence = new Presence(60, () => 0);
    const people = Array.from({ length: MAX_PEOPLE + 1 }, (_, index) => `person ${index}`);
    presence.greeted(people.slice(0, MAX_PEOPLE));
    assert.deepEqual(presence.arrivals(["person 0"]), []);
    presence.greeted(people.slice(MAX_PEOPLE));
    assert.deepEqual(presence.arrivals(["person 0", "person 1", "person 2", `person ${MAX_PEOPLE}`]), ["person 1"]);
  });
});
