import { z } from "zod";
import { UserError } from "./errors";

/** How many. */
export const countSchema = z.int().min(0);

/** A zod error as one plain phrase: "faces.0.box.x: expected number, received NaN". At most three complaints. */
export function sentence(error: z.ZodError): string {
  const MOST = 3;
  const lines = error.issues
    .slice(0, MOST)
    .map(
      ({ path, message }) =>
        `${path.length > 0 ? `${path.join(".")}: ` : ""}${message.replace(/^Invalid input: /, "")}`,
    );
  return lines.join("; ");
}

/** Parse options once, fail loudly. @throws Error "WHAT: path: complaint" */
export function parseOptions<S extends z.ZodType>(schema: S, value: unknown, what: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UserError(`${what}: ${sentence(parsed.error)}`);
  return parsed.data;
}
