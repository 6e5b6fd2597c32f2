/** What a face-match node sees now, with boxes and names on it. Costs nothing while nobody looks. */
import type { MatcherAnswer } from "../api/answers";
import { ask, getJson, matchersPath } from "./api.js";
import { empty, failed, fill, h, loading, select } from "./dom.js";
import { nodeName } from "./nodes.js";
import type { Host, Section } from "./section.js";
import { Stats } from "./stats.js";
import { errorMessage, t } from "./words.js";

const TOPIC = "facenet/preview";
const TYPE = "face-match";
/** The runtime forgets an editor that does not ask again within twelve seconds. */
const RENEW_MS = 5000;
/** A picture older than this is not what the camera sees now. */
const STALE_MS = 3000;

export class Live implements Section {
  readonly element = h("div", {
    class: "facenet-section facenet-scroll facenet-live",
    tabindex: "0",
    role: "region",
    "aria-label": t("section.live"),
  });
  readonly #host: Host;
  readonly #view = h("div", { class: "facenet-live-view" });
  readonly #state = h("div", { class: "facenet-sub", role: "status" });
  readonly #listener = (_topic: string, data: unknown): void => {
    this.#onPicture(data);
  };
  readonly #stats = new Stats();
  #node: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #shownAt = 0;
  #visible = false;

  constructor(host: Host) {
    this.#host = host;
    fill(this.element, loading());
  }

  show(): void {
    this.#visible = true;
    void this.#find();
  }

  async #find(): Promise<void> {
    try {
      const matchers = await getJson<MatcherAnswer[]>(matchersPath);
      // It may have been hidden while the answer was on its way.
      if (this.#visible) this.#build(matchers.filter(({ gallery }) => gallery === this.#host.gallery.id));
    } catch (error) {
      fill(
        this.element,
        failed(error, () => {
          void this.#find();
        }),
      );
    }
  }

  hide(): void {
    this.#visible = false;
    this.#stats.stop();
    this.#stop();
  }

  onEvent(): void {
    // Shown by pictures alone.
  }

  close(): void {
    this.hide();
  }

  #build(matchers: readonly MatcherAnswer[]): void {
    const [first] = matchers;
    if (first === undefined) {
      fill(this.element, empty("video-camera", t("live.none"), t("live.none-hint")));
      return;
    }
    const chosen = matchers.find(({ id }) => id === this.#node) ?? first;
    fill(
      this.element,
      matchers.length > 1
        ? h(
            "div",
            { class: "facenet-live-choice" },
            select(
              matchers.map(({ id, name }) => ({ value: id, label: nodeName({ id, name, type: TYPE }) })),
              chosen.id,
              (id) => {
                this.#watch(id);
              },
              { "aria-label": t("live.node") },
            ),
          )
        : h("div", { class: "facenet-sub facenet-live-choice" }, nodeName({ ...chosen, type: TYPE })),
      this.#view,
      this.#state,
      this.#stats.element,
    );
    this.#stats.start();
    this.#watch(chosen.id);
  }

  #watch(id: string): void {
    this.#stop();
    this.#node = id;
    this.#shownAt = 0;
    fill(this.#view, h("div", { class: "facenet-live-waiting" }, h("i", { class: "spinner", "aria-hidden": "true" })));
    this.#state.textContent = t("live.waiting");
    RED.comms.subscribe(`${TOPIC}/${id}`, this.#listener);
    const renew = (): void => {
      ask(`${TOPIC}/${TYPE}/${encodeURIComponent(id)}`, { method: "POST" }).catch((error: unknown) => {
        this.#state.textContent = errorMessage(error);
      });
      if (this.#shownAt > 0 && Date.now() - this.#shownAt > STALE_MS) this.#state.textContent = t("live.still");
    };
    renew();
    this.#timer = setInterval(renew, RENEW_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    if (this.#node !== undefined) RED.comms.unsubscribe(`${TOPIC}/${this.#node}`, this.#listener);
  }

  #onPicture(data: unknown): void {
    const { jpeg } = (data ?? {}) as { jpeg?: unknown };
    if (typeof jpeg !== "string" || !/^[\d+/=A-Za-z]+$/.test(jpeg)) return;
    this.#shownAt = Date.now();
    if (this.#state.textContent !== t("live.now")) this.#state.textContent = t("live.now");
    const shown = this.#view.querySelector("img") ?? h("img", { alt: t("live.alt") });
    shown.src = `data:image/jpeg;base64,${jpeg}`;
    if (!shown.isConnected) fill(this.#view, shown);
  }
}
