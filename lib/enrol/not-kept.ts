import { UserError } from "../errors";
import type { Judgement } from "./judge";

/** A photo was judged not worth keeping, or asks first. */
export class NotKept extends UserError {
  /** The sentence may be logged: it names nobody. The findings do. */
  constructor(readonly judgement: Judgement) {
    const left = judgement.findings.filter(({ code }) => !judgement.accepted.includes(code));
    super(`the photo is not kept: ${left.map(({ message, unnamed }) => unnamed ?? message).join(" ")}`);
  }
}
