/** The package's HTTP API as the editor uses it: relative addresses, with the editor's own login. */
import type { ErrorAnswer } from "../api/answers";
import type { ToldFinding } from "../lib/enrol/judge";
import { whenReleased } from "./press.js";
import { t } from "./words.js";

/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | undefined,
    readonly findings: readonly ToldFinding[],
  ) {
    super(message);
  }
}

const ROOT = "facenet/api";

/** The path of something in a gallery. */
export function pathOf(gallery: string, ...parts: readonly (string | number)[]): string {
  return [ROOT, gallery, ...parts]
    .map((part, index) => (index === 0 ? String(part) : encodeURIComponent(part)))
    .join("/");
}

export const galleriesPath = `${ROOT}/galleries`;
export const camerasPath = `${ROOT}/cameras`;
export const matchersPath = `${ROOT}/matchers`;
export const modelsPath = `${ROOT}/models`;
export const diagnosisPath = `${ROOT}/diagnosis`;
export const statsPath = `${ROOT}/stats`;

function address(path: string): string {
  return `${RED.settings.apiRootUrl ?? ""}${path}`;
}

/** Who asks, and in which language they read. */
function asking(): Record<string, string> {
  const tokens = RED.settings.get("auth-tokens") as { access_token?: string } | null | undefined;
  return {
    "Accept-Language": RED.i18n.lang(),
    ...(tokens?.access_token === undefined ? {} : { Authorization: `Bearer ${tokens.access_token}` }),
  };
}

/** The error of an answer, in words: the server's, which speaks the language asked for, but about the login. */
function errorOf(status: number, body: unknown): ApiError {
  // Node-RED itself, or something between, may have answered.
  const { error, code, judgement } = (typeof body === "object" && body !== null ? body : {}) as Partial<ErrorAnswer>;
  const said = typeof error === "string" ? error : t("error.status", { status });
  const ofStatus =
    status === 401 || status === 403
      ? t("error.permission")
      : status === 404 && typeof error !== "string"
        ? t("error.missing")
        : said;
  return new ApiError(ofStatus, status, typeof code === "string" ? code : undefined, judgement?.findings ?? []);
}

/** Ask. @throws ApiError */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address(path), {
      ...init,
      headers: { ...asking(), ...(init.headers as Record<string, string> | undefined) },
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(t("error.offline"), 0, undefined, []);
  }
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => undefined));
  return answer;
}

/** What is to be shown. It comes when nobody is pressing a button that it may take away. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = (await (await ask(path, signal === undefined ? {} : { signal })).json()) as T;
  await whenReleased();
  return answer;
}

/** Send JSON. */
export async function send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<T> {
  const answer = await ask(path, {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Send a file and say how far it is, from 0 to 1: fetch cannot tell. @throws ApiError */
export function upload<T>(path: string, file: Blob, type: string, onProgress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(asking())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", type);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      onProgress(total > 0 ? loaded / total : 0);
    });
    request.addEventListener("error", () => {
      reject(new ApiError(t("error.offline"), 0, undefined, []));
    });
    request.addEventListener("load", () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = undefined;
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(errorOf(request.status, body));
    });
    request.send(file);
  });
}
