export const presence = {
  slowDisk: `the disk has not taken a visit in time: presence goes on without it, \
and writes it once the disk takes it.`,
} as const;
