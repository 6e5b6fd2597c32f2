/** The other sites of a shared gallery, above the sections: whether all are in step, and what people have to know. */
import type { Sites } from "../lib/gallery/sites";
import { getJson, pathOf, send } from "./api.js";
import { attempt, confirm } from "./dialogs.js";
import { type Child, fill, h, icon, writeButton } from "./dom.js";
import type { Host } from "./section.js";
import { dateTime, errorMessage, known, labelled, list, number, t } from "./words.js";

/** Deletions and conflicts that are shown. */
const MOST = 10;
/** What the page of a person, or of a check-in, calls what two sites changed. */
const LABELS: Readonly<Record<string, string>> = {
  name: "person.name",
  notes: "person.notes",
  groups: "person.groups",
  consentOn: "person.consent",
  validFrom: "person.valid-from",
  validUntil: "person.valid-until",
  person: "attendance.person",
  type: "attendance.type",
  at: "attendance.time",
  removed: "attendance.is-removed",
};

export class SitesNotice {
  readonly element = h("div", {});
  readonly #host: Host;
  readonly #body = h("div", {});
  readonly #summary = h("summary", {});
  readonly #details: HTMLDetailsElement;
  #shown = "";

  constructor(host: Host) {
    this.#host = host;
    this.#details = h(
      "details",
      {
        class: "facenet-notice facenet-sites",
        toggle: () => {
          if (this.#details.open) this.#read();
        },
      },
      this.#summary,
      this.#body,
    );
  }

  update(): void {
    const { site } = this.#host.gallery;
    const shown = JSON.stringify(site);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (site === null || site === undefined) {
      fill(this.element);
      return;
    }
    const behind = site.head !== null && site.followed !== null && site.followed < site.head;
    const state = !site.reachable ? "away" : site.waiting > 0 || behind ? "catchingUp" : "inStep";
    fill(
      this.#summary,
      icon(site.reachable ? "sitemap" : "unlink"),
      " ",
      t(`sites.${state}`, { sites: number(site.sites), waiting: number(site.waiting) }),
      site.readOnly && ` · ${t("sites.readOnly")}`,
      site.verifying !== null && ` · ${t("sites.verifying", { percent: number(site.verifying) })}`,
      site.differing !== null &&
        site.differing > 0 &&
        ` · ${t("sites.differing", { number: number(site.differing) })}`,
      site.conflicts > 0 && ` · ${t("sites.conflicts", { number: number(site.conflicts) })}`,
    );
    if (!this.element.contains(this.#details)) fill(this.element, this.#details);
    if (this.#details.open) this.#read();
  }

  #read(): void {
    attempt(async () => {
      try {
        this.#show(await getJson<Sites>(pathOf(this.#host.gallery.id, "sites")));
      } catch (error) {
        fill(this.#body, errorMessage(error));
      }
    });
  }

  #show({ site, sites, deletions, conflicts }: Sites): void {
    const unanswered = deletions.filter(({ missing }) => missing.length > 0).slice(0, MOST);
    fill(
      this.#body,
      site.verifiedAt !== null && h("div", {}, t("sites.verified", { at: dateTime(site.verifiedAt) })),
      h("ul", {}, ...sites.map((each) => h("li", {}, ...this.#siteWords(each, site.head ?? each.followed)))),
      unanswered.length > 0 && h("div", {}, t("sites.unanswered")),
      unanswered.length > 0 &&
        h(
          "ul",
          {},
          ...unanswered.map(({ at, missing }) =>
            h("li", {}, labelled(dateTime(at), t("sites.missing", { sites: list(missing) }))),
          ),
        ),
      conflicts.length > 0 && h("div", {}, t("sites.conflictsOf")),
      conflicts.length > 0 &&
        h(
          "ul",
          {},
          ...conflicts.slice(0, MOST).map(({ at, rule, name, fields, siteName }) =>
            h(
              "li",
              {},
              labelled(
                dateTime(at),
                known(`sites.rule.${rule}`, rule, {
                  name: name ?? t("sites.nobody"),
                  site: siteName,
                  fields: list(fields.map((field) => known(LABELS[field] ?? field, field))),
                }),
              ),
            ),
          ),
        ),
    );
  }

  #siteWords({ id, name, here, followed, answeredAt }: Sites["sites"][number], head: number): Child[] {
    const behind = Math.max(0, head - followed);
    const words = here
      ? t("sites.here")
      : t(behind === 0 ? "sites.asFar" : "sites.behind", { number: number(behind), at: dateTime(answeredAt) });
    if (here) return [labelled(name, words)];
    const remove = async (): Promise<void> => {
      const label = t("sites.remove", { name });
      if (!(await confirm(label, t("sites.removeSure", { name }), label))) return;
      await send("DELETE", pathOf(this.#host.gallery.id, "sites", id));
      this.#read();
    };
    return [
      labelled(name, words),
      " ",
      writeButton(
        "",
        () => {
          attempt(remove);
        },
        { icon: "trash-o", title: t("sites.remove", { name }) },
      ),
    ];
  }
}
