export const workers = {
  full: `{most} tasks wait for this stage already: send fewer pictures at once.`,
} as const;
