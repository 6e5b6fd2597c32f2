/** What people may do at a site, at random; each as a gallery does it. */
import type { LmdbStore } from "../../../lib/people/lmdb/store";
import { entryOf, idOf, personOf } from "../people/entries";
import { added, anchorOf, embeddingOf, strangerOf } from "../people/store-suite";

export const PEOPLE = 10;

export function randomWrites(random: () => number): (store: LmdbStore) => Promise<void> {
  const below = (count: number): number => Math.floor(random() * count);
  const isFree = (store: LmdbStore, name: string, id: string): boolean =>
    store.people().every((person) => person.name !== name || person.id === id);
  const puts: ((store: LmdbStore, n: number) => Promise<unknown>)[] = [
    async (store, n) => {
      const name = `Name ${below(6)}`;
      const person = store.person(idOf(n)) ?? personOf(n);
      if (isFree(store, name, person.id)) await store.putPerson({ ...person, name });
    },
    async (store, n) => {
      const person = store.person(idOf(n));
      if (person !== undefined) await store.putPerson({ ...person, notes: `note ${below(1000)}` });
    },
    async (store, n) => {
      const person = store.person(idOf(n));
      if (person !== undefined) await store.putPerson({ ...person, groups: [`group ${below(1000)}`] });
    },
    async (store, n) => {
      if (store.person(idOf(n)) === undefined && isFree(store, personOf(n).name, idOf(n)))
        await store.putMany(added(n));
    },
    async (store, n) => {
      // The same picture, of somebody else.
      const { photo, bytes, thumbnail, embeddings } = entryOf(n);
      const personId = idOf((n + 1) % PEOPLE);
      if (store.photo(photo.id) !== undefined || store.person(personId) === undefined) return;
      const theirs = embeddings.map((embedding) => ({ ...embedding, personId }));
      await store.putMany({ photos: [{ photo: { ...photo, personId }, bytes, thumbnail, embeddings: theirs }] });
    },
    async (store, n) => {
      const photo = store.photo(idOf(n, "b"));
      if (photo === undefined) return;
      const accepted = [`code_${below(9)}`];
      await store.putMany({
        photos: [{ photo: { ...photo, accepted }, bytes: undefined, thumbnail: undefined, embeddings: [] }],
      });
    },
    (store, n) => store.seen(new Map([[idOf(n), below(1e6)]])),
    async (store, n) => {
      const photo = store.photo(idOf(n, "b"));
      if (photo !== undefined) await store.putEmbeddings([{ ...embeddingOf(n, "g"), personId: photo.personId }]);
    },
    (store, n) => store.putMany({ anchors: [anchorOf(n, store.person(idOf(n)) === undefined ? null : idOf(n))] }),
    (store, n) => store.putUnknown({ ...strangerOf(n), lastSeenAt: below(1e6) }),
  ];
  const removals: ((store: LmdbStore, n: number) => Promise<unknown>)[] = [
    (store, n) => store.removePerson(idOf(n)),
    (store, n) => store.removePhotos([idOf(n, "b"), idOf(below(PEOPLE), "b")]),
    (store, n) => store.removeMany({ people: [idOf(n)], photos: [idOf(below(PEOPLE), "b")] }),
    (store, n) => store.removeAnchor(idOf(n, "d")),
    (store, n) => store.removeUnknowns([idOf(n, "c")]),
    (store, n) => store.removeEmbeddings(["f", "g"][n % 2] ?? "", (id) => id === idOf(n, "b")),
  ];
  return async (store) => {
    const kinds = random() < 0.85 ? puts : removals;
    await kinds[below(kinds.length)]?.(store, below(PEOPLE));
  };
}
