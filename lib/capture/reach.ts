import { connect, type Socket } from "node:net";
import { domainToASCII } from "node:url";
import { reasonOf, UserError } from "../errors";

/**
 * A camera in the house answers in milliseconds; one that sleeps, a name that must be asked for, and a busy computer
 * take longer.
 */
const CONNECT_TIMEOUT_MS = 5000;

const DEFAULT_PORTS: Record<string, number> = { "rtsp:": 554, "rtsps:": 322, "http:": 80, "https:": 443 };

/** Where an address leads: a name or number as `net.connect` takes it, and the port. */
export function placeOf({ hostname, port, protocol }: URL): { host: string; port: number } {
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host: asciiOf(host), port: Number(port) || (DEFAULT_PORTS[protocol] as number) };
}

/** Of addresses that are no web pages' URL leaves the name as it was written. */
function asciiOf(host: string): string {
  try {
    return domainToASCII(decodeURIComponent(host)) || host;
  } catch {
    return host;
  }
}

/**
 * A connection to that address, without TLS.
 * @param signal ends it
 * @throws a sentence when nobody takes it in time
 */
export function connectTo(address: URL, signal?: AbortSignal): Promise<Socket> {
  const place = placeOf(address);
  const where = `${address.hostname}:${place.port}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ ...place, timeout: CONNECT_TIMEOUT_MS });
    const fail = (error: UserError): void => {
      signal?.removeEventListener("abort", stop);
      socket.destroy();
      reject(error);
    };
    const stop = (): void => fail(new UserError("capture.wasStopped"));
    signal?.addEventListener("abort", stop);
    if (signal?.aborted === true) stop();
    const refused = (error: NodeJS.ErrnoException): void => {
      if (error.code === "ECONNREFUSED") fail(new UserError("capture.refusesConnection", { where }));
      else if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN")
        fail(new UserError("capture.unknownName", { where }));
      else fail(new UserError("capture.unreachable", { where, reason: error.code ?? reasonOf(error) }));
    };
    socket.once("error", refused);
    socket.once("timeout", () => fail(new UserError("capture.nobodyAnswers", { where })));
    socket.once("connect", () => {
      signal?.removeEventListener("abort", stop);
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.off("error", refused);
      resolve(socket);
    });
  });
}
