/** Everything of a gallery as one file, and back. */
import type { ImportAnswer, VisitPageAnswer } from "../api/answers";
import { ApiError, ask, getJson, pathOf, upload } from "./api.js";
import { confirm, dialog, tell, tellError } from "./dialogs.js";
import { h, liveLine } from "./dom.js";
import { nodeName } from "./nodes.js";
import { saveAs } from "./save-as.js";
import type { Host } from "./section.js";
import { bytes, count, list, t } from "./words.js";

const ZIP = "application/zip";

/** Download everything; visits where somebody says so. */
export async function exportGallery(host: Host): Promise<void> {
  const visits = await withVisits(host).catch((error: unknown) => {
    tellError(error);
    return undefined;
  });
  if (visits === undefined) return;
  const notice = RED.notify(h("p", {}, t("archive.exporting")), { type: "warning", timeout: 600_000 });
  try {
    const blob = await (await ask(`${pathOf(host.gallery.id, "export")}?visits=${visits}`)).blob();
    const day = new Date().toISOString().slice(0, 10);
    const name = (host.gallery.name || host.gallery.id).replaceAll(/[^\p{L}\p{N}]+/gu, "-");
    saveAs(blob, `faces-${name}-${day}.zip`);
    tell(t("archive.exported", { size: bytes(blob.size) }));
  } catch (error) {
    tellError(error);
  } finally {
    notice.close();
  }
}

/** Asked only where there are visits. @returns undefined where they think better of it */
async function withVisits(host: Host): Promise<boolean | undefined> {
  const path = pathOf(host.gallery.id, "visits");
  const kept = await getJson<VisitPageAnswer>(`${path}?limit=1`).then(
    ({ total }) => total,
    (error: unknown) => {
      // The gallery keeps none.
      if (error instanceof ApiError && error.status === 404) return 0;
      throw error;
    },
  );
  if (kept === 0) return false;
  const box = h("input", { type: "checkbox" });
  const answer = await dialog(
    t("archive.export"),
    [h("label", { class: "facenet-with-visits" }, box, t("archive.with-visits", { visits: count("visit", kept) }))],
    [
      { label: t("cancel"), answer: false },
      { label: t("archive.export-action"), answer: true, primary: true },
    ],
  );
  return answer === true ? box.checked : undefined;
}

/** Choose a file and merge what is in it into the gallery. */
export async function importGallery(host: Host): Promise<void> {
  const file = await choose();
  if (file === undefined) return;
  if (
    !(await confirm(
      t("archive.import-title"),
      t("archive.import-hint", {
        file: file.name,
        size: bytes(file.size),
        gallery: nodeName({ ...host.gallery, type: "face-gallery" }),
      }),
      t("archive.import"),
    ))
  )
    return;
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("archive.import-title") });
  const said = liveLine();
  said.textContent = t("archive.importing");
  const notice = RED.notify(h("div", { class: "facenet-import" }, said, bar), { type: "warning", timeout: 3_600_000 });
  try {
    const {
      people,
      photos,
      skipped,
      checkIns = 0,
      visits = 0,
    } = await upload<ImportAnswer>(pathOf(host.gallery.id, "import"), file, ZIP, (part) => {
      bar.value = part;
      if (part < 1) return;
      bar.removeAttribute("value");
      said.textContent = t("archive.reading");
    });
    notice.close();
    const imported = [
      count("person", people),
      count("photo", photos),
      ...(checkIns > 0 ? [count("check-in", checkIns)] : []),
      ...(visits > 0 ? [count("visit", visits)] : []),
    ];
    const words = t("archive.imported", { imported: list(imported), skipped });
    host.announce(words);
    await dialog(t("archive.import-title"), [h("p", {}, words)], [{ label: t("close"), answer: true, primary: true }]);
  } catch (error) {
    notice.close();
    tellError(error);
  }
}

function choose(): Promise<File | undefined> {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept: `.zip,${ZIP}` });
    input.addEventListener("change", () => {
      resolve(input.files?.[0]);
    });
    input.addEventListener("cancel", () => {
      resolve(undefined);
    });
    input.click();
  });
}
