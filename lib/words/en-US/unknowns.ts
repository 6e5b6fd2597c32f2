export const unknowns = {} as const;
