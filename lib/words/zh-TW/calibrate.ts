export const calibrate = {};
