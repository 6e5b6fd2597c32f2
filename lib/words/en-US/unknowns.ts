export const unknowns = {
  gone: `there is no stranger {id}: they may have been named, ignored or deleted meanwhile.`,
  otherModel: `this stranger was seen with another model than {model}: delete them, or name them from a newer \
visit.`,
} as const;
