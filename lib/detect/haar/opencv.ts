import { loadOpenCV } from "@opencvjs/node";

type Typed = Awaited<ReturnType<typeof loadOpenCV>>;
type Mat = InstanceType<Typed["Mat"]>;
type Size = InstanceType<Typed["Size"]>;

/** What the build has and its type file does not list. */
interface Untyped {
  FS_unlink(path: string): void;
}

export type OpenCv = Typed & Untyped;

export type Cascade = InstanceType<Typed["CascadeClassifier"]> & {
  /** As detectMultiScale, and tells how many raw detections each box was merged from. */
  detectMultiScale2(
    image: Mat,
    objects: InstanceType<Typed["RectVector"]>,
    numDetections: InstanceType<Typed["IntVector"]>,
    scaleFactor: number,
    minNeighbors: number,
    flags: number,
    minSize: Size,
    maxSize: Size,
  ): void;
};

export async function openCv(): Promise<OpenCv> {
  return (await loadOpenCV()) as OpenCv;
}
