import type { UnknownGroup } from "../people/people";

/** A stranger as a network sees them: with its embeddings first, where there are some. */
export function seenBy(fingerprint: string, group: UnknownGroup): UnknownGroup {
  const { beside, ...rest } = group;
  if (group.fingerprint === fingerprint || beside?.fingerprint !== fingerprint) return group;
  return {
    ...rest,
    ...beside,
    beside: { model: group.model, fingerprint: group.fingerprint, vectors: group.vectors },
  };
}
