export const speech = {};
