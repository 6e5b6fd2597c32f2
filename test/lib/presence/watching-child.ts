/** Presence with a real visit book in a process of its own, which a test ends as a power cut does. */
import { noSecret } from "../../../lib/people/lmdb/secret";
import { presenceOptionsSchema } from "../../../lib/presence/options";
import { GalleryPresence } from "../../../lib/presence/presence";
import { euclideanDistance } from "../../../lib/embed/distance";
import { openBook } from "../../../lib/visits/lmdb-book";
import type { Visit } from "../../../lib/visit";
import { doAsAsked } from "../../support/acting-child";
import { decided } from "../../support/decided";

let presence: GalleryPresence;
let ahead = 0;
let sequence = 0;
const told: Pick<Visit, "event" | "visit" | "person" | "lastSeen" | "since">[] = [];
const now = (): { wall: number; mono: number } => ({ wall: Date.now() + ahead, mono: performance.now() + ahead });

const acts = {
  /** @param later milliseconds that the clocks are ahead of the right ones */
  open: async (folder: string, later: number): Promise<void> => {
    ahead = later;
    presence = new GalleryPresence({
      options: presenceOptionsSchema.parse({ away: 30 }),
      gallery: "g",
      node: "p",
      book: await openBook({ folder, secret: noSecret, keepMs: 1e12 }),
      alike: (a, b) => euclideanDistance(a, b) < 0.5,
      pictures: true,
      onVisit: ({ event, visit, person, lastSeen, since }) =>
        void told.push({ event, visit, person, lastSeen, since }),
      onPresence: () => undefined,
      onProblem: (error) => {
        throw error;
      },
      clock: now,
    });
    await presence.ready();
  },
  /** Somebody stands there for so many frames of a track, a quarter of a second apart. */
  stand: (person: string | null, track: number, frames: number): void => {
    for (let index = 0; index < frames; index += 1) {
      ahead += 250;
      sequence += 1;
      const frame = { source: "door", sequence, capturedAt: now().wall, width: 640, height: 480 };
      presence.see({ faces: [decided(person, { track })], frame, picture: undefined });
    }
  },
  /** Nobody is there for so long. */
  wait: (ms: number): void => {
    ahead += ms;
    presence.see({ faces: [], frame: undefined, picture: undefined });
  },
  told: () => told,
};
export type Acts = typeof acts;

doAsAsked(acts);
