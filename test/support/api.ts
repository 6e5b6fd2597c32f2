/** Answers of the HTTP API, each held against the schema of its route: a field that is not described fails. */
import assert from "node:assert/strict";
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
    else assert.equal(route.answers.safeParse(await answer.clone().json()).error?.message, undefined, what);
    return route;
  }
  // Node-RED itself answers to what is no JSON.
  if (answer.status === 400 && type.startsWith("text/html")) return undefined;
  assert.equal(errorAnswer.safeParse(await answer.clone().json()).error?.message, undefined, what);
  assert.ok(errorsOf(route).includes(String(answer.status)), `${what} is described`);
  return undefined;
}

/** As `fetch`, and what the API answers is checked. */
export async function fetchApi(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, init);
  await checkAnswer(init.method ?? "GET", url, answer);
  return answer;
}

/** Statuses that the description of a route has. */
function errorsOf(route: Route): string[] {
  const { paths } = describeApi([route]) as {
    paths: Record<string, Record<string, { responses: Record<string, object> }>>;
  };
  return Object.keys(paths[API_ROOT + route.path.replace(/:(\w+)/g, "{$1}")]?.[route.method]?.responses ?? {});
}
