import type { LedgerSource } from "../attendance/ledger";
import type { PhotoEncoder } from "../enrol/photo-encoder";
import type { PeopleStore } from "../people/store";
import type { KeptVisits } from "../visits/book";
import type { NetworkOptions } from "./network-host";
import type { OpenSite } from "./sharing";

export interface GalleryOptions {
  /** Opened for this gallery alone, which closes it. */
  store: PeopleStore;
  /** Folder of photos, watched; made if it is missing. */
  folder: string;
  encoder: PhotoEncoder;
  /** With it the gallery can change its network; `encoder` is what decides at first. */
  networks?: NetworkOptions | undefined;
  /** False keeps embeddings alone: no photo, no thumbnail. */
  keepPhotos?: boolean | undefined;
  /** How long strangers are kept for review after they were last seen, in ms; undefined keeps none. */
  keepUnknownsMs?: number | undefined;
  /** Opened for this gallery alone, which closes it before the store; undefined keeps no visits. */
  visits?: KeptVisits | undefined;
  /** Where attendance books are kept; without it there are none. */
  attendance?: LedgerSource | undefined;
  /** With it the gallery is one of many sites. */
  site?: OpenSite | undefined;
  /** What people call this site, where the sites share their check-ins. */
  attendanceSite?: string | undefined;
  /** Milliseconds between two looks at the folder. */
  interval?: number | undefined;
}
