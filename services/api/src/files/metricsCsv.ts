// The metrics of a job's epochs as a table (RFC 4180, with a header line).
import type { EpochMetrics } from '@trainyard/contracts';

/** The columns, in an order that stays: new ones go to the end. */
const columns = [
  'epoch',
  'trainLoss',
  'testLoss',
  'testAccuracy',
  'learningRate',
  'seconds',
  'samplesPerSecond',
  'gradientNorm',
] as const satisfies readonly (keyof EpochMetrics)[];

/** CSV can say nan and inf; a value that does not exist is empty. */
export function metricsCsv(epochs: readonly EpochMetrics[]): string {
  const rows = epochs.map((epoch) => {
    const nonFinite: Partial<Record<string, string>> = epoch.nonFinite ?? {};
    return columns.map((name) => nonFinite[name] ?? epoch[name] ?? '').join(',');
  });
  return [columns.join(','), ...rows].map((row) => `${row}\r\n`).join('');
}
