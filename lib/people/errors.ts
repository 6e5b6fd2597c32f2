/** What can be wrong with a request about people, for whoever answers it. */
import { UserError } from "../errors";

/** What was asked for is not here. */
export class NotFound extends UserError {}

/** Somebody else has the name. */
export class NameTaken extends UserError {}
