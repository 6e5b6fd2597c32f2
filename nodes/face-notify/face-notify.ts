import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { IClientOptions } from "mqtt";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { packageFile } from "../../lib/assets";
import { UserError } from "../../lib/errors";
import type { Gallery } from "../../lib/gallery/gallery";
import type { FaceMessage } from "../../lib/message";
import type { Broker } from "../../lib/notify/link";
import { MOST_PEOPLE, Notifier } from "../../lib/notify/notifier";
import { remember } from "../../lib/notify/remember";
import { notifyOptionsSchema } from "../../lib/notify/options";
import type { PersonEntry } from "../../lib/search/entries";
import { parseOptions } from "../../lib/validate";
import { readPresence, readVisit } from "../../lib/visit";
import { phrase } from "../../lib/words/sentence";
import { runtimeLanguage, say, speakAs } from "../common/language";
import { isDeployed } from "../common/deployed";
import { onClose } from "../common/on-close";
import { logFault, nameError, onInput } from "../common/on-input";
import { optionalFlag, optionalNumber, requireVariables } from "../common/options";
import { failToStart } from "../common/status";
import { type FaceGalleryNode, galleryNodeOf, whenOpen } from "../face-gallery/face-gallery";

export interface FaceNotifyDef extends NodeDef {
  /** Node-RED's own mqtt-broker node: its address, login and TLS. */
  broker: string;
  gallery: string;
  prefix: string;
  device: string;
  namedTopics: boolean | string;
  pictures: boolean | string;
  strangers: boolean | string;
  /** Seconds. */
  patience: string | number;
}

/** What is used of Node-RED's mqtt-broker node (4.0 to 5.0, packages/node_modules/@node-red/nodes, 10-mqtt.js). */
interface BrokerNode extends Node {
  brokerurl: string;
  options: IClientOptions;
}

/** People may change by the hundred, as a folder is read; each list costs as much as there are people. */
const PEOPLE_STEP_MS = 500;

const { version } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string };

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceNotify(this: Node, def: FaceNotifyDef): void {
    RED.nodes.createNode(this, def);
    let people: FaceGalleryNode;
    let notifier: Notifier;
    try {
      requireVariables({ ...def });
      people = galleryNodeOf(RED, def.gallery);
      brokerOf(RED, def.broker);
      notifier = new Notifier({
        id: this.id,
        host: hostname(),
        broker: () => brokerOf(RED, def.broker),
        options: parseOptions(
          notifyOptionsSchema,
          {
            prefix: def.prefix || undefined,
            device: def.device || undefined,
            namedTopics: optionalFlag(def.namedTopics),
            pictures: optionalFlag(def.pictures),
            strangers: optionalFlag(def.strangers),
            patience: optionalNumber(def.patience),
          },
          "face-notify",
        ),
        language: runtimeLanguage(),
        isThere: isDeployed(RED, "face-presence"),
        version,
      });
    } catch (error) {
      failToStart(this, error);
      return;
    }
    tellOf(this, notifier, RED);
    let closed = false;
    const start = async (): Promise<void> => {
      const gallery = await whenOpen(people);
      await gallery.loaded();
      if (closed) return;
      const known = followPeople(this, gallery, notifier);
      // A disk that refuses holds nobody up: what the broker still has stands.
      if (gallery.visits !== undefined)
        await remember(notifier, gallery.visits, known).catch((error: unknown) => logFault(this, error));
      if (!closed) notifier.start();
    };
    const started = start();
    started.catch((error: unknown) => {
      if (closed) return;
      logFault(this, error);
      this.status({ fill: "red", shape: "ring", text: RED._("face-notify.status.gallery") });
    });
    onInput(
      this,
      async (message, send) => {
        await started;
        tell(message, people.id, notifier);
        send(message);
      },
      { policy: "queue" },
    );
    onClose(this, (removed) => {
      closed = true;
      return notifier.close(removed);
    });
  }
  RED.nodes.registerType("face-notify", FaceNotify);
}

/** @throws a sentence when the id is not that of an mqtt-broker node */
function brokerOf(RED: NodeAPI, id: string): Broker {
  const node = (id ? RED.nodes.getNode(id) : undefined) as BrokerNode | null | undefined;
  if (typeof node?.brokerurl !== "string" || node.brokerurl === "") throw new UserError("notify.noBroker");
  return { url: node.brokerurl, options: node.options };
}

/** @throws a sentence when the message tells of no visit, or of one that is not read */
function tell(message: FaceMessage, gallery: string, notifier: Notifier): void {
  const { visit, presence } = message as { visit?: unknown; presence?: unknown };
  if (visit === undefined && presence === undefined) throw new UserError("notify.neither");
  const told = {
    visit: visit === undefined ? undefined : readVisit(visit),
    presence: presence === undefined ? undefined : readPresence(presence),
  };
  if ([told.visit, told.presence].some((each) => each !== undefined && each.gallery !== gallery))
    throw new UserError("notify.otherGallery");
  if (told.presence !== undefined) notifier.tellPresence(told.presence);
  if (told.visit !== undefined) notifier.tellVisit(told.visit);
}

/** Whoever is added, deleted or called otherwise is told of. @returns who there is now */
function followPeople(node: Node, gallery: Gallery, notifier: Notifier): PersonEntry[] {
  let warned = false;
  const list = (): PersonEntry[] => {
    const { people, total } = gallery.listPeople({ limit: MOST_PEOPLE });
    notifier.setPeople(people);
    if (total > MOST_PEOPLE && !warned) node.warn(say(phrase("notify.tooMany", { most: MOST_PEOPLE, number: total })));
    warned = total > MOST_PEOPLE;
    return people;
  };
  let timer: NodeJS.Timeout | undefined;
  const change = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      list();
    }, PEOPLE_STEP_MS);
  };
  gallery.on("change", change);
  node.on("close", () => {
    gallery.off("change", change);
    clearTimeout(timer);
  });
  return list();
}

/** The badge and the log. */
function tellOf(node: Node, notifier: Notifier, RED: NodeAPI): void {
  let reason: string | undefined;
  node.status({ fill: "yellow", shape: "ring", text: RED._("face-notify.status.connecting") });
  notifier.on("change", () => {
    if (notifier.isConnected)
      node.status({
        fill: "green",
        shape: "dot",
        text: RED._("face-notify.status.connected", { number: notifier.count }),
      });
    else node.status({ fill: "red", shape: "ring", text: RED._("face-notify.status.away") });
    // Each reason once, however often it is tried.
    if (notifier.away !== undefined && notifier.away !== reason)
      node.warn(nameError(node, new UserError("notify.awayBecause", { reason: notifier.away })).message);
    reason = notifier.away;
  });
  notifier.on("dropped", (count) => node.warn(say(phrase("notify.dropped", { count }))));
}
