/** One person, opened: who they are, their photos, and their deletion. */
import type { MergedAnswer, MovedAnswer } from "../api/answers";
import type { Receipt } from "../lib/people/people";
import type { PeoplePage, PersonDetails, PhotoEntry } from "../lib/search/entries";
import { getJson, pathOf, send } from "./api.js";
import { AddPhotos } from "./add-photos.js";
import { askName } from "./ask-name.js";
import { Choosing } from "./choosing.js";
import { attempt, confirm, dialog, showReceipt, tell, tellError } from "./dialogs.js";
import { button, empty, field, fill, h, icon, keepFocus, loading, mayWrite, writeButton } from "./dom.js";
import { findingWords } from "./judgement.js";
import { forgetPictures, picture, release } from "./pictures.js";
import type { Host } from "./section.js";
import {
  ago,
  bracketed,
  bytes,
  count,
  dateTime,
  errorMessage,
  labelled,
  number,
  sentences,
  t,
  usedAgainWords,
} from "./words.js";

/** The form's fields, as text. */
interface Fields {
  name: HTMLInputElement;
  groups: HTMLInputElement;
  consentOn: HTMLInputElement;
  validFrom: HTMLInputElement;
  validUntil: HTMLInputElement;
  notes: HTMLTextAreaElement;
}

export class PersonView {
  readonly element = h("div", { class: "facenet-section facenet-person" });
  readonly #host: Host;
  readonly #id: string;
  readonly #onBack: (changed: boolean) => void;
  readonly #head = h("div", { class: "facenet-person-head" });
  readonly #photos = h("ul", { class: "facenet-photos", role: "list" });
  readonly #photosTitle = h("h3", {});
  /** How many photos are set aside, and what can be done. */
  readonly #asideNote = h("p", { class: "facenet-hint", hidden: true });
  readonly #choosing = new Choosing(
    t("person.chosen"),
    button(t("choose-all"), () => {
      this.#choosing.chooseAll();
    }),
    writeButton(
      t("person.move"),
      () => {
        attempt(() => this.#moveChosen());
      },
      { icon: "share" },
    ),
    writeButton(
      t("delete"),
      () => {
        attempt(() => this.#deleteChosen());
      },
      { icon: "trash" },
    ),
  );
  readonly #body = h("div", { class: "facenet-scroll facenet-person-body" });
  readonly #back: HTMLButtonElement;
  readonly #stop = new AbortController();
  #person: PersonDetails | undefined;
  #fields: Fields | undefined;
  #save: HTMLButtonElement | undefined;
  #revert: HTMLButtonElement | undefined;
  #add: AddPhotos | undefined;
  #changed = false;
  /** What the tiles show. */
  #shown = "";

  constructor(host: Host, id: string, onBack: (changed: boolean) => void) {
    this.#host = host;
    this.#id = id;
    this.#onBack = onBack;
    this.#back = button(
      t("person.back"),
      () => {
        this.#leave();
      },
      { icon: "chevron-left" },
    );
    this.element.append(h("div", { class: "facenet-bar" }, this.#back), this.#body);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      // The editor still looks at where the key was pressed; it must be in the document until then.
      setTimeout(() => {
        this.#leave();
      });
    });
  }

  start(): void {
    fill(this.#body, loading());
    this.#back.focus();
    void this.#open();
  }

  async #open(): Promise<void> {
    try {
      await this.#load();
      this.#build();
    } catch (error) {
      if (!this.#stop.signal.aborted) fill(this.#body, empty("user-times", t("person.gone"), errorMessage(error)));
    }
  }

  /** What the server knows may have changed; what is being typed stays. */
  async refresh(): Promise<void> {
    if (this.#fields === undefined) return;
    const clean = this.#dirty().length === 0;
    try {
      await this.#load();
    } catch {
      // Deleted by somebody else, perhaps: what is shown stays until they are left.
      return;
    }
    this.#showHead();
    this.#showPhotos();
    if (clean) this.#setFields();
  }

  close(): void {
    this.#stop.abort();
    this.#add?.close();
    release(this.element);
  }

  async #load(): Promise<void> {
    this.#person = await getJson<PersonDetails>(this.#path(), this.#stop.signal);
  }

  #path(...parts: readonly string[]): string {
    return pathOf(this.#host.gallery.id, "people", this.#id, ...parts);
  }

  #leave(): void {
    if (this.#fields === undefined || this.#dirty().length === 0) {
      this.#onBack(this.#changed);
      return;
    }
    attempt(async () => {
      if (await confirm(t("person.unsaved"), t("person.unsaved-hint"), t("person.discard")))
        this.#onBack(this.#changed);
    });
  }

  #build(): void {
    const readonly = !mayWrite();
    const input = (type: string): HTMLInputElement => h("input", { type, autocomplete: "off", readonly });
    const fields: Fields = {
      name: input("text"),
      groups: input("text"),
      consentOn: input("date"),
      validFrom: input("datetime-local"),
      validUntil: input("datetime-local"),
      notes: h("textarea", { rows: 3, readonly }),
    };
    this.#fields = fields;
    this.#save = writeButton(
      t("person.save"),
      () => {
        attempt(() => this.#saveFields());
      },
      { class: "primary" },
    );
    this.#revert = button(t("person.revert"), () => {
      this.#setFields();
    });
    const form = h(
      "form",
      {
        class: "facenet-form",
        "aria-label": t("person.details"),
        submit: (event) => {
          event.preventDefault();
          if (this.#dirty().length > 0) attempt(() => this.#saveFields());
        },
        input: () => {
          this.#showDirty();
        },
      },
      field(t("person.name"), fields.name),
      field(t("person.groups"), fields.groups, t("person.groups-hint")),
      field(t("person.consent"), fields.consentOn),
      h(
        "div",
        { class: "facenet-pair" },
        field(t("person.valid-from"), fields.validFrom),
        field(t("person.valid-until"), fields.validUntil),
      ),
      field(t("person.notes"), fields.notes),
      h("div", { class: "facenet-buttons" }, this.#revert, this.#save),
    );
    this.#add = new AddPhotos(this.#host, this.#id, () => {
      this.#changed = true;
      void this.refresh();
    });
    fill(
      this.#body,
      this.#head,
      this.#photosTitle,
      this.#asideNote,
      this.#choosing.bar,
      this.#photos,
      this.#add.element,
      h("h3", {}, t("person.details")),
      form,
      h(
        "div",
        { class: "facenet-buttons facenet-danger" },
        button(
          t("person.visits"),
          () => {
            const { id, name } = this.#person as PersonDetails;
            this.#host.openVisits({ id, name });
          },
          { icon: "history", class: "facenet-do-visits" },
        ),
        writeButton(
          t("person.merge"),
          () => {
            attempt(() => this.#merge());
          },
          { icon: "compress", class: "facenet-do-merge" },
        ),
        writeButton(
          t("person.delete"),
          () => {
            attempt(() => this.#delete());
          },
          { icon: "trash", class: "facenet-do-delete" },
        ),
      ),
    );
    this.#showHead();
    this.#showPhotos();
    this.#setFields();
  }

  #showHead(): void {
    const { name, photos, lastSeenAt, createdAt } = this.#person as PersonDetails;
    const first = photos.find(({ thumbnail }) => thumbnail);
    fill(
      this.#head,
      picture(first === undefined ? null : this.#path("photos", first.id, "thumbnail"), {
        alt: "",
        class: "facenet-round facenet-large",
      }),
      h(
        "div",
        {},
        h("h2", {}, name),
        h(
          "div",
          { class: "facenet-sub" },
          lastSeenAt === null
            ? t("people.never-seen")
            : h("span", { title: dateTime(lastSeenAt) }, t("person.seen", { ago: ago(lastSeenAt) })),
        ),
        h("div", { class: "facenet-sub" }, t("person.since", { date: dateTime(createdAt) })),
      ),
    );
  }

  #showPhotos(): void {
    const { photos, name } = this.#person as PersonDetails;
    // Whoever changes a photo here is told of it by the gallery too: the tiles they are using by then stay.
    const shown = JSON.stringify([name, photos]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#photosTitle.textContent = `${t("person.photos")}${bracketed(String(photos.length))}`;
    release(this.#photos);
    this.#choosing.keep(photos.map(({ id }) => id));
    const aside = photos.filter((photo) => photo.aside !== null).length;
    const usable = photos.filter((photo) => photo.usable);
    const notes = [
      ...(usable.length > 0 && usable.every(({ out }) => out) ? [t("person.out")] : []),
      ...(aside === 0 ? [] : [t("person.aside", { photos: count("photo", aside) })]),
    ];
    this.#asideNote.textContent = notes.join(" ");
    this.#asideNote.hidden = notes.length === 0;
    const tiles = photos.map((photo, index) => this.#tile(photo, t("person.photo-of", { name, number: index + 1 })));
    const none = h("li", { class: "facenet-hint facenet-wide" }, t("person.no-photos"));
    if (!keepFocus(this.#photos, () => fill(this.#photos, ...(tiles.length === 0 ? [none] : tiles))))
      this.#focusPhoto();
  }

  /** The focus to a photo; to the first where it is gone or none is named, or to the way back. */
  #focusPhoto(id?: string): void {
    const tiles = [...this.#photos.querySelectorAll<HTMLElement>("li[data-id]")];
    const tile = tiles.find((each) => each.dataset["id"] === id) ?? tiles[0];
    (tile?.querySelector<HTMLElement>(".facenet-tile-open") ?? this.#back).focus();
  }

  #tile(photo: PhotoEntry, label: string): HTMLElement {
    const { quality, aside, out } = photo;
    const accepted = acceptedOf(photo);
    const size = quality === null ? "" : t("photo.pixels", { pixels: Math.round(quality.size) });
    return h(
      "li",
      { class: aside === null && !out ? "facenet-tile" : "facenet-tile facenet-aside", "data-id": photo.id },
      mayWrite() && this.#choosing.box(photo.id, t("choose", { what: label })),
      h(
        "button",
        {
          type: "button",
          class: "facenet-tile-open",
          "aria-label": t("person.open-photo", { photo: label }),
          click: () => {
            attempt(() => this.#openPhoto(photo, label));
          },
        },
        picture(photo.thumbnail ? this.#path("photos", photo.id, "thumbnail") : null, { alt: "" }),
      ),
      h(
        "span",
        {
          class: "facenet-tile-caption",
          title:
            quality === null
              ? undefined
              : qualityWords(quality)
                  .map(([what, said]) => labelled(what, said))
                  .join("\n"),
        },
        accepted.length > 0 &&
          h(
            "span",
            {
              class: "facenet-warning",
              title: t("photo.accepted", {
                findings: acceptedWords(accepted),
              }),
            },
            icon("exclamation-triangle"),
          ),
        out
          ? h("span", { class: "facenet-out" }, t("photo.out"))
          : aside === null
            ? size
            : h("span", { class: "facenet-warning", title: asideWords(aside) }, t("photo.aside")),
      ),
      writeButton(
        "",
        () => {
          attempt(() => this.#deletePhoto(photo, label));
        },
        { icon: "trash", title: t("photo.delete", { photo: label }), class: "facenet-tile-delete" },
      ),
    );
  }

  async #openPhoto(photo: PhotoEntry, label: string): Promise<void> {
    const accepted = acceptedOf(photo);
    const facts: (readonly [string, string])[] = [
      [
        t("photo.origin"),
        photo.origin.by === "folder"
          ? t("photo.by.folder", { file: photo.origin.file })
          : t(`photo.by.${photo.origin.by}`),
      ],
      [t("photo.added"), dateTime(photo.addedAt)],
      ...(photo.size > 0 ? [[t("photo.size"), bytes(photo.size)] as const] : []),
      ...(photo.quality === null ? [] : qualityWords(photo.quality)),
      ...(photo.aside === null ? [] : [[t("photo.aside-label"), asideWords(photo.aside)] as const]),
      ...(photo.out ? [[t("photo.aside-label"), t("photo.out-why")] as const] : []),
      ...(accepted.length > 0 ? [[t("photo.accepted-label"), acceptedWords(accepted)] as const] : []),
    ];
    // What somebody was sure of, when the photo came or later, can be taken back; unlike the others it may be no
    // longer.
    const use = photo.aside !== null || photo.sure;
    const answer = await dialog<"close" | "use" | "out">(
      label,
      [
        photo.size > 0
          ? picture(this.#path("photos", photo.id), { alt: label, class: "facenet-full" })
          : h("p", {}, t("photo.not-kept")),
        h(
          "dl",
          { class: "facenet-facts" },
          ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
        ),
      ],
      [
        ...(mayWrite() && (photo.usable || photo.out)
          ? [{ label: t(photo.out ? "photo.again" : "photo.leave-out"), answer: "out" as const }]
          : []),
        ...(use && !photo.out && mayWrite()
          ? [{ label: t(photo.sure ? "photo.not-sure" : "photo.use"), answer: "use" as const }]
          : []),
        { label: t("close"), answer: "close", primary: true, focused: true },
      ],
    );
    if (answer === "use") await this.#usePhoto(photo, { sure: !photo.sure });
    if (answer === "out") await this.#usePhoto(photo, { out: !photo.out });
    // The dialog gives the focus back to where it was, if that is still there.
    if (document.activeElement === document.body) this.#focusPhoto(photo.id);
  }

  /** It is this person all the same, or nobody is sure of that any more; or it is left out, or used again. */
  async #usePhoto({ id }: PhotoEntry, change: { sure: boolean } | { out: boolean }): Promise<void> {
    const { aside, out } = await send<PhotoEntry>("PATCH", this.#path("photos", id), change);
    this.#changed = true;
    await this.#load();
    this.#showPhotos();
    const words = out ? t("photo.out-why") : aside === null ? t("photo.used") : asideWords(aside);
    tell(words);
    this.#host.announce(words);
  }

  async #deletePhoto(photo: PhotoEntry, label: string): Promise<void> {
    if (!(await confirm(label, t("photo.delete-hint"), t("delete")))) return;
    await send<Receipt>("DELETE", this.#path("photos", photo.id));
    forgetPictures(photo.id);
    this.#changed = true;
    tell(t("photo.deleted"));
    await this.#load();
    this.#showHead();
    this.#showPhotos();
    // The button that had the focus is gone.
    this.#focusPhoto();
  }

  async #deleteChosen(): Promise<void> {
    const { ids } = this.#choosing;
    if (
      !(await confirm(
        t("person.delete-chosen", { photos: count("photo", ids.length) }),
        t("photo.delete-hint"),
        t("delete"),
      ))
    )
      return;
    await send<Receipt>("POST", this.#path("photos", "delete"), { photos: ids });
    await this.#afterPhotos(ids, t("person.chosen-deleted", { photos: count("photo", ids.length) }));
  }

  async #moveChosen(): Promise<void> {
    const { ids } = this.#choosing;
    const name = await askName(this.#host.gallery.id, {
      title: t("person.move-title", { photos: count("photo", ids.length) }),
      hint: t("person.move-hint"),
      action: t("person.move-action"),
    });
    if (name === undefined) return;
    const moved = await send<MovedAnswer>("POST", this.#path("photos", "move"), { photos: ids, to: { name } });
    const words = t("person.moved", { photos: count("photo", ids.length), name });
    await this.#afterPhotos(ids, sentences(words, usedAgainWords(moved.usedAgain, name)));
  }

  /** Photos are gone from here. */
  async #afterPhotos(ids: readonly string[], words: string): Promise<void> {
    for (const id of ids) forgetPictures(id);
    this.#changed = true;
    await this.#load();
    this.#showHead();
    this.#showPhotos();
    this.#back.focus();
    tell(words);
    this.#host.announce(words);
    this.#host.touch();
  }

  /** This person turns out to be another one. */
  async #merge(): Promise<void> {
    const { name } = this.#person as PersonDetails;
    const other = await askName(this.#host.gallery.id, {
      title: t("person.merge-title", { name }),
      hint: t("person.merge-hint", { name }),
      action: t("person.merge-action"),
    });
    if (other === undefined) return;
    const { people } = await getJson<PeoplePage>(
      `${pathOf(this.#host.gallery.id, "people")}?${new URLSearchParams({ search: other, limit: "1000" }).toString()}`,
    );
    const into = people.find((person) => person.name === other);
    if (into === undefined) {
      tell(t("person.merge-nobody", { name: other }), "warning");
      return;
    }
    const { usedAgain } = await send<MergedAnswer>("POST", this.#path("merge"), { into: into.id });
    forgetPictures(this.#id);
    const words = sentences(t("person.merged", { name, into: other }), usedAgainWords(usedAgain, other));
    tell(words);
    this.#host.announce(words);
    this.#host.touch();
    this.#host.openPerson(into.id);
  }

  #setFields(): void {
    const { name, groups, consentOn, validFrom, validUntil, notes } = this.#person as PersonDetails;
    const fields = this.#fields as Fields;
    fields.name.value = name;
    fields.groups.value = groups.join(", ");
    fields.consentOn.value = consentOn ?? "";
    fields.validFrom.value = toLocal(validFrom);
    fields.validUntil.value = toLocal(validUntil);
    fields.notes.value = notes;
    this.#showDirty();
  }

  /** What of the form differs from what is kept. */
  #dirty(): (readonly [string, unknown])[] {
    const fields = this.#fields as Fields;
    const person = this.#person as PersonDetails;
    const groups = [
      ...new Set(
        fields.groups.value
          .split(/[,，、]/u)
          .map((group) => group.trim().toLowerCase())
          .filter((group) => group !== ""),
      ),
    ].sort();
    const now: Record<string, unknown> = {
      name: fields.name.value.trim(),
      groups,
      consentOn: fields.consentOn.value || null,
      notes: fields.notes.value,
    };
    const changed = Object.entries(now).filter(
      ([key, value]) =>
        JSON.stringify(value) !==
        JSON.stringify(key === "groups" ? person.groups.toSorted() : person[key as keyof PersonDetails]),
    );
    // A field of minutes cannot say the seconds of what is kept.
    for (const key of ["validFrom", "validUntil"] as const) {
      if (fields[key].value !== toLocal(person[key]))
        changed.push([key, fields[key].value === "" ? null : new Date(fields[key].value).getTime()]);
    }
    return changed;
  }

  #showDirty(): void {
    const clean = this.#dirty().length === 0;
    if (this.#revert !== undefined) this.#revert.disabled = clean;
    if (this.#save !== undefined) this.#save.disabled = clean || !mayWrite();
  }

  async #saveFields(): Promise<void> {
    await send("PATCH", this.#path(), Object.fromEntries(this.#dirty()));
    this.#changed = true;
    await this.#load();
    this.#showHead();
    this.#setFields();
    this.#host.announce(t("person.saved"));
    tell(t("person.saved"));
    this.#fields?.name.focus();
  }

  async #delete(): Promise<void> {
    const { name, photos } = this.#person as PersonDetails;
    if (
      !(await confirm(
        t("person.delete-title", { name }),
        t("person.delete-hint", { photos: count("photo", photos.length) }),
        t("delete"),
      ))
    )
      return;
    let receipt: Receipt;
    try {
      receipt = await send<Receipt>("DELETE", this.#path());
    } catch (error) {
      tellError(error);
      return;
    }
    forgetPictures(this.#id);
    await showReceipt({ ...receipt, name: receipt.name ?? name });
    this.#onBack(true);
  }
}

/** Findings that somebody accepted; that it is left out is told apart. */
function acceptedOf({ accepted }: PhotoEntry): string[] {
  return accepted.filter((code) => code !== "left_out");
}

/** What was found of a photo that was kept all the same. */
function acceptedWords(accepted: readonly string[]): string {
  return sentences(...accepted.map((code) => findingWords({ code, message: code })));
}

/** Why a photo is set aside. */
function asideWords({ distance, threshold }: NonNullable<PhotoEntry["aside"]>): string {
  return t("photo.aside-why", { distance: number(distance, 2), threshold: number(threshold, 3) });
}

/** What was measured, each with its name. */
function qualityWords({
  size,
  blur,
  yaw,
  pitch,
  roll,
  exposure,
}: NonNullable<PhotoEntry["quality"]>): (readonly [string, string])[] {
  return [
    [t("photo.eyes"), t("photo.pixels", { pixels: Math.round(size) })],
    [t("photo.sharpness"), number(blur)],
    [t("photo.pose"), t("photo.degrees", { yaw: number(yaw), pitch: number(pitch), roll: number(roll) })],
    [t("photo.brightness"), t("photo.of-255", { value: number(exposure) })],
  ];
}

/** Milliseconds since the epoch as a datetime-local field has it. */
function toLocal(at: number | null): string {
  if (at === null) return "";
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
