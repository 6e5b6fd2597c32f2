export const calibrate = {} as const;
