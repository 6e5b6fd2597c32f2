import type { NodeAPI } from "node-red";
import { redact } from "../../lib/redact";
import { type Language, languageOf, render, type Sentence } from "../../lib/words/sentence";

/** One Node-RED speaks one language, in which its catalogues are read once nodes are there. */
let spoken = (): string => "en-US";

/** Speak as Node-RED does: each node's catalogue says in which language it is. */
export function speakAs(RED: NodeAPI): void {
  spoken = () => RED._("language");
}

/** The language of errors, warnings and badges. */
export function runtimeLanguage(): Language {
  return languageOf(spoken());
}

/** A sentence in that language, without the logins in it. */
export function say(sentence: Sentence): string {
  return redact(render(sentence, runtimeLanguage()));
}
