import type { Request } from "express";
import { isOwnHost } from "../../lib/hosts";
import type { AdminServer } from "../host";
import { HttpError } from "./answer-error";
import { phrase } from "../../lib/words/sentence";

/** The key in Node-RED's settings.js: a list of names by which Node-RED is asked besides its own. */
export const HOSTS_SETTING = "facenetAllowedHosts";

/**
 * Without a login the browser of somebody who may reach Node-RED is all that another site's page needs. Where there is
 * adminAuth it has no token, whatever name leads here.
 * @throws HttpError where the request was meant for another host
 */
export function refuseOtherHosts(server: AdminServer, request: Request): void {
  const settings = server.settings as Record<string, unknown>;
  const login = settings["adminAuth"] as { default?: unknown } | null | undefined;
  // Where a default user is let in without a token, a page is too.
  if (login != null && login.default === undefined) return;
  const { uiHost, [HOSTS_SETTING]: listed } = settings;
  const allowed = [uiHost, ...(Array.isArray(listed) ? (listed as unknown[]) : [listed])].filter(
    (host) => typeof host === "string" && host !== "",
  ) as string[];
  if (isOwnHost(request.headers.host, { localAddress: request.socket.localAddress, allowed })) return;
  throw new HttpError(403, "other_host", phrase("api.otherHost", { setting: HOSTS_SETTING }));
}
