/** What is known at the start: who was here when this ended, and of each person the latest visit that is kept. */
import type { VisitBook, VisitRecord } from "../visits/book";
import type { Present } from "../visit";
import type { Notifier } from "./notifier";

/** To be called before the notifier starts, and after it was told who there is. */
export async function remember(
  notifier: Notifier,
  visits: Pick<VisitBook, "open" | "find" | "snapshot">,
  people: readonly { id: string }[],
): Promise<void> {
  notifier.setHere(visits.open.flatMap((record) => presentOf(record) ?? []));
  for (const { id } of people) {
    const [latest] = (await visits.find({ person: id, limit: 1 })).visits;
    const stay = latest?.stays.at(-1);
    if (latest === undefined || stay === undefined) continue;
    notifier.setLastSeen(id, { at: latest.lastSeen, camera: stay.source, zone: stay.zone });
    if (!latest.pictured) continue;
    const picture = await visits.snapshot(latest.visit);
    if (picture !== undefined) notifier.setPicture(id, picture);
  }
}

/** A visit that goes on as those see it who ask who is here. */
function presentOf(record: VisitRecord): Present | undefined {
  const { until: _until, stays, pictured: _pictured, revision: _revision, ...rest } = record;
  const stay = stays.at(-1);
  return stay && { ...rest, camera: stay.camera, source: stay.source, zone: stay.zone };
}
