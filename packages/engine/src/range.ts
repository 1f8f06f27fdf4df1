// What can be known of a layer's values without computing any: an interval. Losses ask it of a model's output, to refuse
// what could never work; it is no guarantee against rounding or a NaN.

/** All values lie in min … max. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export const anyValue: ValueRange = { min: -Infinity, max: Infinity };
