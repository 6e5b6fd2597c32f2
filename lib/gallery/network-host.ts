/** What a gallery and a change of its network are to each other. */
import type { PhotoEncoder } from "../enrol/photo-encoder";
import type { Photo, UnknownGroup } from "../people/people";
import type { Sentence } from "../words/sentence";
import type { Chosen, OpenNetworkBy } from "./networks";

/** What a change asks of its gallery. */
export interface NetworkHost {
  photos(): Iterable<Photo>;
  photo(id: string): Photo | undefined;
  nameOf(personId: string): string | undefined;
  /** Undefined where no picture is kept or it cannot be read now. */
  bytesOf(photo: Photo): Promise<Buffer | undefined>;
  /** Whether the network that decides knows the photo. */
  isKnown(photoId: string): boolean;
  strangers(): readonly UnknownGroup[];
  strangerPicture(id: string, index: number): Promise<Buffer | undefined>;
  putBeside(id: string, beside: UnknownGroup["beside"]): Promise<void>;
  /** One change of the gallery at a time. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Have another network decide: all is prepared first, then `commit` writes it down, then it does. Called
   * exclusively.
   */
  adopt(encoder: PhotoEncoder, commit: () => Promise<void>): Promise<void>;
  /** Aborted when the gallery closes. */
  readonly signal: AbortSignal;
  /** Whether faces are being decided right now. */
  isBusy(): boolean;
  onState(): void;
  report(sentence: Sentence): void;
}

export interface NetworkOptions {
  /** As chooseNetworks found them. */
  chosen: Chosen;
  open: OpenNetworkBy;
}
