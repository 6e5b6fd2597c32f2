export const unknowns = {};
