import { z } from "zod";
import { archive } from "./archive";
import { attendance } from "./attendance";
import { calibration } from "./calibration";
import { capture } from "./capture";
import { diagnosis } from "./diagnosis";
import { events } from "./events";
import { galleries } from "./galleries";
import type { AdminServer, DeployedNodes } from "./host";
import { gates } from "./gates";
import { identify } from "./identify";
import { models } from "./models";
import { network } from "./network";
import { describeApi } from "./openapi";
import { people } from "./people";
import { ofAll, register, type Route } from "./routes";
import { sites } from "./sites";
import { unknowns } from "./unknowns";
import { visits } from "./visits";

const openapi = ofAll(
  {
    method: "get",
    path: "/openapi.json",
    permission: "read",
    summary: "This description, OpenAPI 3.1",
    answers: z.looseObject({ openapi: z.string() }),
  },
  async () => describeApi(routes),
);

/** Every route, those about no gallery first: their paths would pass for a gallery's. */
export const routes: readonly Route[] = [
  openapi,
  ...galleries,
  ...capture,
  ...models,
  ...diagnosis,
  ...people,
  ...unknowns,
  ...visits,
  ...events,
  ...identify,
  ...calibration,
  ...network,
  ...sites,
  ...gates,
  ...archive,
  ...attendance,
];

/** Register the HTTP API under Node-RED's admin root, once for all galleries. */
export function registerApi(server: AdminServer, deployed: DeployedNodes): void {
  register(server, deployed, routes);
}
