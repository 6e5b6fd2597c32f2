/** Server-sent events by fetch, because an EventSource cannot carry the editor's login. */
import { ask } from "./api.js";

export interface ServerEvent {
  event: string;
  data: unknown;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Cut a stream's text into events (WHATWG HTML 9.2.6, without ids and retry times). */
export class EventParser {
  #rest = "";

  push(text: string): ServerEvent[] {
    // A CR at the end may be half a line end.
    const all = this.#rest + text;
    const held = all.endsWith("\r") ? "\r" : "";
    const blocks = all
      .slice(0, all.length - held.length)
      .replaceAll(/\r\n?/g, "\n")
      .split("\n\n");
    this.#rest = (blocks.pop() ?? "") + held;
    return blocks.flatMap((block) => {
      let event = "message";
      const data: string[] = [];
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "event") event = value;
        else if (name === "data") data.push(value);
      }
      if (data.length === 0) return [];
      try {
        return [{ event, data: JSON.parse(data.join("\n")) as unknown }];
      } catch {
        return [{ event, data: data.join("\n") }];
      }
    });
  }
}

/** Listen until stopped; a stream that breaks is opened again, each time after a longer while. */
export class EventStream {
  readonly #stop = new AbortController();

  constructor(
    path: string,
    { onEvent, onState }: { onEvent: (event: ServerEvent) => void; onState: (connected: boolean) => void },
  ) {
    void this.#run(path, onEvent, onState);
  }

  async #run(
    path: string,
    onEvent: (event: ServerEvent) => void,
    onState: (connected: boolean) => void,
  ): Promise<void> {
    const { signal } = this.#stop;
    for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const { body } = await ask(path, { signal, headers: { Accept: "text/event-stream" } });
        if (body === null) throw new Error("the answer has no body");
        onState(true);
        wait = FIRST_WAIT_MS;
        const parser = new EventParser();
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read())
          parser.push(part.value).forEach(onEvent);
      } catch {
        // Said by onState; the next try follows.
      }
      if (signal.aborted) return;
      onState(false);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        signal.addEventListener(
          "abort",
          () => {
            clearTimeout(timer);
            resolve();
          },
          { once: true },
        );
      });
    }
  }

  close(): void {
    this.#stop.abort();
  }
}
