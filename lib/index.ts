/**
 * What other packages build on: the message contract with the only parser of it, and the seams. docs/contract.md and
 * docs/extending.md say how. Nothing else of this package is promised to stay as it is.
 */
export {
  CONTRACT_VERSION,
  OUTCOMES,
  REASONS,
  messageSchema,
  readFaces,
  readFrame,
  readPicture,
  readVersion,
} from "./message";
export type {
  Box,
  Candidate,
  Encoding,
  Face,
  FaceMessage,
  FacePoints,
  Frame,
  Identity,
  Outcome,
  Picture,
  Point,
  Quality,
  Reason,
  RejectReason,
  Timing,
} from "./message";
export { readPresence, readVisit, VISIT_EVENTS } from "./visit";
export type { Liveness, Presence, Present, Visit, VisitEvent } from "./visit";
export { UserError } from "./errors";
export type { CommonOptions, Detection, Detector, Engine, LoadedDetector, Neighbourhood } from "./detect/detector";
export type { EmbeddingNet } from "./embed/net";
export type { Source, SourceContext } from "./capture/source";
export type { CallOptions, SpeechEngine, Utterance } from "./speech/engine";
export type { Pixels } from "./image/pixels";
export type { MatchPolicy } from "./match/policy";
export type { PeopleStore } from "./people/store";
