/** Cameras that have one name: told, and told apart. */
import { cameraOf, type Frame } from "../message";

/** A node that has a name. */
export interface Named {
  id: string;
  /** The others of this name have come or gone. @param others their ids */
  shared: (others: string[]) => void;
}

export class CameraNames {
  readonly #byName = new Map<string, Map<string, Named>>();

  /** Until `remove`; whoever has the name already is told, too. */
  add(name: string, named: Named): void {
    const all = this.#byName.get(name) ?? new Map<string, Named>();
    this.#byName.set(name, all.set(named.id, named));
    if (all.size > 1) tell(all);
  }

  remove(name: string, named: Named): void {
    const all = this.#byName.get(name);
    if (all?.get(named.id) !== named) return;
    all.delete(named.id);
    if (all.size === 0) this.#byName.delete(name);
    else tell(all);
  }

  /** What stands for a frame's camera in lists and statistics: its name, with its id where others have that name. */
  labelOf(frame: Pick<Frame, "camera" | "source">): string {
    return (this.#byName.get(frame.source)?.size ?? 0) > 1 && frame.camera !== undefined
      ? `${frame.source} (${cameraOf(frame)})`
      : frame.source;
  }
}

function tell(all: ReadonlyMap<string, Named>): void {
  for (const named of all.values()) named.shared([...all.keys()].filter((id) => id !== named.id));
}

/** The one register of this process. */
export const cameraNames = new CameraNames();
