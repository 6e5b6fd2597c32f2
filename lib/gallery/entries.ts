/** People and photos as lists and the editor show them. */
import type { GalleryHost } from "../enrol/host";
import { isLeftOut, isSure } from "../people/marks";
import type { Photo } from "../people/people";
import type { PersonDetails, PhotoEntry } from "../search/entries";
import { asideOf } from "../search/outliers";

/** Whether there is a picture of which a thumbnail is kept. */
export function hasThumbnail({ size, origin }: Photo, keepsPhotos: boolean): boolean {
  return size > 0 || (origin.by === "folder" && keepsPhotos);
}

export function photoEntry({ encoder, search, keepsPhotos }: GalleryHost, photo: Photo): PhotoEntry {
  const distance = search.roster.asideOf(photo.personId).get(photo.id);
  const { normalisation } = encoder;
  return {
    ...photo,
    thumbnail: hasThumbnail(photo, keepsPhotos),
    usable: search.roster.has(photo.id),
    aside: distance === undefined || normalisation === undefined ? null : asideOf(distance, normalisation.threshold),
    sure: isSure(photo),
    out: isLeftOut(photo),
  };
}

/** Oldest photo first. @throws NotFound */
export function personDetails(host: GalleryHost, id: string): PersonDetails {
  const person = host.directory.known(id);
  const photos = host.directory.photosOf(id).map((photo) => photoEntry(host, photo));
  return { ...person, photos: photos.sort((a, b) => a.addedAt - b.addedAt) };
}
