/**
 * Photos for a person: files by button or drag and drop, or snapshots of a running camera; each judged, with the
 * judgement shown.
 */
import type { AddedAnswer, CameraAnswer, CaptureAnswer } from "../api/answers";
import type { ToldFinding, ToldJudgement } from "../lib/enrol/judge";
import { camerasPath, getJson, pathOf, send, upload } from "./api.js";
import { attempt } from "./dialogs.js";
import { button, fill, h, icon, liveLine, mayWrite, select, writeButton } from "./dom.js";
import { acceptable, acceptWords, findingList, findingsOf, foundByHint } from "./judgement.js";
import { nodeName } from "./nodes.js";
import { chooseFace, facesOn, isPicture, PICTURES, typeOf } from "./photo-faces.js";
import type { Host } from "./section.js";
import { count, errorMessage, labelled, t } from "./words.js";

const CAMERA = "facewire-camera";
const SNAPSHOTS = 3;

/** A line of the list: a file or a snapshot, and what became of it. */
class Item {
  readonly element: HTMLElement;
  readonly #state = h("span", { class: "facenet-upload-state" });
  readonly #bar = h("progress", { max: 1, value: 0 });
  readonly #more = h("div", {});

  constructor(name: string) {
    this.#bar.setAttribute("aria-label", name);
    this.element = h(
      "li",
      { class: "facenet-upload" },
      h(
        "div",
        { class: "facenet-upload-line" },
        h("span", { class: "facenet-upload-name", title: name }, name),
        this.#state,
      ),
      this.#bar,
      this.#more,
    );
    this.progress(0);
  }

  progress(part: number): void {
    this.#bar.hidden = false;
    this.#bar.value = part;
    if (part >= 1) this.#bar.removeAttribute("value");
    this.#state.textContent = part >= 1 ? t("photos.judging") : "";
    fill(this.#more);
  }

  kept({ findings, foundBy }: ToldJudgement): void {
    this.#show("check", t("photos.kept"));
    fill(this.#more, foundByHint(foundBy) ?? false, findings.length > 0 && findingList(findings));
  }

  /** Not kept: why, and what can be done. */
  refused(
    findings: readonly ToldFinding[],
    why: string,
    useAnyway: { label: string; run: () => void } | undefined,
  ): void {
    this.#show(
      useAnyway === undefined ? "times" : "question-circle",
      t(useAnyway === undefined ? "photos.refused" : "photos.asks"),
    );
    fill(
      this.#more,
      findings.length > 0 ? findingList(findings) : h("div", { class: "facenet-hint" }, why),
      useAnyway !== undefined &&
        h(
          "div",
          { class: "facenet-buttons" },
          button(t("photos.leave"), () => {
            this.element.remove();
          }),
          writeButton(useAnyway.label, useAnyway.run),
        ),
    );
  }

  #show(iconName: string, words: string): void {
    this.#bar.hidden = true;
    fill(this.#state, icon(iconName), " ", words);
  }
}

export class AddPhotos {
  readonly element: HTMLElement;
  readonly #host: Host;
  readonly #personId: string;
  readonly #onKept: () => void;
  readonly #items = h("ul", { class: "facenet-uploads", role: "list", "aria-label": t("photos.uploads") });
  readonly #said = liveLine();
  readonly #cameras = h("div", { class: "facenet-capture" });
  /** One at a time: the second of two alike must find the first. */
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(host: Host, personId: string, onKept: () => void) {
    this.#host = host;
    this.#personId = personId;
    this.#onKept = onKept;
    const input = h("input", {
      type: "file",
      accept: PICTURES,
      multiple: true,
      class: "facenet-hidden-input",
      tabindex: "-1",
      "aria-label": t("photos.choose"),
    });
    input.addEventListener("change", () => {
      this.#take([...(input.files ?? [])]);
      input.value = "";
    });
    const zone = h(
      "div",
      { class: "facenet-drop" },
      input,
      writeButton(
        t("photos.choose"),
        () => {
          input.click();
        },
        { icon: "upload" },
      ),
      h("div", { class: "facenet-hint" }, t("photos.drop")),
    );
    const over = (event: Event): void => {
      if (!mayWrite()) return;
      // Node-RED takes files that are dropped for flows to import.
      event.preventDefault();
      event.stopPropagation();
      zone.classList.toggle("facenet-drop-over", event.type === "dragenter" || event.type === "dragover");
      if (event.type === "drop") this.#take([...((event as DragEvent).dataTransfer?.files ?? [])]);
    };
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) zone.addEventListener(type, over);
    this.element = h("div", { class: "facenet-add" }, zone, this.#cameras, this.#said, this.#items);
    attempt(() => this.#findCameras());
  }

  close(): void {
    this.#closed = true;
  }

  #take(files: readonly File[]): void {
    const pictures = files.filter(isPicture);
    for (const file of files.filter((each) => !isPicture(each))) {
      const item = new Item(file.name);
      this.#items.append(item.element);
      item.refused([], t("photos.no-picture"), undefined);
    }
    for (const file of pictures) {
      const item = new Item(file.name);
      this.#items.append(item.element);
      this.#enqueue(() => this.#upload(file, item, []));
    }
    if (files.length > 0) this.#said.textContent = t("photos.uploading", { files: count("file", pictures.length) });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : work()));
  }

  /** @param at the face that is meant, of several */
  async #upload(file: File, item: Item, accept: readonly string[], at?: string): Promise<void> {
    const path = `${pathOf(this.#host.gallery.id, "people", this.#personId, "photos")}${queryOf(accept, at)}`;
    try {
      const { judgement } = await upload<AddedAnswer>(path, file, typeOf(file), (part) => {
        item.progress(part);
      });
      item.kept(judgement);
      this.#say(file.name, t("photos.kept"));
      this.#onKept();
    } catch (error) {
      const findings = findingsOf(error);
      const again = (codes: readonly string[], face: string | undefined): void => {
        item.progress(0);
        this.#enqueue(() => this.#upload(file, item, codes, face));
      };
      const useAnyway = {
        label: acceptWords(findings),
        run: () => {
          again(
            findings.map(({ code }) => code),
            at,
          );
        },
      };
      const pick = {
        label: t("photos.choose-face"),
        run: () => {
          attempt(() =>
            this.#choose(file, (face) => {
              again([], face);
            }),
          );
        },
      };
      const anyway = acceptable(findings)
        ? useAnyway
        : findings.some(({ code }) => code === "several_faces")
          ? pick
          : undefined;
      item.refused(findings, errorMessage(error), anyway);
      this.#say(file.name, t(anyway === undefined ? "photos.refused" : "photos.asks"));
    }
  }

  async #choose(file: File, use: (at: string) => void): Promise<void> {
    const at = await chooseFace(file, await facesOn(this.#host.gallery.id, file));
    if (at !== undefined) use(at);
  }

  async #findCameras(): Promise<void> {
    const running = (await getJson<CameraAnswer[]>(camerasPath)).filter((camera) => camera.running);
    if (this.#closed) return;
    const [first] = running;
    if (first === undefined) {
      fill(this.#cameras, h("div", { class: "facenet-hint" }, t("photos.no-camera")));
      return;
    }
    let chosen = first.id;
    // Two of one name are told apart by their ids.
    const labelOf = (id: string, name: string): string =>
      name !== "" && running.some((other) => other.id !== id && other.name === name)
        ? `${name} (${id})`
        : nodeName({ id, name, type: CAMERA });
    fill(
      this.#cameras,
      running.length > 1
        ? select(
            running.map(({ id, name }) => ({ value: id, label: labelOf(id, name) })),
            chosen,
            (value) => {
              chosen = value;
            },
            { "aria-label": t("photos.camera") },
          )
        : null,
      writeButton(
        running.length > 1
          ? t("photos.capture")
          : t("photos.capture-from", { camera: nodeName({ ...first, type: CAMERA }) }),
        () => {
          this.#enqueue(() => this.#capture(chosen, SNAPSHOTS, []));
        },
        { icon: "camera" },
      ),
    );
  }

  async #capture(camera: string, snapshots: number, accept: readonly string[]): Promise<void> {
    this.#said.textContent = t("photos.capturing");
    const waiting = new Item(t("photos.capturing"));
    waiting.progress(1);
    this.#items.append(waiting.element);
    try {
      const { taken } = await send<CaptureAnswer>(
        "POST",
        `${pathOf(this.#host.gallery.id, "people", this.#personId, "capture")}${queryOf(accept)}`,
        { camera, count: snapshots },
      );
      waiting.element.remove();
      taken.forEach(({ photo, judgement }, index) => {
        const item = new Item(t("photos.snapshot", { number: index + 1 }));
        this.#items.append(item.element);
        if (photo != null) item.kept(judgement);
        else {
          const { findings } = judgement;
          const again = acceptable(findings)
            ? {
                label: t("photos.take-anyway"),
                run: () => {
                  item.element.remove();
                  this.#enqueue(() =>
                    this.#capture(
                      camera,
                      1,
                      findings.map(({ code }) => code),
                    ),
                  );
                },
              }
            : undefined;
          item.refused(findings, t("photos.refused"), again);
        }
      });
      const kept = taken.filter(({ photo }) => photo != null).length;
      this.#said.textContent = t("photos.captured", { kept, taken: taken.length });
      if (kept > 0) this.#onKept();
    } catch (error) {
      waiting.refused([], errorMessage(error), undefined);
      this.#said.textContent = t("photos.refused");
    }
  }

  #say(name: string, words: string): void {
    this.#said.textContent = labelled(name, words);
  }
}

function queryOf(codes: readonly string[], at?: string): string {
  const query = new URLSearchParams({
    ...(codes.length === 0 ? {} : { accept: codes.join(",") }),
    ...(at === undefined ? {} : { at }),
  }).toString();
  return query === "" ? "" : `?${query}`;
}
