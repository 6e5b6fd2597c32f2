import { BoundedMap } from "../bounded-map";
import { type Box, cameraOf, type Frame, MOST_CAMERAS } from "../message";

/** What is known of each camera. It begins anew where another region is searched: nothing is known of that one. */
export class ByCamera<State> {
  readonly #begin: (frame: Frame) => State;
  readonly #onForgotten: () => void;
  readonly #cameras = new BoundedMap<string, { region: string; state: State }>(MOST_CAMERAS, () =>
    this.#onForgotten(),
  );

  /** @param begin what is known of a camera at its first frame @param onForgotten a camera had to make room */
  constructor(begin: (frame: Frame) => State, onForgotten: () => void = () => undefined) {
    this.#begin = begin;
    this.#onForgotten = onForgotten;
  }

  /** @param region that comes with the frame, in place of the options' */
  of(frame: Frame, region: Box | undefined): State {
    const name = cameraOf(frame);
    const text = JSON.stringify(region) ?? "";
    const before = this.#cameras.get(name);
    const known = before?.region === text ? before : { region: text, state: this.#begin(frame) };
    this.#cameras.set(name, known);
    return known.state;
  }
}
