// A site of bench/sites-processes.ts: a whole one, store and log, with stand-in embeddings. As built: `npm run build`.
const { mkdirSync } = require("node:fs");
const { openStore } = require("../dist/lib/people/lmdb/store.js");
const { openPostgresLog } = require("../dist/lib/sites/postgres/log.js");
const { Site } = require("../dist/lib/sites/site.js");
const { SerialQueue } = require("../dist/lib/workers/serial-queue.js");

const { folder, name, options } = JSON.parse(process.argv[2]);
const DIMENSIONS = 128;
const idOf = (letter, number) => `${letter}${number.toString(16).padStart(11, "0")}`;

/** Somebody with photos, without pictures. */
function enrolment(number, photos) {
  const id = idOf("a", number);
  const quality = { size: 50, blur: 90, yaw: 1, pitch: 2, roll: 3, exposure: 120 };
  return {
    people: [
      {
        id,
        name: `Person ${number}`,
        notes: "",
        groups: ["staff"],
        consentOn: null,
        validFrom: null,
        validUntil: null,
        createdAt: 1,
        lastSeenAt: null,
      },
    ],
    photos: Array.from({ length: photos }, (_, index) => {
      const photoId = idOf("b", number * photos + index);
      const vector = Float32Array.from({ length: DIMENSIONS }, () => Math.random() - 0.5);
      return {
        photo: { id: photoId, personId: id, origin: { by: "upload" }, addedAt: 2, size: 0, quality, accepted: [] },
        bytes: undefined,
        thumbnail: undefined,
        embeddings: [{ photoId, personId: id, model: "m", fingerprint: "f", vector }],
      };
    }),
  };
}

async function main() {
  mkdirSync(folder, { recursive: true });
  const store = await openStore({ folder });
  const queue = new SerialQueue();
  /** Embeddings that are missing of somebody who is to be known. */
  const awaited = new Map();
  store.on("change", ({ put }) => {
    for (const { personId } of put.embeddings) {
      const left = (awaited.get(personId) ?? Infinity) - 1;
      awaited.set(personId, left);
      if (left === 0) process.send({ known: personId, at: Date.now() });
    }
  });
  const site = await Site.open({
    store,
    beside: { folder, secret: store.secret },
    name,
    passPhrase: "a key of all sites",
    exclusively: (work) => queue.run(work),
    connect: (of) => openPostgresLog(options, of),
  });
  const ready = () => {
    const { reachable, waiting, followed, head } = site.state;
    return reachable && waiting === 0 && followed === head;
  };
  const tell = () => {
    if (!ready()) return;
    site.off("state", tell);
    process.send({ ready: true });
  };
  site.on("state", tell);
  tell();
  process.on("message", (order) => {
    void obey(order).catch((error) => process.send({ failed: String(error) }));
  });

  async function obey({ enrol, photos, awaits, end }) {
    if (awaits !== undefined) {
      awaited.set(idOf("a", awaits), photos);
      process.send({ awaits });
    } else if (enrol !== undefined) {
      const asked = Date.now();
      await queue.run(() => store.putMany(enrolment(enrol, photos)));
      process.send({ acknowledged: idOf("a", enrol), asked, at: Date.now() });
    } else if (end) {
      process.send({ memory: process.memoryUsage.rss(), people: store.people().length });
      await site.close();
      await store.close();
      process.exit(0);
    }
  }
}

void main().catch((error) => {
  console.error(error);
  process.exit(1);
});
