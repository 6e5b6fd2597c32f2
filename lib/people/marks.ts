/** What somebody said of a photo, as it stands among what was accepted of it. */
import type { Photo } from "./people";

/** The finding (enrol/judge) that somebody accepts who is sure that a photo unlike the others is that person's. */
const SURE = "unlike";

/** Whether somebody was sure. */
export function isSure({ accepted }: Pick<Photo, "accepted">): boolean {
  return accepted.includes(SURE);
}

export function withSure(photo: Photo, sure: boolean): Photo {
  return { ...photo, accepted: [...photo.accepted.filter((code) => code !== SURE), ...(sure ? [SURE] : [])] };
}

/** Stands among what was accepted of a photo that somebody left out of recognition. */
const LEFT_OUT = "left_out";

/** Whether somebody left the photo out: it is kept, and nobody is compared with it. */
export function isLeftOut({ accepted }: Pick<Photo, "accepted">): boolean {
  return accepted.includes(LEFT_OUT);
}

export function withLeftOut(photo: Photo, out: boolean): Photo {
  return { ...photo, accepted: [...photo.accepted.filter((code) => code !== LEFT_OUT), ...(out ? [LEFT_OUT] : [])] };
}
