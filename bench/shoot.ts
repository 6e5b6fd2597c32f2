/** What the product's own tracker and networks make of a film: the face in the middle, frame by frame. */
import { FaceFollower } from "../lib/detect/follower";
import type { FaceEmbedder } from "../lib/embed/embedder";
import type { Face, Picture } from "../lib/message";
import { FILM } from "./films";

/** The face of each frame as face-match gets it; undefined where there is none with an embedding. */
export type Shot = { capturedAt: number; face: Face | undefined };

/** Whoever the film is of stands in the middle; others of the photo, and what is no face, at its border. */
function central(faces: readonly Face[]): Face | undefined {
  const away = ({ box }: Face): number =>
    Math.hypot(box.x + box.width / 2 - FILM.width / 2, box.y + box.height / 2 - FILM.height / 2) / box.width;
  return faces
    .filter((face) => face.embedding !== undefined && away(face) < 1)
    .toSorted((a, b) => away(a) - away(b))[0];
}

/** @returns for each embedder the frames in turn */
export async function shoot(
  frames: readonly Picture[],
  follower: FaceFollower,
  embedders: readonly FaceEmbedder[],
): Promise<Shot[][]> {
  const shots: Shot[][] = embedders.map(() => []);
  for (const picture of frames) {
    const { faces } = await follower.detect(picture);
    for (const [index, embedder] of embedders.entries()) {
      const face = central((await embedder.embed(picture, faces)).faces);
      shots[index]?.push({ capturedAt: picture.frame?.capturedAt ?? 0, face });
    }
  }
  return shots;
}
