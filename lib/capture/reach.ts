import { connect } from "node:net";
import { UserError } from "../errors";

/** A camera in the house answers in milliseconds. */
const CONNECT_TIMEOUT_MS = 1000;

const DEFAULT_PORTS: Record<string, number> = { "rtsp:": 554, "rtsps:": 322, "http:": 80, "https:": 443 };

/** Ask whether anybody listens there, so that a wrong address is told in a second. @throws a sentence when not */
export function assertReachable(address: string): Promise<void> {
  const { hostname, port, protocol } = new URL(address);
  const where = `${hostname}:${port || DEFAULT_PORTS[protocol]}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (DEFAULT_PORTS[protocol] as number), timeout: CONNECT_TIMEOUT_MS });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => {
      socket.destroy();
      reject(new UserError(`nobody answers at ${where} within a second: check the address and that the camera is on.`));
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.destroy();
      const why = error.code === "ECONNREFUSED" ? "refuses the connection" : error.code === "ENOTFOUND" || error.code === "EAI_AGAIN" ? "is not a name this network knows" : `cannot be reached (${error.code ?? error.message})`;
      reject(new UserError(`${where} ${why}: check the address and that the camera is on.`));
    });
  });
}
