import { join } from "node:path";
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Gallery } from "../../lib/gallery/gallery";
import { Gate, type GateParts } from "../../lib/gate/gate";
import { type GateOptions, gateOptionsSchema } from "../../lib/gate/options";
import { REASON_SENTENCES } from "../../lib/gate/sentences";
import type { Deny, Grant } from "../../lib/grant";
import { CONTRACT_VERSION, type FaceMessage } from "../../lib/message";
import { MAY_MISS } from "../../lib/people/store";
import { isSealed } from "../../lib/presence/seal";
import { parseOptions } from "../../lib/validate";
import { inTime } from "../../lib/workers/in-time";
import type { MatchRule, ServedGate } from "../../api/host";
import { deployedNodes, isDeployed, onceATurn } from "../common/deployed";
import { migrated } from "../common/migrate";
import { onClose } from "../common/on-close";
import { openPatiently } from "../common/patient";
import { logFault, nameError, onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables, wordsOf } from "../common/options";
import { failToStart, liveStatus, shortName, type Status } from "../common/status";
import { type FaceGalleryNode, galleryNodeOf } from "../face-gallery/face-gallery";
import { say, speakAs } from "../common/language";
import { MIGRATIONS } from "./migrations/index";

export interface FaceGateDef extends NodeDef {
  gallery: string;
  /** "staff, family": who may pass; empty is everybody of the gallery. */
  groups: string;
  schedule?: unknown[];
  /** "door, hall": where people stand who want in; empty is everywhere. */
  zones: string;
  alone: boolean | string;
  liveness: string;
  /** Seconds. */
  challenge: string | number;
  factor: string;
  freshness: string | number;
  window: string | number;
  pulse: string | number;
  sure: string | number;
  pictures: boolean | string;
  shared?: boolean | string;
}

interface FaceGateNode extends Node, ServedGate {}

/** At most once: a broker that could not deliver it is not to open the door later. */
const QUALITY_OF_SERVICE = 0;
const GRANT_OUTPUT = 0;
const DENY_OUTPUT = 1;
/** Node-RED waits fifteen seconds. */
const CLOSING_MS = 12_000;
/** How long a badge shows why nobody was let in. */
const DENIED_MS = 5000;
/** NIST SP 800-63B-4: of 10,000 strangers one may be taken for somebody. */
const WANTED = 0.0001;

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceGate(this: FaceGateNode, saved: FaceGateDef): void {
    RED.nodes.createNode(this, saved);
    const def = migrated({ ...saved }, MIGRATIONS);
    let options: GateOptions;
    let people: FaceGalleryNode;
    try {
      requireVariables({ ...def });
      people = galleryNodeOf(RED, def.gallery);
      options = optionsOf(def);
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const show = liveStatus(this);
    const closing = new AbortController();
    const told = (error: unknown): void => {
      logFault(this, error);
      this.error(nameError(this, error).message);
    };
    let gallery: Gallery | undefined;
    const rules = onceATurn((): MatchRule[] =>
      deployedNodes(RED, "face-match").flatMap(({ id }) => {
        const { decidesBy } = (RED.nodes.getNode(id) ?? {}) as { decidesBy?: MatchRule };
        return decidesBy?.gallery === people.id ? [decidesBy] : [];
      }),
    );
    const facenet = join(RED.settings.userDir ?? process.cwd(), "facenet");
    const parts: GateParts = {
      id: this.id,
      name: this.name || this.type,
      folder: join(facenet, this.id),
      sharedFolder: options.shared ? join(facenet, people.id, "factors") : undefined,
      key: people.credentials?.key,
      gallery: people.id,
      options,
      isSealed,
      open: () => gallery !== undefined && !people.closing.aborted,
      normalised: () => gallery?.roster.normalised === true && rules().every(({ distance }) => distance === "cohort"),
      known: (person) => gallery?.member(person),
      isThere: isDeployed(RED, "face-presence"),
      say: (reason) => say(REASON_SENTENCES[reason]),
      onFault: told,
      closing: closing.signal,
      onWait: () => show({ fill: "yellow", shape: "ring", text: RED._("face-gate.status.waiting") }),
    };
    const { opened: opening, now } = openPatiently(() => Gate.open(parts), {
      signal: closing.signal,
      onRefused: (error) => {
        show({ fill: "red", shape: "ring", text: RED._("face-gate.status.waiting_disk") });
        told(error);
      },
    });
    this.open = now;
    this.galleryId = people.id;
    /** Until when the badge shows what was decided. */
    let heldUntil = 0;
    let timer: NodeJS.Timeout | undefined;
    this.on("close", () => clearTimeout(timer));
    const rest = (gate: Gate): void => show(statusOf(RED, gate, options));
    const hold = (gate: Gate, status: Status, ms: number): void => {
      show(status);
      heldUntil = Date.now() + ms;
      clearTimeout(timer);
      timer = setTimeout(() => rest(gate), ms);
    };
    const begin = (gate: Gate): void => {
      gate.on("grant", (grant) => {
        this.send(toOutput(GRANT_OUTPUT, { grant }));
        const text = RED._("face-gate.status.open", { name: shortName(grant.name) });
        hold(gate, { fill: "green", shape: "dot", text }, options.pulse);
      });
      gate.on("deny", (deny) => {
        this.send(toOutput(DENY_OUTPUT, { deny }));
        hold(gate, { fill: "red", shape: "dot", text: RED._(`face-gate.status.${deny.reason}`) }, DENIED_MS);
      });
      rest(gate);
    };
    opening.then(begin, (error: unknown) => {
      // It was still waiting for the one before.
      if (closing.signal.aborted) return;
      this.status({ fill: "red", shape: "ring", text: RED._("face-gate.status.unusable") });
      told(error);
    });
    const follow = async (): Promise<void> => {
      const opened = await people.gallery;
      await opened.loaded();
      if (closing.signal.aborted) return;
      gallery = opened;
      const forget = (id: string): void => {
        opening
          .then((gate) => gate.forget(id))
          .catch((error: unknown) => {
            // It was not open yet: the next one finds that they are gone.
            if (!closing.signal.aborted) told(error);
          });
      };
      opened.on("forgotten", forget);
      this.on("close", () => opened.off("forgotten", forget));
      // With records missing nobody is gone because they are not among them.
      if (opened.problems.some(({ code }) => MAY_MISS.has(code))) return;
      const gate = await opening;
      await gate
        .forgetGone((person) => opened.member(person) !== undefined)
        .catch((error: unknown) => {
          if (!closing.signal.aborted) told(error);
        });
    };
    // Why one of them cannot be opened it has said itself; the gate denies.
    follow().catch(() => undefined);
    let looseTold = false;
    onInput(
      this,
      async (message) => {
        const gate = await now();
        const loose = rules().find(({ wanted }) => wanted === undefined || wanted > WANTED);
        if (loose !== undefined && !looseTold) this.warn(RED._("face-gate.warn.loose"));
        looseTold ||= loose !== undefined;
        // What comes of it the gate tells by itself: who comes while a PIN is compared must not wait.
        gate.receive(message);
        if (Date.now() > heldUntil) rest(gate);
      },
      { policy: "queue" },
    );
    onClose(this, () => {
      closing.abort();
      const closed = opening.then((gate) => gate.close());
      return inTime(closed, CLOSING_MS);
    });
  }
  RED.nodes.registerType("face-gate", FaceGate);
}

/** The form's values as options. @throws a sentence */
function optionsOf(def: FaceGateDef): GateOptions {
  return parseOptions(
    gateOptionsSchema,
    {
      groups: wordsOf(def.groups),
      schedule: def.schedule,
      zones: wordsOf(def.zones),
      alone: optionalFlag(def.alone),
      liveness: def.liveness || undefined,
      challenge: optionalNumber(def.challenge),
      factor: def.factor || undefined,
      freshness: optionalNumber(def.freshness),
      window: optionalNumber(def.window),
      pulse: optionalNumber(def.pulse),
      sure: optionalNumber(def.sure),
      pictures: optionalFlag(def.pictures),
      shared: optionalFlag(def.shared),
    },
    "face-gate",
  );
}

/** A message of its own: nothing of a PIN goes on. It is never retained. */
function toOutput(output: number, told: { grant: Grant } | { deny: Deny }): (FaceMessage | null)[] {
  const message = {
    ...told,
    payload: "grant" in told ? told.grant : told.deny,
    retain: false,
    qos: QUALITY_OF_SERVICE,
    face: { version: CONTRACT_VERSION },
  } as unknown as FaceMessage;
  return [GRANT_OUTPUT, DENY_OUTPUT].map((each) => (each === output ? message : null));
}

function statusOf(RED: NodeAPI, gate: Gate, { factor }: GateOptions): Status {
  const { off, wait } = gate.lockOf(null);
  if (off) return { fill: "red", shape: "ring", text: RED._("face-gate.status.switched_off") };
  if (wait > 0) return { fill: "red", shape: "ring", text: RED._("face-gate.status.locked") };
  const [ready] = factor === "none" ? [] : gate.ready;
  if (ready?.name != null)
    return {
      fill: "blue",
      shape: "dot",
      text: RED._(`face-gate.status.ready_${factor}`, { name: shortName(ready.name) }),
    };
  return factor === "none"
    ? { fill: "yellow", shape: "ring", text: RED._("face-gate.status.face_alone") }
    : { fill: "grey", shape: "dot", text: RED._("face-gate.status.closed") };
}
