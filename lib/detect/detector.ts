/**
 * What a detector is: options of its own, and how to find faces by them. All around it is shared by every detector:
 * the workers (face-detector.ts, detect-worker.ts), the region, the tracks, the node's input, enrolment.
 * How to add one: docs/extending.md.
 */
import type { z } from "zod";
import type { Pixels } from "../image/pixels";
import type { Box, FacePoints, FoundBy } from "../message";

/** What the options of every detector have. */
export interface CommonOptions {
  /** One of the detector's `engines`. */
  engine: string;
  /** The search stays inside; pixels of the picture. */
  region?: Box | undefined;
}

export interface Detection {
  /** Pixels of the picture. */
  box: Box;
  /** Larger is surer; its scale is the detector's own. */
  score: number;
  /** Where the detector knows them. */
  points?: FacePoints | undefined;
  /** Of a photo in which nothing was found at first: the try that found it. */
  foundBy?: FoundBy | undefined;
}

/** A part of the picture where a face is expected, and its sizes; all in pixels of the picture. */
export interface Neighbourhood {
  /** Whether the face is so sure to be there that the whole picture is worth a search when it is not. */
  sure: boolean;
  region: Box;
  minSize: number;
  maxSize: number;
}

/** A detector that is loaded. It lives in a worker and is asked one thing at a time. */
export interface LoadedDetector<Options> {
  /** What is named where it breaks: "OpenCV". */
  readonly name: string;
  /**
   * @param nearby searches only there; nothing is found where it lies outside the picture or the region of the options
   * @throws a sentence when the options cannot be done with this picture
   */
  detect(pixels: Pixels, options: Options, nearby?: Neighbourhood): Detection[] | Promise<Detection[]>;
  /**
   * Of a detector that searches all of every live frame, because parts cost it as much: where faces are expected it
   * may look at them besides.
   * @param nearer is looked at from nearer too, for faces too small to be seen in the whole
   */
  follow?(
    pixels: Pixels,
    options: Options,
    expected: readonly Neighbourhood[],
    nearer: Box | undefined,
  ): Promise<Detection[]>;
  /**
   * Look at a photo once more in other ways, if that is worth it: with room around it, turned; within a bound of time.
   * @param first what was found at first, best first @returns what is found in all
   */
  detectAgain?(pixels: Pixels, options: Options, first: Detection[]): Promise<Detection[]>;
  /** End what it started outside its worker. Called where its engine says `closes`. */
  close?(): Promise<void>;
}

/** One of the ways in which a detector can be run. Each has worker threads of its own. */
export interface Engine<Options> {
  /** How many; one where it `closes`, for only one of them is told. */
  threads: number;
  /** Whether it must be told when nobody needs it any more. */
  closes?: boolean;
  /**
   * Runs in a worker, once, and again after it failed. What the detector needs is required here and not above, so that
   * Node-RED's own thread does not load it.
   * @throws a sentence when it is not to be had here
   */
  load(): LoadedDetector<Options> | Promise<LoadedDetector<Options>>;
}

export interface Detector<Options extends CommonOptions = CommonOptions> {
  /** Names it in settings and between threads; never changes. */
  readonly id: string;
  readonly schema: z.ZodType<Options>;
  /** The options with which photos are searched that somebody is enrolled or looked up by. */
  readonly photoOptions: Options;
  /**
   * Parts of a frame in which it finds smaller faces than in the whole. One at a time is searched besides, where
   * something has changed.
   * @param whole that is searched
   */
  nearerParts?(whole: Box, options: Options): Box[];
  /** By what `options.engine` says. */
  readonly engines: Readonly<Record<Options["engine"], Engine<Options>>>;
}
