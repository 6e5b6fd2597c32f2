import { type Migration, withDefaults } from "../../common/migrate.js";

/** The working width was a number, or blank for the whole picture; faces were followed without asking. */
export const one: Migration = (definition) => {
  const { workingWidth } = definition;
  const whole = workingWidth === undefined || workingWidth === null || workingWidth === "";
  return withDefaults(definition, {
    workingWidth: "",
    workingWidthType: whole ? "whole" : "num",
    tracking: true,
    fullEvery: "8",
  });
};
