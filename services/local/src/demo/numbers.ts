// How the demo writes numbers for people.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `61,706` */
export function formatCount(value: number): string {
  return grouped.format(value);
}

/** A loss with four decimals; `not finite` where JSON had to say null. */
export function formatLoss(value: number | null): string {
  return value === null ? 'not finite' : value.toFixed(4);
}

/** A share of 1 as `98.25 %`. */
export function formatShare(value: number): string {
  return `${(value * 100).toFixed(2)} %`;
}

/** `42 s` or `3 min 5 s`; with one decimal under ten seconds. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `12.3 MB` */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
