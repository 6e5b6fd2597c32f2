/** Made by bench/model-statistics.ts; do not edit. 416 genuine and 4144 impostor pairs support no FMR below 0.07 %. */
import type { ModelStatistics } from "./calibration";

export const STATISTICS: ModelStatistics = {
  model: "dlib-resnet-v1",
  source: "measured on 100 LFW photos of 10 people (96 of 100 show exactly one usable face), 2026-11-24, bench/model-statistics.ts",
  people: 10,
  photos: 96,
  genuine: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 4, 6, 6, 5, 13, 12, 13, 14, 23, 21, 17, 21, 40, 27, 18, 22, 22, 21, 19, 8, 15, 9, 10, 13, 5, 4, 6, 2, 5, 2, 3, 2, 2, 1, 0, 1, 1, 0, 1],
  impostor: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 4, 11, 10, 18, 31, 45, 62, 88, 99, 119, 145, 166, 199, 206, 192, 230, 208, 241, 245, 211, 201, 213, 195, 197, 176, 149, 137, 81, 88, 54, 32, 26, 15, 15, 11, 5, 7, 2, 4, 1],
};
