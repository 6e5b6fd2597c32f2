/** The gallery as matching reads it: one array of numbers, no disk. Immutable; a change makes a new one. */
export interface Snapshot {
  /** Id of the model of every embedding here. */
  model: string;
  /** The model's own τ. */
  threshold: number;
  dimensions: number;
  /** People, each once. */
  names: readonly string[];
  /** For each embedding the index of its person in `names`. */
  owners: Int32Array;
  /** owners.length × dimensions values, one embedding after the other. */
  embeddings: Float32Array;
}

export interface Encoding {
  name: string;
  embedding: Float32Array;
}

/** @throws Error when embeddings differ in length */
export function makeSnapshot(model: string, threshold: number, encodings: readonly Encoding[]): Snapshot {
  const dimensions = encodings[0]?.embedding.length ?? 0;
  const indexByName = new Map<string, number>();
  const owners = new Int32Array(encodings.length);
  const embeddings = new Float32Array(encodings.length * dimensions);
  encodings.forEach(({ name, embedding }, index) => {
    if (embedding.length !== dimensions) throw new Error(`embeddings of ${embedding.length} and ${dimensions} dimensions are in one gallery`);
    const owner = indexByName.get(name) ?? indexByName.size;
    indexByName.set(name, owner);
    owners[index] = owner;
    embeddings.set(embedding, index * dimensions);
  });
  return { model, threshold, dimensions, names: [...indexByName.keys()], owners, embeddings };
}
