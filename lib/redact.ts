/**
 * Keeping secrets out of everything that people read: logs, events, badges, errors, labels of metrics. The only place
 * that does it.
 */

/** Letters that a secret cannot have: it is told in a sentence, often in quotes. */
const TOKEN = "[^\\s\"'<>`]*";

/** Names of what cameras and services take as a login, in a query, a path, a header or an error's text. */
const SECRET_NAME = new RegExp(
  [
    "pass|pas$|pwd|psw|psk$|token|secret|auth|cred(?:ential)?s?$|session|signature|jwt|cookie|ticket",
    "(?:api|app|access|private|shared|license|stream|secure|crypt)[_-]?key",
    "^(?:user|usr|login)",
    "(?:^|[_.-])(?:pw|key|sig|sid|pin|otp|nonce|response)$",
  ].join("|"),
  "i",
);

/** Before its host an address may have what a sentence does not: a password with a quote in it. */
const ADDRESS = new RegExp(`([a-z][a-z\\d+.-]{0,30}://)((?:[^\\s/?#@]{1,300}@)?${TOKEN})`, "gi");
const NAME = /(?<![\w.-])([\w.-]+)(?:=|%3d|["']\s?:\s?)/gi;
const VALUE = new RegExp(`"[^"]*"?|'[^']*'?|${TOKEN}`, "y");
/** Base64 or alike behind its scheme: words of a sentence have no digits and capitals in them. */
const SCHEME = /\b(Basic|Bearer)\s(?=[^\s"']*[A-Z])(?=[^\s"']*[\d=+/])[\w+/=.~-]{8,}/g;
/** `user:password` as a part of a path. */
const PAIR_IN_PATH = /(?<=[^:/]\/)[^/?#\s:]{1,64}:[^/?#\s:]{0,63}[^/?#\s:.,;)\]](?=[/?#]|[.,:;)\]]{0,9}$)/g;
/** A host's number behind an @, where a password has a / or ? in it. */
const NUMBER_BEHIND_AT = /^[^/?#@]{1,300}[/?#][^/=&:@\s]{0,64}@((?:\d{1,3}\.){3}\d{1,3}(?!\d).*)$/s;
const HEADER = /\b((?:proxy-)?authorization["']?\s{0,9}:\s{0,9}["']?(?:basic|digest|bearer)?)\s[^\r\n"']+/gi;

const HIDDEN = "…";

/**
 * Text without the logins in it, for people to read: of addresses the user, the password and the query (many cameras
 * take the password there);
 * anywhere else what stands behind a name like `password=`, `token=` or `key=`.
 */
export function redact(text: string): string {
  const addresses = text.replace(
    ADDRESS,
    (_, scheme: string, rest: string) => `${scheme}${withoutQuery(withoutUser(rest)).replace(PAIR_IN_PATH, HIDDEN)}`,
  );
  return withoutPairs(addresses.replace(HEADER, `$1 ${HIDDEN}`).replace(SCHEME, `$1 ${HIDDEN}`));
}

/** Whether an address has a login with a / or ? in it, so that its host was taken for a part of the path. */
export function hasLoginInPath(address: string): boolean {
  return NUMBER_BEHIND_AT.test(address.replace(/^[a-z][a-z\d+.-]*:\/\//i, ""));
}

/**
 * What somebody else says, without the logins in it and without this one.
 * @param secrets that are known, in their own letters
 */
export function redactWords(words: string, secrets: readonly string[]): string {
  const LEAST = 3;
  let shown = words;
  for (const secret of secrets.filter(({ length }) => length >= LEAST))
    for (const written of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")])
      shown = shown.replaceAll(written, HIDDEN);
  return redact(shown);
}

function withoutPairs(text: string): string {
  let shown = "";
  let from = 0;
  for (const { 0: match, 1: name, index } of text.matchAll(NAME)) {
    if (index < from || !SECRET_NAME.test(name as string)) continue;
    VALUE.lastIndex = index + match.length;
    const value = VALUE.exec(text)?.[0] ?? "";
    shown += `${text.slice(from, index + match.length)}${HIDDEN}${endOf(value)}`;
    from = index + match.length + value.length;
  }
  return shown + text.slice(from);
}

/** `user:password@`, also where the password has one of # ? / in it and ought to have been escaped. */
function withoutUser(rest: string): string {
  const number = NUMBER_BEHIND_AT.exec(rest)?.[1];
  if (number !== undefined) return number;
  const at = rest.lastIndexOf("@");
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
  if (authority.includes("@")) {
    // An @ behind the host is part of the path, unless what stands before it is no host.
    const host = authority.slice(authority.lastIndexOf("@") + 1);
    return isHost(host) ? rest.slice(authority.lastIndexOf("@") + 1) : rest.slice(at + 1);
  }
  return at >= 0 && (!isHost(authority) || rest[authority.length] === "#") ? rest.slice(at + 1) : rest;
}

function isHost(text: string): boolean {
  return /^(?:\[[\da-f:.%]*\]|[^:[\]]*)(?::\d{0,5})?$/i.test(text);
}

function withoutQuery(rest: string): string {
  const query = rest.indexOf("?");
  return query < 0 ? rest : `${rest.slice(0, query)}?${HIDDEN}${endOf(rest.slice(query + 1))}`;
}

/** The end of the sentence or phrase that a token closes. */
function endOf(token: string): string {
  let end = token.length;
  while (end > 0 && ".,:;)]".includes(token[end - 1] as string)) end -= 1;
  return token.slice(end);
}
