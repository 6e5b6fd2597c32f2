export const api = {
  internal: `something is wrong inside: look into Node-RED's log.`,
} as const;
