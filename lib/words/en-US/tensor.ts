export const tensor = {} as const;
