/** What is answered when something goes wrong: the same for every admin route of this package. */
import type { Request, Response } from "express";
import { sentenceOf, traceOf, UserError } from "../../lib/errors";
import { NameTaken, NotFound } from "../../lib/people/errors";
import { NotKept } from "../../lib/enrol/not-kept";
import type { Judgement, ToldJudgement } from "../../lib/enrol/judge";
import { failures } from "../../lib/observe/failures";
import { StorageError } from "../../lib/storage";
import { type Language, languageOf, phrase, render, type Sentence } from "../../lib/words/sentence";
import type { AdminServer } from "../host";

/** An answer other than what was asked for. */
export class HttpError extends UserError {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: Sentence,
  ) {
    super(sentence);
  }
}

/** Of what is ours to mend, whose words help nobody who asks. */
export const INTERNAL = phrase("api.internal");

const RETRY_SECONDS = "1";
/** The class of status that only sentences for people have. */
const FAULT = 500;

/** Sentences for people are answered as they are; everything else is ours: 500, and its places go to the log. */
export function answerError(server: AdminServer, response: Response, error: unknown): void {
  const kind = kindOf(error);
  // Who asked has gone: nobody's mistake.
  if (kind === undefined && (error as { name?: unknown } | null)?.name !== "AbortError")
    server.log.error(`@facewire/node-red-facenet: a mistake of the program: ${traceOf(error)}`);
  if (kind === undefined || kind.status >= FAULT) failures.note("api", error);
  // The connection is beyond words once the answer has begun.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, code } = kind ?? { status: FAULT, code: "internal" };
  if (status === 503) response.set("Retry-After", RETRY_SECONDS);
  response.status(status).json({
    error: sentenceOf(new UserError(sayable(error)), languageOfRequest(response.req)),
    code,
    ...(error instanceof NotKept ? { judgement: told(error.judgement, languageOfRequest(response.req)) } : {}),
  });
}

/** What may be answered of an error. */
export function sayable(error: unknown): Sentence {
  return error instanceof UserError ? error.sentence : INTERNAL;
}

/** The language that who asks reads first, of those that there are; English where they do not say. */
export function languageOfRequest(request: Request): Language {
  const tag = request.acceptsLanguages("en", "zh");
  return languageOf(tag === false ? undefined : tag);
}

/** Undefined for what is no sentence for people. */
function kindOf(error: unknown): { status: number; code: string } | undefined {
  if (error instanceof HttpError || error instanceof StorageError) return error;
  if (error instanceof NotFound) return { status: 404, code: "not_found" };
  if (error instanceof NameTaken) return { status: 409, code: "name_taken" };
  if (error instanceof NotKept)
    return error.judgement.verdict === "ask" ? { status: 409, code: "asks" } : { status: 422, code: "refused" };
  if (!(error instanceof UserError)) return undefined;
  // The system's own: a folder that is away, a permission. What zlib cannot unpack was sent so.
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === "string" && !code.startsWith("Z_")
    ? { status: FAULT, code: "storage" }
    : { status: 400, code: "invalid" };
}

/** A judgement without the face it is about. */
export function told({ findings, face: _whose, ...judgement }: Judgement, language: Language): ToldJudgement {
  return {
    ...judgement,
    findings: findings.map(({ code, sentence, severity }) => ({
      code,
      message: render(sentence, language),
      severity,
    })),
  };
}
