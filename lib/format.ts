/** Numbers as people read them. */

/** As toFixed, but what comes out as zero has no sign: distances less their surroundings may be a little below 0. */
export function fixed(value: number, digits: number): string {
  // −0 + 0 is 0.
  return (Number(value.toFixed(digits)) + 0).toFixed(digits);
}

/** Decimals of a distance. */
const DISTANCE_DIGITS = 2;

/** A distance, or τ, where there is one. */
export function distanceText(distance: number | null | undefined): string {
  return distance === null || distance === undefined ? "" : fixed(distance, DISTANCE_DIGITS);
}
