export const tensor = {};
