// One measured number.

export interface Figure {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

/** The value below which this part of the values lies; `values` has at least one. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
