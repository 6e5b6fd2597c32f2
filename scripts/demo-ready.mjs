// When the demo's recognizer is ready to begin, and when it has nothing left to do.
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { IDS } from "./demo-flow.mjs";

const require = createRequire(import.meta.url);
const LOOK_MS = 100;

/** Wait until so many people are known. @param gallery of the face-gallery node */
export async function enrolled(gallery, people, signal) {
  await gallery.start();
  // A photo that could not be read at first is tried again.
  while (gallery.people.length < people && !signal.aborted) await pause(LOOK_MS);
}

/**
 * Empty pictures, sent through all stages before the first person comes: once they are through, every network is
 * loaded.
 */
export class Rehearsal {
  #waiting = 0;
  #through;

  /** @param receive hands a message to the node of an id. Resolves when all have left face-match */
  async play(receive) {
    const SIZE = 200;
    const payload = await require("sharp")({ create: { width: SIZE, height: SIZE, channels: 3, background: "grey" } })
      .jpeg()
      .toBuffer();
    const through = new Promise((resolve) => {
      this.#through = resolve;
    });
    const messages = [
      [IDS.detect, {}],
      // A face that is none: the networks look at it all the same.
      [IDS.embed, { faces: [{ box: { x: 50, y: 50, width: 100, height: 100 }, score: 1 }] }],
    ];
    this.#waiting = messages.length;
    for (const [id, message] of messages) receive(id, { payload, rehearsal: true, ...message });
    await through;
  }

  includes(message) {
    return message.rehearsal === true;
  }

  passed() {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#through();
  }
}

/** Counts what the nodes have received and not yet done. */
export class Work {
  #open = 0;
  #last = Date.now();

  /** @param ids of the nodes that count: each says when it is done with a message */
  constructor(RED, ids) {
    const count = (by) => {
      this.#open += by;
      this.#last = Date.now();
    };
    RED.hooks.add("onReceive.demo", ({ destination }) => {
      if (ids.includes(destination.id)) count(1);
    });
    RED.hooks.add("onComplete.demo", ({ node }) => {
      if (ids.includes(node.id)) count(-1);
    });
  }

  /** Resolves when nothing was to be done for so long. */
  async done(quietMs) {
    while (this.#open > 0 || Date.now() - this.#last < quietMs) await pause(LOOK_MS);
  }
}
