/** Answers of the HTTP API, each held against the schema of its route: a field that is not described fails. */
import assert from "node:assert/strict";
import type { z } from "zod";
import { routes } from "../../api/api";
import { errorAnswer } from "../../api/answers";
import { describeApi } from "../../api/openapi";
import { API_ROOT, type Route } from "../../api/routes";

/** @param path after API_ROOT */
export function routeOf(method: string, path: string): Route | undefined {
  return routes.find(
    (route) =>
      route.method === method.toLowerCase() &&
      new RegExp(`^${route.path.replace(/:\w+/g, "[^/]+")}$`).test(path.split("?")[0] ?? ""),
  );
}

/**
 * Fails where the answer is not as its route describes it: its status, its type, each of its fields.
 * @param url of any address; what is not the API's passes
 * @returns the route whose answer it is; undefined where it is an error's, or none of the API's
 */
export async function checkAnswer(method: string, url: string, answer: Response): Promise<Route | undefined> {
  const [, path] = url.split(API_ROOT, 2);
  const route = path === undefined ? undefined : routeOf(method, path);
  if (route === undefined || answer.status === 401) return undefined;
  const type = answer.headers.get("content-type") ?? "";
  const what = `${method} ${path?.slice(0, 80)} ${answer.status}`;
  if (answer.status < 300) {
    assert.equal(answer.status, route.status ?? 200, what);
    if (typeof route.answers === "string") assert.ok(type.startsWith(route.answers), `${what} ${type}`);
    else assertDescribed(route.answers, await answer.clone().json(), what);
    return route;
  }
  // Node-RED itself answers to what is no JSON.
  if (answer.status === 400 && type.startsWith("text/html")) return undefined;
  assertDescribed(errorAnswer, await answer.clone().json(), what);
  assert.ok(errorsOf(route).includes(String(answer.status)), `${what} is described`);
  return undefined;
}

/** Fails at a field that is missing or of another kind and, as parsing drops what is not described, at any other. */
function assertDescribed(schema: z.ZodType, answer: unknown, what: string): void {
  const { data, error } = schema.safeParse(answer);
  assert.equal(error?.message, undefined, what);
  assert.deepEqual(answer, data, `${what}: each field is described`);
}

/** As `fetch`, and what the API answers is checked. */
export async function fetchApi(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, init);
  await checkAnswer(init.method ?? "GET", url, answer);
  return answer;
}

/** Statuses that the description of a route has. */
function errorsOf(route: Route): string[] {
  const { paths } = describeApi([route]) as unknown as {
    paths: Record<string, Record<string, { responses: Record<string, object> }>>;
  };
  return Object.keys(paths[API_ROOT + route.path.replace(/:(\w+)/g, "{$1}")]?.[route.method]?.responses ?? {});
}
