/**
 * Networks that may be used by everybody, and that a user can have fetched. Nothing is fetched unless somebody asks
 * for it, and nothing but the file of this sha256 and size can come: those of OpenCV Zoo as the pointers of Git LFS
 * in that repository say, AuraFace's as it is pinned by several public programs for that revision.
 */
import { assetFile, packageFile } from "../assets";
import type { PackFile } from "./pack";

interface OfferBase {
  id: string;
  /** For people to read. */
  name: string;
  /** SPDX. */
  licence: string;
  /** Whose it is: stands above the text of the licence. */
  notice: string;
  /** File with the text of the licence. */
  licenceText: string;
  /** Name of the network's file. */
  file: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** Each https; asked one after the other. */
  addresses: readonly string[];
  /** A page for people, about it. */
  origin: string;
}

type EmbedderFile = Extract<PackFile, { kind: "embedder" }>;

export type Offer = OfferBase &
  (
    | {
        kind: "embedder";
        descriptor: Omit<EmbedderFile["descriptor"], "id" | "file" | "sha256" | "licence" | "format">;
      }
    | { kind: "detector" }
  );

/** Commit of opencv_zoo whose files these are. */
const ZOO = "47534e27c9851bb1128ccc0102f1145e27f23f98";
const inZoo = (path: string): string =>
  `https://media.githubusercontent.com/media/opencv/opencv_zoo/${ZOO}/models/${path}`;

/**
 * As OpenCV's FaceRecognizerSF and InsightFace's ArcFaceONNX feed their networks: five points in 112 × 112, RGB,
 * planes one after the other.
 */
const ARCFACE_INPUT = {
  inputSize: 112,
  channelOrder: "rgb",
  layout: "nchw",
  normalization: "fixed",
  alignment: "arcface",
  padding: 0,
  l2Normalize: true,
  distance: "euclidean",
  nearDuplicate: 0.32,
} as const;

export const CATALOGUE: readonly Offer[] = [
  {
    kind: "embedder",
    id: "sface-2021dec",
    name: "SFace (OpenCV Zoo)",
    licence: "Apache-2.0",
    notice: "SFace, face_recognition_sface_2021dec.onnx of OpenCV Zoo, contributed by Yaoyao Zhong; unchanged.",
    licenceText: packageFile("LICENSE"),
    file: "face_recognition_sface_2021dec.onnx",
    size: 38_696_353,
    sha256: "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    addresses: [
      inZoo("face_recognition_sface/face_recognition_sface_2021dec.onnx"),
      "https://huggingface.co/opencv/face_recognition_sface/resolve/main/face_recognition_sface_2021dec.onnx",
    ],
    origin: "https://github.com/opencv/opencv_zoo/tree/main/models/face_recognition_sface",
    // The network itself scales its input. τ: the norm-L2 threshold of sface.py there.
    descriptor: { ...ARCFACE_INPUT, mean: 0, scale: 1, dimensions: 128, threshold: 1.128 },
  },
  {
    kind: "embedder",
    id: "auraface-v1",
    name: "AuraFace v1 (fal)",
    licence: "Apache-2.0",
    notice: "AuraFace v1, glintr100.onnx of fal/AuraFace-v1; unchanged.",
    licenceText: packageFile("LICENSE"),
    file: "glintr100.onnx",
    size: 260_694_151,
    sha256: "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
    addresses: [
      "https://huggingface.co/fal/AuraFace-v1/resolve/af6d057c9b0ec4071d4c49c80e3539258798b609/glintr100.onnx",
    ],
    origin: "https://huggingface.co/fal/AuraFace-v1",
    // τ is a cosine of 0.45, at which one public program takes it for a match: √(2 − 2 · 0.45). Nobody has measured it
    // here.
    descriptor: { ...ARCFACE_INPUT, mean: 127.5, scale: 1 / 127.5, dimensions: 512, threshold: 1.049 },
  },
  {
    kind: "detector",
    id: "yunet-2023mar",
    name: "YuNet 2023 (OpenCV Zoo)",
    licence: "MIT",
    notice: "YuNet, face_detection_yunet_2023mar.onnx of OpenCV Zoo; unchanged.",
    licenceText: assetFile("models", "YuNet.LICENSE"),
    file: "face_detection_yunet_2023mar.onnx",
    size: 232_589,
    sha256: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    addresses: [
      inZoo("face_detection_yunet/face_detection_yunet_2023mar.onnx"),
      "https://huggingface.co/opencv/face_detection_yunet/resolve/main/face_detection_yunet_2023mar.onnx",
    ],
    origin: "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
  },
];
