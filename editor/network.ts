/**
 * Another network for a gallery: the offer of a surer one with its cost, a change that is under way, and the way back.
 */
import type { NetworkChange, NetworkEstimate, NetworkState } from "../lib/gallery/network-state";
import { pathOf, send } from "./api.js";
import { attempt, dialog, tell } from "./dialogs.js";
import { type Child, fill, h, icon, loading, writeButton } from "./dom.js";
import { apply, isInForm, type Plan, planBack, planOf } from "./network-nodes.js";
import { costWords, estimateOf, gainOf, leftWords, nameOf, timeWords } from "./network-words.js";
import type { Host } from "./section.js";
import { count, dateTime, errorMessage, list, number, sentences, t } from "./words.js";

type Act = "pause" | "continue" | "cancel" | "accept" | "undo" | "keep" | "dismiss";

/** What stands above the sections about the network of the gallery. */
export class NetworkNotice {
  readonly element = h("div", {});
  readonly #host: Host;
  /** What the offer would cost, as measured once. */
  #estimate: { of: string; estimate: NetworkEstimate | undefined } | undefined;
  #shown = "";

  constructor(host: Host) {
    this.#host = host;
  }

  update(): void {
    const { network } = this.#host.gallery;
    const outOfStep =
      network === null || network === undefined
        ? undefined
        : planOf(this.#host.gallery.id, network.change?.key ?? network.key);
    const shown = JSON.stringify([network, outOfStep?.changes.map(({ name }) => name), this.#estimate]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.element.contains(document.activeElement);
    const at = document.activeElement?.textContent;
    fill(this.element, ...(network === null || network === undefined ? [] : this.#notices(network, outOfStep)));
    if (!focused) return;
    const found = [...this.element.querySelectorAll<HTMLElement>("button:not(:disabled), summary")];
    (found.find(({ textContent }) => textContent === at) ?? found[0])?.focus();
  }

  #notices(network: NetworkState, outOfStep: Plan | undefined): Child[] {
    const { model, change, previous, offer } = network;
    const follow =
      outOfStep !== undefined &&
      outOfStep.changes.length > 0 &&
      (change !== null || previous !== null || !network.asInForm);
    return [
      change !== null && this.#changing(change, model),
      change === null && previous !== null && this.#changed(model, previous),
      follow && this.#outOfStep(change?.key ?? network.key, outOfStep),
      change === null && offer !== null && !isInForm(this.#host.gallery.id, offer) && this.#offered(offer),
    ];
  }

  #offered(offer: string): HTMLElement {
    const measured = this.#estimate?.of === offer ? this.#estimate.estimate : undefined;
    if (this.#estimate?.of !== offer) void this.#measure(offer);
    return h(
      "div",
      { class: "facenet-notice facenet-network facenet-network-offer" },
      h("strong", {}, icon("star-o"), " ", t("network.offer", { network: nameOf(offer) })),
      gainOf(offer),
      h("p", {}, measured === undefined ? t("network.measuring") : costWords(measured)),
      buttons(
        writeButton(
          t("network.change-more"),
          () => {
            attempt(() => this.#ask(offer));
          },
          { class: "primary" },
        ),
        writeButton(t("network.not-now"), () => {
          this.#do("dismiss");
        }),
      ),
    );
  }

  /** Once, while it is looked at. */
  async #measure(offer: string): Promise<void> {
    this.#estimate = { of: offer, estimate: undefined };
    // Where somebody else measures just now, it is asked for again in the dialog.
    const estimate = await estimateOf(this.#host.gallery.id, offer).catch(() => undefined);
    this.#estimate = { of: offer, estimate };
    this.update();
  }

  #changing(change: NetworkChange, model: string): HTMLElement {
    const { key, stage, done, total, remainingMs, leftBehind, error } = change;
    const words = { network: nameOf(change.model), old: nameOf(model), done: number(done), total: number(total) };
    const asks = stage === "asking";
    return h(
      "div",
      {
        class: "facenet-notice facenet-network",
        role: "group",
        "aria-label": t("network.title", { network: nameOf(change.model) }),
      },
      h("strong", {}, icon("refresh"), " ", t("network.title", { network: nameOf(change.model) })),
      !asks && h("progress", { max: Math.max(1, total), value: done, "aria-label": t("network.title", words) }),
      h(
        "p",
        {},
        sentences(
          t(`network.stage.${stage}`, words),
          stage === "embedding" && remainingMs !== null && done < total
            ? t("network.remaining", { time: timeWords(remainingMs / 1000) })
            : "",
        ),
      ),
      error !== null && h("p", { class: "facenet-network-error" }, error),
      ...leftWords(leftBehind),
      buttons(
        asks &&
          writeButton(
            t("network.accept"),
            () => {
              this.#do("accept");
            },
            { class: "primary" },
          ),
        stage === "embedding" &&
          writeButton(t("network.pause"), () => {
            this.#do("pause");
          }),
        stage === "paused" &&
          writeButton(t("network.continue"), () => {
            this.#do("continue");
          }),
        writeButton(t("network.cancel"), () => {
          this.#back(
            "cancel",
            this.#host.gallery.network?.key ?? "",
            t("network.cancelled", { network: nameOf(key) }),
          );
        }),
      ),
    );
  }

  #changed(model: string, { key, model: old, until }: NonNullable<NetworkState["previous"]>): HTMLElement {
    return h(
      "div",
      { class: "facenet-notice facenet-network" },
      h(
        "p",
        {},
        icon("check"),
        " ",
        t("network.changed", { network: nameOf(model), old: nameOf(old), until: dateTime(until) }),
      ),
      buttons(
        writeButton(
          t("network.undo"),
          () => {
            this.#back("undo", key, t("network.undone", { network: nameOf(old) }));
          },
          { icon: "undo" },
        ),
        writeButton(t("network.keep"), () => {
          this.#do("keep");
        }),
      ),
    );
  }

  /** The flow names another network than the gallery has, or is to have. */
  #outOfStep(key: string, plan: Plan): HTMLElement {
    return h(
      "div",
      { class: "facenet-notice facenet-network" },
      h(
        "p",
        {},
        icon("exclamation-triangle"),
        " ",
        t("network.out-of-step", { network: nameOf(key), nodes: list(plan.changes.map(({ name }) => name)) }),
      ),
      buttons(
        writeButton(t("network.follow", { nodes: count("node", plan.changes.length) }), () => {
          attempt(() => this.#follow(key));
        }),
      ),
    );
  }

  async #follow(key: string): Promise<void> {
    // Of a network in a file its τ is not known here: it stays.
    const estimate = await estimateOf(this.#host.gallery.id, key).catch(() => undefined);
    this.#put(planOf(this.#host.gallery.id, key, estimate), t("network.followed"));
  }

  #do(act: Act): void {
    attempt(async () => {
      await send("POST", pathOf(this.#host.gallery.id, "network"), { do: act });
      this.#host.touch();
    });
  }

  /** Back to a network, in the runtime at once and in the flow. */
  #back(act: "cancel" | "undo", key: string, words: string): void {
    attempt(async () => {
      const { id } = this.#host.gallery;
      await send("POST", pathOf(id, "network"), { do: act });
      this.#put(planBack(id, key) ?? planOf(id, key, await estimateOf(id, key).catch(() => undefined)), words);
      this.#host.touch();
    });
  }

  #put(plan: Plan, words: string): void {
    const step = apply(this.#host.gallery.id, plan);
    const text =
      step === undefined ? words : sentences(words, t("network.deploy", { nodes: count("node", step.nodes) }));
    tell(text);
    this.#host.announce(text);
    this.update();
  }

  /** What it costs, who stays behind, which nodes are changed; then, if it is wanted, do it. */
  async #ask(key: string): Promise<void> {
    const { id } = this.#host.gallery;
    const body = h("div", {}, loading());
    let plan: Plan | undefined;
    const asked = dialog(
      t("network.title", { network: nameOf(key) }),
      [body],
      [
        { label: t("cancel"), answer: false },
        // Nobody agrees to what is not shown yet.
        { label: t("network.change"), answer: () => (plan === undefined ? undefined : true), primary: true },
      ],
    );
    try {
      const estimate = await estimateOf(this.#host.gallery.id, key);
      const found = planOf(id, key, estimate);
      fill(body, ...this.#costs(estimate, found));
      plan = found;
    } catch (error) {
      fill(body, h("p", {}, errorMessage(error)));
    }
    if ((await asked) !== true || plan === undefined) return;
    await send("POST", pathOf(id, "network"), { do: "change", network: key });
    this.#put(plan, t("network.begun"));
    this.#host.touch();
  }

  #costs(estimate: NetworkEstimate, { changes, left }: Plan): Child[] {
    const bullets = (items: readonly string[]): HTMLElement =>
      h("ul", { class: "facenet-network-list" }, ...items.map((item) => h("li", {}, item)));
    return [
      gainOf(estimate.key),
      h("p", {}, costWords(estimate)),
      ...leftWords(estimate.leftBehind),
      changes.length > 0 && h("p", {}, t("network.nodes")),
      changes.length > 0 &&
        bullets(
          changes.map(({ name, node, fields }) =>
            "threshold" in fields
              ? t("network.node-threshold", {
                  name,
                  old: thresholdWords(node.threshold),
                  threshold: thresholdWords(fields["threshold"]),
                })
              : name,
          ),
        ),
      left.length > 0 && h("p", {}, t("network.nodes-left")),
      left.length > 0 && bullets(left),
      h("p", {}, t("network.way-back")),
    ];
  }
}

/** τ as a node has it. */
function thresholdWords(value: unknown): string {
  const words = typeof value === "string" || typeof value === "number" ? String(value) : "";
  return words === "" ? t("network.own-threshold") : words;
}

function buttons(...children: readonly Child[]): HTMLElement {
  return h("div", { class: "facenet-buttons" }, ...children);
}
