import { z } from "zod";
import { errorAnswer } from "./answers";
import { API_ROOT, PERMISSIONS, type Route } from "./routes";

/** Answers that are not the one asked for, by status. */
const ERRORS = {
  400: "Malformed, or a field is wrong",
  401: "No login, or no permission; without a body",
  403: "A page of another site, or asked by a name that is not this computer's",
  404: "Not here",
  408: "The body came too slowly",
  409: "In conflict with what is there; a photo that asks first",
  413: "The body is too large",
  415: "Wrong type of body",
  422: "No picture, or a photo that is refused",
  500: "Something is wrong inside, or with the disk",
  503: "The gallery does not work, was closed meanwhile, or there is too much to do",
  507: "The disk is full",
} as const;
type ErrorStatus = keyof typeof ERRORS;

/** The routes as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0). */
export function describeApi(routes: readonly Route[]): { openapi: string; [field: string]: unknown } {
  const schemas: Record<string, object> = {};
  const error = schemaOf(errorAnswer, "output", schemas);
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = API_ROOT + route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operationOf(route, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Face gallery",
      version: "1",
      description:
        "The people a recognizer knows. Addresses are relative to Node-RED's admin root; requests carry " +
        "Node-RED's own access token. " +
        "Sentences are in English, or in Taiwan's Chinese where Accept-Language asks for Chinese.",
    },
    components: {
      securitySchemes: {
        nodeRed: {
          type: "http",
          scheme: "bearer",
          description: "An access token of Node-RED; needed where adminAuth is set",
        },
      },
      responses: Object.fromEntries(
        Object.entries(ERRORS).map(([status, description]) => [
          status,
          status === "401" ? { description } : { description, content: { "application/json": { schema: error } } },
        ]),
      ),
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
    paths,
  };
}

function operationOf(route: Route, schemas: Record<string, object>): object {
  const { path, permission, summary, query, body, answers, status } = route;
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", pattern: "^[\\w.-]{1,100}$" },
  }));
  const inQuery =
    query === undefined
      ? []
      : Object.entries(query.shape).map(([name, schema]) => ({
          name,
          in: "query",
          required: false,
          schema: schemaOf(schema as z.ZodType, "input", schemas),
        }));
  const content =
    body === undefined
      ? undefined
      : typeof body === "string"
        ? { [body]: {} }
        : { "application/json": { schema: schemaOf(body, "input", schemas) } };
  const answer =
    typeof answers === "string"
      ? { [answers]: answers.startsWith("text/") ? { schema: { type: "string" } } : {} }
      : { "application/json": { schema: schemaOf(answers, "output", schemas) } };
  return {
    operationId: operationIdOf(route),
    summary,
    security: [{ nodeRed: [PERMISSIONS[permission]] }],
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      [status ?? 200]: { description: summary, content: answer },
      ...Object.fromEntries(errorsOf(route).map((each) => [each, { $ref: `#/components/responses/${each}` }])),
    },
  };
}

/** Programs made from the description call it so: `getPeopleByPerson`. */
function operationIdOf({ method, path }: Route): string {
  const words = path
    .replace(/^\/:gallery(?=\/)/, "")
    .replace(/:/g, "by-")
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function errorsOf({ about, path, method, permission, query, body }: Route): ErrorStatus[] {
  const writes = method === "post" || method === "patch";
  return [
    ...(query !== undefined || body !== undefined ? [400 as const] : []),
    401,
    403,
    ...(path.includes(":") ? [404 as const] : []),
    ...(writes ? [408 as const, 409 as const, 413 as const, 415 as const] : []),
    ...(body === "image/*" ? [422 as const] : []),
    500,
    ...(about === "gallery" || writes ? [503 as const] : []),
    ...(about === "gallery" && permission === "write" ? [507 as const] : []),
  ];
}

/** A schema as OpenAPI has it; what has a name goes into `named`. */
function schemaOf(schema: z.ZodType, io: "input" | "output", named: Record<string, object>): object {
  const text = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: "any" })).replaceAll(
    "#/$defs/",
    "#/components/schemas/",
  );
  const {
    $schema: _version,
    $defs,
    ...described
  } = JSON.parse(text) as { $schema?: string; $defs?: Record<string, object> };
  Object.assign(named, $defs);
  return described;
}
