/** Of boxes that hold the same eyes, the one that is aligned best: a cascade finds a face twice, or it and hair. */
import { areOneFace, type Eyes } from "../detect/boxes";
import type { Face } from "../message";

/** A face that was looked at. */
export interface Contender {
  face: Face;
  /** By its landmarks; undefined where a network looks at boxes alone. */
  eyes: Eyes | undefined;
  /** How little the landmarks are a face's, see ChipFit; undefined as eyes are. */
  residual: number | undefined;
}

/** Two boxes whose landmarks fit nearly as well take turns at being the better: then the first track stays. */
const AS_GOOD = 0.8;

/** The faces in their order, each once. A box that is no face goes where a face is. */
export function onceEach(contenders: readonly Contender[]): Face[] {
  const kept: Contender[] = [];
  const faces = contenders.filter(isFace).sort(byTrack);
  for (const each of faces) {
    const rivals = kept.filter((other) => isOneFace(each, other));
    if (!rivals.every((rival) => isBetter(each, rival))) continue;
    for (const rival of rivals) kept.splice(kept.indexOf(rival), 1);
    kept.push(each);
  }
  const stays = new Set(kept);
  return contenders
    .filter((each) => (isFace(each) ? stays.has(each) : !kept.some((face) => isOneFace(each, face))))
    .map(({ face }) => face);
}

const isFace = ({ face }: Contender): boolean => face.rejected !== "bad_alignment";

/** What is no face has no eyes, whatever landmarks were laid over it. */
function isOneFace(a: Contender, b: Contender): boolean {
  const placed = ({ face, eyes }: Contender) => ({ box: face.box, eyes });
  return areOneFace(isFace(a) ? placed(a) : { box: a.face.box, eyes: undefined }, placed(b));
}

/** Older tracks first, then the surest detection. */
function byTrack({ face: a }: Contender, { face: b }: Contender): number {
  return (a.track ?? 0) - (b.track ?? 0) || b.score - a.score;
}

function isBetter({ face: a, residual }: Contender, { face: b, residual: others }: Contender): boolean {
  if ((a.rejected === undefined) !== (b.rejected === undefined)) return a.rejected === undefined;
  return residual !== undefined && others !== undefined && residual < AS_GOOD * others;
}
