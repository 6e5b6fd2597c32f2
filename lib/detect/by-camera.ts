import { BoundedMap } from "../bounded-map";
import { type Box, cameraOf, type Frame } from "../message";

/** So many cameras are known at once; of more the one that was silent longest is forgotten. */
const MAX_SOURCES = 64;

/** What is known of each camera. It begins anew where another region is searched: nothing is known of that one. */
export class ByCamera<State> {
  readonly #begin: (frame: Frame) => State;
  readonly #cameras = new BoundedMap<string, { region: string; state: State }>(MAX_SOURCES);

  /** @param begin what is known of a camera at its first frame */
  constructor(begin: (frame: Frame) => State) {
    this.#begin = begin;
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
