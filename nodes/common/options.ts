import { UserError } from "../../lib/errors";

const VARIABLE = /^\$[{(](\S+)[})]$/;

/**
 * Node-RED puts a variable's value in the place of `${NAME}`; where there is no such variable the text stays.
 * @throws a sentence that names the variable and the field
 */
export function requireVariables(def: Readonly<Record<string, unknown>>): void {
  for (const [field, value] of Object.entries(def)) {
    if (field === "name" || field === "info") continue;
    const unset = findUnset(value);
    if (unset !== undefined) throw new UserError("nodes.variableUnsetIn", { field, name: unset });
  }
}

/** The first variable in a field, or in the list that it is, which Node-RED left as it was. */
function findUnset(value: unknown): string | undefined {
  if (typeof value === "string") return VARIABLE.exec(value)?.[1];
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return undefined;
  for (const part of Object.values(value)) {
    const unset = findUnset(part);
    if (unset !== undefined) return unset;
  }
  return undefined;
}

/** A number field of a form: blank means the default. @throws a sentence when it is no number */
export function optionalNumber(value: string | number | undefined | null): number | undefined {
  if (value === undefined || value === null || (typeof value === "string" && value.trim() === "")) return undefined;
  const number = typeof value === "boolean" ? Number.NaN : Number(value);
  if (Number.isNaN(number)) throw new UserError("nodes.noNumber", { value });
  return number;
}

/** A yes and no of a form; a variable holds text. Blank means the default. @throws a sentence when it is neither */
export function optionalFlag(value: boolean | string | undefined | null): boolean | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (value === true || value === false) return value;
  const text = value.trim().toLowerCase();
  if (text !== "true" && text !== "false") throw new UserError("nodes.noFlag", { value });
  return text === "true";
}

/** "family, staff" as a list. */
export function wordsOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
