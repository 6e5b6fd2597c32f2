/**
 * The region of haar-detect, drawn on a picture: of the camera before it in the flow, or of a file. The text field
 * stays the truth.
 */
import type { TriedAnswer } from "../api/answers";
import { send } from "./api.js";
import { button, h } from "./dom.js";
import { nodeName, upstreamOf } from "./nodes.js";
import { errorMessage, t } from "./words.js";

const CAMERA = "facewire-camera";
/** Fields of a camera that decide which picture it gives. */
const CAMERA_FIELDS = [
  "source",
  "url",
  "device",
  "path",
  "transport",
  "certificate",
  "fingerprint",
  "width",
  "height",
  "idle",
  "oldFfmpeg",
];
/** A key moves the rectangle by this part of the picture. */
const STEP = 0.02;
/** A shorter drag was a click. */
const LEAST_DRAG = 4;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The first camera from which frames come to this node, along its wires and through link nodes. */
function cameraBefore(node: FlowNode): FlowNode | undefined {
  for (const one of upstreamOf(node)) if (one.type === CAMERA) return one;
  return undefined;
}

function boxIn(text: string): Box | undefined {
  const [x, y, width, height, ...more] = text
    .split(",")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (more.length > 0 || ![x, y, width, height].every(Number.isFinite)) return undefined;
  return { x: x ?? 0, y: y ?? 0, width: width ?? 0, height: height ?? 0 };
}

/** Put the drawing below the field of the region. */
export function offerDrawing(node: FlowNode, field: HTMLInputElement): void {
  const surface = h("div", { class: "facenet-region-surface", hidden: true });
  const image = h("img", { alt: t("forms.region-picture"), draggable: "false" });
  const frame = h("div", { class: "facenet-region-box", tabindex: "0", role: "application", hidden: true });
  const said = h("div", { class: "facenet-region-said", role: "status" });
  const hint = h("div", { class: "facenet-region-hint", hidden: true }, t("forms.region-hint"));
  /** Pixels of the picture as the node gets it. */
  let size = { width: 0, height: 0 };

  /** The whole picture where the field is blank: something for the keys to move. */
  const shown = (): Box | undefined => (field.value.trim() === "" ? { x: 0, y: 0, ...size } : boxIn(field.value));
  const show = (): void => {
    const box = shown();
    frame.hidden = box === undefined;
    if (box === undefined) return;
    const part = (value: number, whole: number): string => `${(value / whole) * 100}%`;
    Object.assign(frame.style, {
      left: part(box.x, size.width),
      top: part(box.y, size.height),
      width: part(box.width, size.width),
      height: part(box.height, size.height),
    });
    frame.setAttribute(
      "aria-label",
      t("forms.region-box", { region: [box.x, box.y, box.width, box.height].join(", ") }),
    );
  };
  /** Keep a rectangle, within the picture and in whole pixels. */
  const keep = ({ x, y, width, height }: Box): void => {
    const [w, high] = [
      Math.max(1, Math.min(Math.round(width), size.width)),
      Math.max(1, Math.min(Math.round(height), size.height)),
    ];
    const within = (value: number, most: number): number => Math.max(0, Math.min(Math.round(value), most));
    field.value = [within(x, size.width - w), within(y, size.height - high), w, high].join(", ");
    field.dispatchEvent(new Event("change", { bubbles: true }));
    show();
  };
  let known: { width?: number; height?: number } = {};
  const load = (address: string, pixels: { width?: number; height?: number } = {}): void => {
    known = pixels;
    image.src = address;
  };
  image.addEventListener("load", () => {
    size = { width: known.width ?? image.naturalWidth, height: known.height ?? image.naturalHeight };
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    surface.hidden = false;
    hint.hidden = false;
    said.textContent = `${size.width} × ${size.height}`;
    show();
  });
  image.addEventListener("error", () => {
    said.textContent = t("photos.no-picture");
  });

  surface.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const bounds = surface.getBoundingClientRect();
    const at = (one: PointerEvent): { x: number; y: number } => ({
      x: Math.max(0, Math.min(1, (one.clientX - bounds.left) / bounds.width)) * size.width,
      y: Math.max(0, Math.min(1, (one.clientY - bounds.top) / bounds.height)) * size.height,
    });
    const start = at(event);
    const move = (next: PointerEvent): void => {
      if (Math.abs(next.clientX - event.clientX) < LEAST_DRAG || Math.abs(next.clientY - event.clientY) < LEAST_DRAG)
        return;
      const end = at(next);
      keep({
        x: Math.min(start.x, end.x),
        y: Math.min(start.y, end.y),
        width: Math.abs(end.x - start.x),
        height: Math.abs(end.y - start.y),
      });
    };
    surface.setPointerCapture(event.pointerId);
    surface.addEventListener("pointermove", move);
    surface.addEventListener(
      "lostpointercapture",
      () => {
        surface.removeEventListener("pointermove", move);
      },
      { once: true },
    );
    frame.focus();
  });
  frame.addEventListener("keydown", (event) => {
    const box = shown();
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    if (box === undefined || move === undefined) return;
    event.preventDefault();
    const [x, y] = [move[0] * STEP * size.width, move[1] * STEP * size.height];
    keep(
      event.shiftKey
        ? {
            ...box,
            width: Math.min(box.width + x, size.width - box.x),
            height: Math.min(box.height + y, size.height - box.y),
          }
        : { ...box, x: box.x + x, y: box.y + y },
    );
  });
  field.addEventListener("input", show);

  const camera = cameraBefore(node);
  const look = async (from: FlowNode): Promise<void> => {
    said.textContent = t("forms.region-asking");
    try {
      const { jpeg, width, height } = await send<TriedAnswer>("POST", "facenet/camera/try", {
        id: from.id,
        flow: from.z,
        fields: Object.fromEntries(
          CAMERA_FIELDS.map((name) => [name, (from as unknown as Record<string, unknown>)[name]]),
        ),
      });
      load(`data:image/jpeg;base64,${jpeg}`, {
        ...(width === undefined ? {} : { width }),
        ...(height === undefined ? {} : { height }),
      });
    } catch (error) {
      said.textContent = errorMessage(error);
    }
  };
  const file = h("input", {
    type: "file",
    accept: "image/*",
    class: "facenet-hidden-input",
    tabindex: "-1",
    "aria-label": t("forms.region-file"),
  });
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen !== undefined) load(URL.createObjectURL(chosen));
    file.value = "";
  });
  surface.append(image, frame);
  field.closest(".form-row")?.after(
    h(
      "div",
      { class: "form-row facenet-region" },
      camera !== undefined &&
        button(
          t("forms.region-camera", { camera: nodeName({ ...camera, type: CAMERA }) }),
          () => {
            void look(camera);
          },
          { icon: "camera" },
        ),
      camera !== undefined && " ",
      button(
        t("forms.region-file"),
        () => {
          file.click();
        },
        { icon: "picture-o" },
      ),
      file,
      said,
      surface,
      hint,
    ),
  );
}
