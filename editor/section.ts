import type { GalleryAnswer } from "../api/answers";
import type { ServerEvent } from "./stream.js";

/** What the sections of the sidebar need of it. */
export interface Host {
  readonly gallery: GalleryAnswer;
  /** Show a person. */
  openPerson(id: string): void;
  /** Show all visits of a person. */
  openVisits(person: { id: string; name: string }): void;
  /** Something was changed here: ask for the counts anew. */
  touch(): void;
  /** Speak to a screen reader. */
  announce(text: string): void;
}

/** One of the sidebar's sections. Nothing is requested while it is hidden. */
export interface Section {
  readonly element: HTMLElement;
  show(): void;
  hide(): void;
  onEvent(event: ServerEvent): void;
  close(): void;
}
