/** The HTTP API over the nodes that are deployed. */
import type { NodeAPI, NodeDef } from "node-red";
import { registerApi } from "../../api/api";
import type { DeployedNodes, MatchRule, ServedAttendance, ServedGallery, ServedGate } from "../../api/host";
import type { Camera } from "../../lib/capture/camera";
import { type Deployed, deployedNodes } from "./deployed";

interface MatcherDef extends NodeDef {
  gallery?: string;
  distance?: string;
  threshold?: string | number;
  wanted?: string | number;
}

/** Register the API under Node-RED's admin root, once for all nodes. */
export function serveApi(RED: NodeAPI): void {
  registerApi(RED, deployedIn(RED));
}

function deployedIn(RED: NodeAPI): DeployedNodes {
  const gallery = (id: string): ServedGallery | undefined => {
    const node = RED.nodes.getNode(id) as Partial<ServedGallery> | null;
    return node?.gallery === undefined ? undefined : (node as ServedGallery);
  };
  const camera = (id: string): Camera | undefined =>
    (RED.nodes.getNode(id) as { camera?: Camera } | null)?.camera ?? undefined;
  return {
    nodeRed: versionOf(RED),
    gallery,
    camera,
    galleries: () =>
      deployedNodes(RED, "face-gallery").flatMap(({ id, name }) => {
        const node = gallery(id);
        return node === undefined ? [] : [{ id, name, node }];
      }),
    gates: (of) =>
      deployedNodes(RED, "face-gate").flatMap(({ id, name }) => {
        const node = RED.nodes.getNode(id) as Partial<ServedGate> | null;
        return node?.open === undefined || node.galleryId !== of ? [] : [{ id, name, node: node as ServedGate }];
      }),
    cameras: () => deployedNodes(RED, "facewire-camera").map(({ id, name }) => ({ id, name, camera: camera(id) })),
    attendances: () =>
      deployedNodes(RED, "face-attendance").map(({ id, name }) => ({
        id,
        name,
        served: (RED.nodes.getNode(id) as { served?: ServedAttendance } | null)?.served,
      })),
    matchers: () => {
      const galleries = deployedNodes(RED, "face-gallery");
      return deployedNodes<MatcherDef>(RED, "face-match").map((each) => matcherOf(RED, each, galleries));
    },
  };
}

/** Typed as a text, it is a function in the runtime; a stand-in has neither. */
function versionOf(RED: NodeAPI): string {
  const runtime = RED as unknown as { version?: string | (() => string) };
  return (typeof runtime.version === "function" ? runtime.version() : runtime.version) ?? "";
}

/** How a face-match node decides; one that could not start has only what was typed. */
function matcherOf(
  RED: NodeAPI,
  { id, name, prefix, def }: Deployed<MatcherDef>,
  galleries: readonly Deployed<NodeDef>[],
): ReturnType<DeployedNodes["matchers"]>[number] {
  const { gallery = "", distance, threshold, wanted } = def;
  const { decidesBy } = (RED.nodes.getNode(id) ?? {}) as { decidesBy?: MatchRule };
  if (decidesBy === undefined)
    return {
      id,
      name,
      gallery: galleryBeside(galleries, prefix, gallery),
      distance: distance === "cohort" ? "cohort" : "euclidean",
      threshold: typed(threshold),
      wanted: typed(wanted),
      decides: undefined,
    };
  return {
    id,
    name,
    gallery: gallery.startsWith("${") ? decidesBy.gallery : galleryBeside(galleries, prefix, gallery),
    distance: decidesBy.distance,
    threshold: decidesBy.threshold,
    wanted: decidesBy.wanted,
    decides: decidesBy.now(),
  };
}

/** The gallery that a node names: in a subflow it may be the instance's own. */
function galleryBeside(galleries: readonly Deployed<NodeDef>[], prefix: string, id: string): string {
  const [nearest] = galleries
    .filter(({ def, prefix: place }) => def.id === id && prefix.startsWith(place))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return nearest?.id ?? id;
}

/** A number of a form; undefined where there is none. */
function typed(value: string | number | undefined): number | undefined {
  return value === undefined || value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
}
