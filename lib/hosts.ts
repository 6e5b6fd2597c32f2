/**
 * By which names this computer is asked. A page of another site can have its own name lead here (DNS rebinding): then
 * its requests look
 * like its own to the browser, but they carry that name in `Host`, which no page can change.
 */
import { BlockList, isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";

export interface OwnHosts {
  /** Address at which the request came in, as its socket tells. */
  localAddress: string | undefined;
  /** Names besides: "nodered.example.com", "*.example.com" for all below it, "*" for any. */
  allowed: readonly string[];
}

/**
 * Of private networks (RFC 1918, RFC 4193) and of a link (RFC 3927, RFC 4291): also those of a container's host, which
 * it cannot see.
 */
const PRIVATE = new BlockList();
for (const [address, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const)
  PRIVATE.addSubnet(address, bits);
for (const [address, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  PRIVATE.addSubnet(address, bits, "ipv6");

const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/**
 * Whether a request's `Host` names this computer: a loopback, private or own address, localhost, its own name, that
 * with `.local`, or one of
 * those that are allowed. What a proxy says in another header counts for nothing: a page can say it too.
 */
export function isOwnHost(header: string | undefined, { localAddress, allowed }: OwnHosts): boolean {
  const host = hostIn(header);
  if (host === undefined) return false;
  if (isIP(host) > 0) return isOwnAddress(host, localAddress) || isAllowed(host, allowed);
  const own = hostname().toLowerCase();
  const [short = own] = own.split(".");
  return (
    ["localhost", own, short, `${short}.local`].includes(host) ||
    host.endsWith(".localhost") ||
    isAllowed(host, allowed)
  );
}

/** Without port, brackets and the dot at the end; undefined where it is none. */
function hostIn(header: string | undefined): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([^\s:/?#@[\]\\]+))(?::\d{1,5})?$/i.exec(header ?? "");
  const [, v6, name] = match ?? [];
  if (v6 !== undefined) return isIP(v6) === 6 ? v6.toLowerCase() : undefined;
  const host = name?.replace(/\.$/, "").toLowerCase();
  return host === "" ? undefined : host;
}

function isOwnAddress(host: string, localAddress: string | undefined): boolean {
  const address = host.replace(MAPPED, "");
  // "This computer" to whoever asks for it (RFC 1122, 3.2.1.3), as some type what a server says it listens on.
  if (address === "0.0.0.0" || sameAddress("::", address)) return true;
  if (PRIVATE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")) return true;
  const own = [
    localAddress ?? "",
    ...Object.values(networkInterfaces()).flatMap((each) => each?.map((one) => one.address) ?? []),
  ];
  return own.some((each) => isIP(each.replace(MAPPED, "")) > 0 && sameAddress(address, each.replace(MAPPED, "")));
}

/** However an IPv6 address is written. */
function sameAddress(a: string, b: string): boolean {
  const list = new BlockList();
  list.addAddress(b, isIP(b) === 6 ? "ipv6" : "ipv4");
  return list.check(a, isIP(a) === 6 ? "ipv6" : "ipv4");
}

function isAllowed(host: string, allowed: readonly string[]): boolean {
  return allowed.some((each) => {
    if (each === "*") return true;
    if (each.startsWith("*.")) return host.endsWith(each.slice(1).toLowerCase());
    return hostIn(each) === host || each.toLowerCase() === host;
  });
}
