/** How near strangers come to the people of a gallery, by its own photos and strangers. Pure; runs in a worker. */
import { Space, type SpaceTask } from "./space";
import { type Comparison, type Edge, edgeOf, isEnough, nearerOf, type Tail } from "./tail";

export interface OwnTask extends SpaceTask {
  /** Of the model's tail: means of several photos count as if they were one photo. */
  templates: Tail["templates"];
}

/** Undefined where there are too few pairs of people. */
export interface OwnEdges {
  /** Each photo, as if it was a stranger's, beside each other person. */
  people: Edge | undefined;
  /** Each stranger who is kept beside each person but one whom they may be. */
  strangers: Edge | undefined;
}

export function measureOwn(task: OwnTask): OwnEdges {
  const space = new Space(task);
  const { persons, photos } = space;
  const nearer = Array.from({ length: persons }, (_, person) => nearerOf(task, space.rowsOf(person).length));
  const beside = (person: number, stranger: number, distance: number): Comparison => ({
    person,
    stranger,
    distance: distance + (nearer[person] as number),
  });
  const people: Comparison[] = [];
  for (let row = 0; row < photos; row += 1) {
    const stranger = space.personOf(row);
    for (let person = 0; person < persons; person += 1)
      if (person !== stranger) people.push(beside(person, stranger, space.other(row, person)));
  }
  const kept = task.strangers.length / task.dimensions;
  const strangers = Array.from({ length: kept }, (_, stranger) => {
    const distances = space.strangerDistances(stranger);
    const nearest = distances.indexOf(Math.min(...distances));
    // Of those who are known whoever was not recognized is kept as a stranger. Counted as one, they would make τ
    // stricter, and then more of them strangers.
    const known = (distances[nearest] ?? Infinity) <= task.normalisation.threshold ? nearest : -1;
    return [...distances.entries()]
      .filter(([person]) => person !== known)
      .map(([person, distance]) => beside(person, persons + stranger, distance));
  }).flat();
  return {
    people: isEnough((persons * (persons - 1)) / 2) ? edgeOf(people) : undefined,
    strangers: isEnough(persons * kept) ? edgeOf(strangers) : undefined,
  };
}
