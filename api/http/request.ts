/** What a request asks, checked. */
import type { Request } from "express";
import type { z } from "zod";
import { reasonOf } from "../../lib/errors";
import { complaintsOf } from "../../lib/validate";
import { HttpError } from "./answer-error";
import { readUpload } from "./upload";
import { phrase } from "../../lib/words/sentence";

const MAX_JSON_BYTES = 64 * 1024;

/** The query of a request. @throws HttpError that names the field */
export function queryOf<T extends z.ZodObject>(request: Request, schema: T): z.infer<T> {
  return checked(schema, request.query);
}

/** The JSON body of a request. @throws HttpError that names the field */
export async function bodyOf<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  // Node-RED has parsed it already, unless it was none.
  const parsed: unknown = request.body;
  if (typeof parsed === "object" && parsed !== null && request.readableEnded) return checked(schema, parsed);
  const text = (await readUpload(request, MAX_JSON_BYTES, "application/json")).toString();
  let json: unknown;
  try {
    json = text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, "malformed", phrase("api.noJson", { reason: reasonOf(error) }));
  }
  return checked(schema, json);
}

/** A part of the path of a request. @throws HttpError where there can be nothing of it */
export function partOf<T>(request: Request, name: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(request.params[name]);
  if (!parsed.success) throw new HttpError(404, "not_found", phrase("api.nothingHere"));
  return parsed.data;
}

function checked<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new HttpError(
      400,
      "invalid",
      phrase("common.invalid", { complaints: complaintsOf(parsed.error, schema, value) }),
    );
  return parsed.data;
}
