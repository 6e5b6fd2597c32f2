import { engineStates, modelStates, versions } from "../lib/observe/diagnosis";
import { failures } from "../lib/observe/failures";
import type { Camera } from "../lib/capture/camera";
import { type DiagnosisAnswer, diagnosisAnswer } from "./answers";
import { ofAll, type Route } from "./routes";

/** What is told of a camera: neither its address nor a login, a path or its name, which may be somebody's. */
type CameraState = DiagnosisAnswer["cameras"][number];
/** What is told of a gallery: numbers and codes. */
type GalleryState = DiagnosisAnswer["galleries"][number];

export const diagnosis: Route[] = [
  ofAll(
    {
      method: "get",
      path: "/diagnosis",
      permission: "read",
      summary: "For a report about this package: versions, engines, networks, cameras and failures, and nobody's data",
      answers: diagnosisAnswer,
    },
    async ({ deployed }) => {
      const [found, engines, models, galleries] = await Promise.all([
        versions(),
        engineStates(),
        modelStates(),
        Promise.all(
          deployed.galleries().map(async ({ id, node }): Promise<GalleryState> => {
            const shut = {
              id,
              open: false,
              people: null,
              photos: null,
              unknowns: null,
              model: null,
              encrypted: null,
              problems: {},
            };
            await node.settled;
            if (node.waiting !== undefined) return shut;
            return node.gallery.then(
              ({ summary: { people, photos, unknowns, model, encrypted, problems } }) => ({
                id,
                open: true,
                people,
                photos,
                unknowns,
                model,
                encrypted,
                problems: counted(problems.map(({ code }) => code)),
              }),
              () => shut,
            );
          }),
        ),
      ]);
      return {
        at: Date.now(),
        versions: { nodeRed: deployed.nodeRed, ...found },
        engines,
        models,
        galleries,
        cameras: deployed.cameras().map(({ id, camera }) => stateOf(id, camera)),
        failures: failures.list(),
      };
    },
  ),
];

function stateOf(id: string, camera: Camera | undefined): CameraState {
  if (camera === undefined)
    return { id, source: null, scheme: null, running: false, width: null, height: null, fps: null };
  const { options, running, latest } = camera;
  const url = "url" in options && URL.canParse(options.url) ? new URL(options.url) : undefined;
  return {
    id,
    source: options.source,
    scheme: url?.protocol.slice(0, -1) ?? null,
    running,
    width: latest?.width ?? null,
    height: latest?.height ?? null,
    fps: options.fps ?? null,
  };
}

function counted(codes: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Object.fromEntries(counts);
}
