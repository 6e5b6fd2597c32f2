export const tensor = {
  weightsCut: `the weights beside {path} are cut off at {name}: install the package again.`,
} as const;
