/** A gate in a process of its own, which a test kills. */
import { Gate } from "../../lib/gate/gate";
import { gateOptionsSchema } from "../../lib/gate/options";
import { isSealed, sealOf } from "../../lib/presence/seal";
import { doAsAsked } from "./acting-child";
import { ALICE, GALLERY, someone } from "./gate";

let gate: Gate | undefined;
const said: string[] = [];
let sequence = 0;

export const acts = {
  async open(folder: string): Promise<void> {
    gate = await Gate.open({
      id: "gate",
      name: "door",
      folder,
      gallery: GALLERY,
      options: gateOptionsSchema.parse({}),
      isSealed,
      open: () => true,
      normalised: () => true,
      known: () => ALICE,
      say: (reason) => reason,
      onFault: (error) => said.push(String(error)),
      closing: new AbortController().signal,
    });
    gate.on("grant", () => said.push("grant")).on("deny", ({ reason }) => said.push(reason));
  },

  async pin(value: string): Promise<void> {
    await gate?.setFactor("alice", "pin", value);
  },

  /** Somebody comes and types. @returns what was told since it was asked last */
  async type(value: string): Promise<string[]> {
    sequence += 1;
    const told = { gallery: GALLERY, at: Date.now(), sequence, here: [someone(Date.now())] };
    gate?.receive({ presence: { ...told, seal: sealOf(told) }, factor: value });
    await gate?.settled();
    return said.splice(0);
  },

  /** The same again and again, as fast as it can, until it is killed. */
  flood(value: string): void {
    const again = (): void => {
      acts.type(value).then(again, again);
    };
    again();
  },

  lock(): { failures: number; off: boolean; wait: number } | undefined {
    return gate?.lockOf("alice");
  },
};

export type GateActs = typeof acts;

doAsAsked(acts);
