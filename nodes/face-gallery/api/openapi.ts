import { z } from "zod";
import { API_ROOT, PERMISSIONS, type Route } from "./routes";

const ERROR = { type: "object", required: ["error", "code"], properties: { error: { type: "string", description: "A sentence: what is wrong, and the mend" }, code: { type: "string" }, judgement: { type: "object", description: "Of a photo that was refused or asks" } } };

function errorAnswer(description: string): object {
  return { description, content: { "application/json": { schema: ERROR } } };
}

/** The routes as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0). */
export function describeApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = API_ROOT + route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Face gallery", version: "1", description: "The people a recognizer knows. Addresses are relative to Node-RED's admin root; requests carry Node-RED's own access token." },
    components: { securitySchemes: { nodeRed: { type: "http", scheme: "bearer", description: "An access token of Node-RED; needed where adminAuth is set" } } },
    paths,
  };
}

function operationOf({ path, permission, summary, query, body, answers, status, method }: Route): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = query === undefined ? [] : Object.entries(query.shape).map(([name, schema]) => ({ name, in: "query", required: false, schema: schemaOf(schema as z.ZodType) }));
  const content = body === undefined ? undefined : typeof body === "string" ? { [body]: { schema: { type: "string", format: "binary" } } } : { "application/json": { schema: schemaOf(body) } };
  return {
    summary,
    security: [{ nodeRed: [PERMISSIONS[permission]] }],
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      [status ?? 200]: { description: summary, content: { [answers ?? "application/json"]: {} } },
      401: errorAnswer("No login"),
      403: errorAnswer("No permission, or a page of another site"),
      ...(inPath.length === 0 ? {} : { 404: errorAnswer("Not here") }),
      ...(method === "post" || method === "patch" ? { 400: errorAnswer("Malformed"), 409: errorAnswer("In conflict with what is there; a photo that asks first"), 415: errorAnswer("Wrong type of body") } : {}),
      ...(typeof body === "string" ? { 408: errorAnswer("The body came too slowly"), 413: errorAnswer("The body is too large"), 422: errorAnswer("No picture, or a photo that was refused") } : {}),
    },
  };
}

/** What may be sent; what comes of it inside is nobody's business. */
function schemaOf(schema: z.ZodType): object {
  const { $schema: _version, ...described } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return described;
}
