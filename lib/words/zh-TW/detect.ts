export const detect = {};
