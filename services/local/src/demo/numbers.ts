// Formats numbers for the demo's output.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Formats a count with commas, such as `61,706`. */
export function formatCount(value: number): string {
  return grouped.format(value);
}

/** Formats a loss with four decimals, and null as `not finite`. */
export function formatLoss(value: number | null): string {
  return value === null ? 'not finite' : value.toFixed(4);
}

/** Formats a share between 0 and 1 as a percentage, such as `98.25 %`. */
export function formatShare(value: number): string {
  return `${(value * 100).toFixed(2)} %`;
}

/** Formats seconds as `42 s` or `3 min 5 s`. Less than ten seconds get one decimal. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Formats a size in kB or MB, such as `12.3 MB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
