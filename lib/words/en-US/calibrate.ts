export const calibrate = {
  wantedFmr: `the wanted false match rate is {fmr}: give a share above 0 and below 1, 0.001 for one in a thousand.`,
  mixed: `embeddings of {length} and {other} dimensions cannot be calibrated together: give those of one model.`,
} as const;
