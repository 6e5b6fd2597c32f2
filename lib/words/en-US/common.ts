export const common = {
  wrong: `{what}: {complaints}`,
  and: `{sentence}. {next}`,
  invalid: `{complaints}.`,
} as const;
