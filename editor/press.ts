/** A list that is shown anew between the press and the release of a button takes the button away, and the click. */

/** Whoever holds a button for longer has changed their mind, or let go where nobody told. */
const LONGEST_MS = 5000;

let pressed: Promise<void> | undefined;

function press(): void {
  const held = new Promise<void>((release) => {
    const released = new AbortController();
    const end = (): void => {
      released.abort();
      // The click comes with the release.
      setTimeout(() => {
        if (pressed === held) pressed = undefined;
        release();
      });
    };
    setTimeout(end, LONGEST_MS);
    const { signal } = released;
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, end, { capture: true, signal });
    // The window's own: an element's is no release.
    addEventListener("blur", end, { signal });
  });
  pressed = held;
}

addEventListener("pointerdown", press, { capture: true });

/** Resolves at once where nobody presses a button, else when they have let go. */
export async function whenReleased(): Promise<void> {
  while (pressed !== undefined) await pressed;
}
