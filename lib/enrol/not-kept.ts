import { oneAfterOther, UserError } from "../errors";
import type { Judgement } from "./judge";
import { phrase } from "../words/sentence";

/** A photo was judged not worth keeping, or asks first. */
export class NotKept extends UserError {
  /** The sentence may be logged: it names nobody. The findings do. */
  constructor(readonly judgement: Judgement) {
    const left = judgement.findings.filter(({ code }) => !judgement.accepted.includes(code));
    const findings = oneAfterOther(left.map(({ sentence, unnamed }) => unnamed ?? sentence));
    super(phrase("enrol.notKept", { findings: findings ?? "" }));
  }
}
