/**
 * A large gallery: how long it takes to fill, to open, to list, to identify, and what a person sees in the editor.
 *   npm run bench:people -- [--people 10000] [--photos 5] [--screenshot FILE]
 * The editor's part needs Chromium (CHROMIUM, else /usr/bin/chromium) and is left out without it. People are invented:
 * random
 * embeddings, one real portrait as everybody's picture.
 */
import { existsSync, mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { createEncoder } from "../lib/enrol/encoder";
import type { Person } from "../lib/people/people";
import { openStore } from "../lib/people/lmdb/store";
import { linkedUserDir, startNodeRed } from "../test/support/node-red";
import { portrait } from "../test/support/photos";
import { seeded } from "./statistics";

const DIMENSIONS = 128;
const ROUNDS = 20;
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const { values } = parseArgs({
  options: {
    people: { type: "string", default: "10000" },
    photos: { type: "string", default: "5" },
    screenshot: { type: "string" },
  },
});
const [count, each] = [Number(values.people), Number(values.photos)];
const random = seeded(1);
const idOf = (number: number, salt: string): string => `${salt}${number.toString(16).padStart(11, "0")}`;

const SYLLABLES = ["ka", "ri", "mo", "len", "sa", "to", "bel", "an", "dra", "vi", "no", "el", "mi", "ja", "ru"];
const nameOf = (number: number): string => {
  const word = (from: number): string =>
    [0, 1, 2].map((place) => SYLLABLES[Math.floor(from / 15 ** place) % 15]).join("");
  return `${word(number)} ${word(number * 7919)} ${number}`.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
};

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}

async function fill(folder: string): Promise<void> {
  const encoder = await createEncoder({});
  const { model, fingerprint } = encoder;
  await encoder.close();
  const picture = await sharp(await portrait("green"))
    .resize(320)
    .jpeg()
    .toBuffer();
  const thumbnail = await sharp(picture).resize(96).jpeg().toBuffer();
  const store = await openStore({ folder });
  const { ms } = await timed(async () => {
    for (let number = 0; number < count; number += 1) {
      const person: Person = {
        id: idOf(number, "a"),
        name: nameOf(number),
        notes: "",
        groups: [["family", "staff", "members"][number % 3] as string],
        consentOn: "2026-11-24",
        validFrom: null,
        validUntil: null,
        createdAt: Date.now() - number * 1000,
        lastSeenAt: number % 4 === 0 ? Date.now() - number * 60_000 : null,
      };
      // One acknowledged write a photo, as enrolment does; the first with a picture.
      for (let photo = 0; photo < each; photo += 1) {
        const id = idOf(number * each + photo, "b");
        const vector = Float32Array.from({ length: DIMENSIONS }, () => (random() - 0.5) / 4);
        const kept = photo === 0;
        await store.addPhoto({
          person,
          photo: {
            id,
            personId: person.id,
            origin: { by: "import" },
            addedAt: Date.now(),
            size: kept ? picture.length : 0,
            quality: null,
            accepted: [],
          },
          bytes: kept ? picture : undefined,
          thumbnail: kept ? thumbnail : undefined,
          embeddings: [{ photoId: id, personId: person.id, model, fingerprint, vector }],
        });
      }
    }
  });
  console.log(
    `filled: ${(ms / 1000).toFixed(1)} s, ${((1000 * count * each) / ms).toFixed(0)} photos/s, each ` +
      "acknowledged on its own (without detecting and embedding)",
  );
  const closing = await timed(() => store.close());
  console.log(`closed with a backup: ${(closing.ms / 1000).toFixed(1)} s`);
}

async function lookAt(url: string): Promise<void> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    await page.goto(url);
    await page.locator(".red-ui-palette-node").first().waitFor();
    const rows = page.locator("button.facenet-row");
    const opened = await timed(async () => {
      await page.evaluate(() => {
        (globalThis as unknown as { RED: { sidebar: { show(id: string): void } } }).RED.sidebar.show("facenet");
      });
      await rows.first().waitFor();
    });
    console.log(
      `sidebar opened, first people shown: ${opened.ms.toFixed(0)} ms; rows in the page: ${await rows.count()}`,
    );
    const wanted = nameOf(count - 1);
    const search = page.locator(".facenet-filters input").first();
    const found = await timed(async () => {
      await search.fill(wanted);
      await rows.filter({ hasText: wanted }).waitFor();
      while ((await rows.count()) > 1) await page.waitForTimeout(5);
    });
    console.log(`searched for one person: ${found.ms.toFixed(0)} ms from the key to the only row`);
    await search.fill("");
    await rows.nth(5).waitFor();
    const scrolled = await timed(async () => {
      await page.evaluate(() => {
        const list = [...document.querySelectorAll(".facenet-sidebar *")].find(
          (element) => element.scrollHeight > element.clientHeight + 10_000,
        );
        if (list !== undefined) list.scrollTop = list.scrollHeight / 2;
      });
      await page.waitForTimeout(50);
      await rows.first().waitFor();
    });
    console.log(`scrolled to the middle: ${scrolled.ms.toFixed(0)} ms; rows in the page: ${await rows.count()}`);
    if (values.screenshot !== undefined) {
      await page.waitForTimeout(1500);
      await page.screenshot({ path: values.screenshot });
    }
  } finally {
    await browser.close();
  }
}

async function main(): Promise<void> {
  console.log(
    `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? "unknown"} × ${cpus().length} · Node.js ` +
      `${process.version} · ${count} people with ${each} embeddings each`,
  );
  const userDir = linkedUserDir();
  const own = join(userDir, "facenet/g");
  mkdirSync(join(own, "photos"), { recursive: true, mode: 0o700 });
  await fill(join(own, "people"));
  const started = performance.now();
  const red = await startNodeRed(
    [
      { id: "z", type: "tab", label: "people" },
      { id: "g", type: "face-gallery", name: "Members", folder: "", model: "dlib-resnet-v1" },
    ],
    { userDir },
  );
  try {
    const api = `${red.url}/facenet/api`;
    const first = (await (await fetch(`${api}/g/people?limit=1`)).json()) as { total: number };
    console.log(
      `Node-RED started, ${first.total} people known: ${((performance.now() - started) / 1000).toFixed(1)} s in all`,
    );
    for (const [what, path] of [
      ["a page of 50", "/g/people"],
      ["a search", "/g/people?search=zzz"],
      ["by last seen", "/g/people?sort=lastSeen"],
      ["the summary", "/galleries"],
    ] as const) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1)
        times.push((await timed(async () => (await fetch(api + path)).text())).ms);
      console.log(`  ${what.padEnd(14)} ${times.toSorted((a, b) => a - b)[ROUNDS / 2]?.toFixed(1)} ms`);
    }
    const deleted = await timed(() =>
      fetch(`${api}/g/people/${idOf(1, "a")}`, { method: "DELETE" }).then((answer) => answer.json()),
    );
    console.log(`  one deleted for good: ${(deleted.ms / 1000).toFixed(1)} s`);
    if (existsSync(CHROMIUM)) await lookAt(red.url);
    else console.log("no Chromium: the editor was not looked at");
  } finally {
    await red.stop();
  }
}

void main();
