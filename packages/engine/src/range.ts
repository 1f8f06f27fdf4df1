// The range of a layer's values that follows from its type, without computing values. Losses check the range of a model's output, to refuse
// specs that cannot work. The range does not cover rounding errors and NaN.

/** All values are at least `min` and at most `max`. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export const anyValue: ValueRange = { min: -Infinity, max: Infinity };
