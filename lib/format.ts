/** Numbers as people read them. */

/** As toFixed, but what comes out as zero has no sign: distances less their surroundings may be a little below 0. */
export function fixed(value: number, digits: number): string {
  // −0 + 0 is 0.
  return (Number(value.toFixed(digits)) + 0).toFixed(digits);
}

/** A share in percent to two significant digits, without its sign. */
export function percent(share: number): string {
  return inPercent(share, "halfExpand");
}

/** The same of an upper bound: rounded up, so that it is never told smaller than it is. */
export function percentAtMost(share: number): string {
  return inPercent(share, "ceil");
}

function inPercent(share: number, roundingMode: "halfExpand" | "ceil"): string {
  // 100 × 0.07 is a little more than 7.
  const exact = Number((100 * share).toPrecision(12));
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 2, useGrouping: false, roundingMode }).format(exact);
}

/** Decimals of a distance. */
const DISTANCE_DIGITS = 2;

/** A distance, or τ, where there is one. */
export function distanceText(distance: number | null | undefined): string {
  return distance === null || distance === undefined ? "" : fixed(distance, DISTANCE_DIGITS);
}
