/** A number field of a form: blank means the default. @throws a sentence when it is no number */
import { UserError } from "../../lib/errors";
export function optionalNumber(value: string | number | undefined | null): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const number = Number(value);
  if (Number.isNaN(number)) throw new UserError(`"${value}" is not a number`);
  return number;
}
