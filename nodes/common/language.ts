import type { NodeAPI } from "node-red";
import { type Language, languageOf } from "../../lib/words/sentence";

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
