/** The faces of a photo that is not kept: to choose one, or to ask who they are. */
import type { FacesAnswer } from "../api/answers";
import { pathOf, upload } from "./api.js";
import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { count, number, t, whoIs } from "./words.js";

/**
 * Said of a file whose type the browser does not know, as of HEIC on many computers; the server looks at the bytes.
 */
const UNKNOWN_TYPE = "image/unknown";
const HEIC_NAME = /\.hei[cf]$/i;
/** What a file picker offers. */
export const PICTURES = "image/*,.heic,.heif";

export function isPicture({ name, type }: File): boolean {
  return type.startsWith("image/") || (type === "" && HEIC_NAME.test(name));
}

export function typeOf({ type }: File): string {
  return type === "" ? UNKNOWN_TYPE : type;
}

type FoundFace = FacesAnswer["faces"][number];

/** Everybody on a photo who can be told apart, from left to right. @throws ApiError */
export async function facesOn(gallery: string, file: File): Promise<FoundFace[]> {
  const { faces } = await upload<FacesAnswer>(pathOf(gallery, "identify"), file, typeOf(file), () => undefined);
  return faces.filter(({ rejected }) => rejected === undefined).sort((a, b) => a.box.x - b.box.x);
}

/** The photo as the browser shows it, or undefined where it cannot (HEIC, mostly). */
async function imageOf(file: File): Promise<HTMLImageElement | undefined> {
  const address = URL.createObjectURL(file);
  const image = h("img", { alt: "", src: address });
  try {
    await image.decode();
    return image;
  } catch {
    return undefined;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * Which face is meant?
 * @returns the middle of it, "x,y" in pixels of the picture as shown; undefined when it was called off
 */
export async function chooseFace(file: File, faces: readonly FoundFace[]): Promise<string | undefined> {
  const image = await imageOf(file);
  const width = image?.naturalWidth ?? 1;
  const height = image?.naturalHeight ?? 1;
  let chosen = 0;
  const buttons = faces.map(({ box, identity }, index) => {
    const label = t("photos.face", { number: index + 1, count: faces.length, name: identity.name ?? "" }).trim();
    const face = h(
      "button",
      {
        type: "button",
        class: "facenet-face",
        "aria-pressed": String(index === 0),
        "aria-label": label,
        title: label,
        click: () => {
          choose(index);
        },
      },
      image === undefined ? label : String(index + 1),
    );
    if (image !== undefined) {
      const percent = (value: number, of: number): string => `${((value / of) * 100).toFixed(2)}%`;
      Object.assign(face.style, {
        left: percent(box.x, width),
        top: percent(box.y, height),
        width: percent(box.width, width),
        height: percent(box.height, height),
      });
    }
    return face;
  });
  const choose = (index: number): void => {
    chosen = index;
    buttons.forEach((button, at) => {
      button.setAttribute("aria-pressed", String(at === index));
    });
  };
  const frame = h(
    "div",
    { class: `facenet-faces${image === undefined ? " facenet-faces-list" : ""}` },
    image,
    ...buttons,
  );
  const answer = await dialog<string>(
    t("photos.choose-face"),
    [h("p", {}, t("photos.choose-face-hint")), frame],
    [
      { label: t("cancel"), answer: "" },
      {
        label: t("photos.use-face"),
        primary: true,
        answer: () => {
          const box = faces[chosen]?.box;
          return box === undefined
            ? undefined
            : `${Math.round(box.x + box.width / 2)},${Math.round(box.y + box.height / 2)}`;
        },
      },
    ],
  );
  return answer === "" ? undefined : answer;
}

/** Show who is on a photo. @returns the name that was pressed, to look at the person; undefined when none was */
export async function showWho(file: File, faces: readonly FoundFace[]): Promise<string | undefined> {
  const close = (name: string, event: Event): void => {
    pressed = name;
    (event.currentTarget as HTMLElement)
      .closest(".ui-dialog")
      ?.querySelector<HTMLButtonElement>(".ui-dialog-buttonset .primary")
      ?.click();
  };
  let pressed: string | undefined;
  const line = ({ name, distance }: { name: string; distance: number }, threshold: number): HTMLElement =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: "facenet-link",
          click: (event) => {
            close(name, event);
          },
        },
        name,
      ),
      " · " +
        t(distance <= threshold ? "events.near" : "events.far", {
          distance: number(distance, 2),
          threshold: number(threshold, 2),
        }),
    );
  await dialog(
    t("people.by-photo"),
    [
      h(
        "p",
        {},
        faces.length === 0
          ? t("people.by-photo-none", { file: file.name })
          : t("people.by-photo-found", { faces: count("face", faces.length), file: file.name }),
      ),
      ...faces.map(({ identity }, index) =>
        h(
          "div",
          { class: "facenet-who" },
          h("strong", {}, faces.length > 1 ? `${index + 1}. ` : "", whoIs(identity)),
          identity.candidates.length > 0 &&
            h("ul", {}, ...identity.candidates.map((candidate) => line(candidate, identity.threshold))),
        ),
      ),
    ],
    [{ label: t("close"), answer: true, primary: true }],
  );
  return pressed;
}
