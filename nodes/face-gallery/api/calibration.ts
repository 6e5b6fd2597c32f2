import type { Route } from "./routes";

export const calibration: Route[] = [];
