// Draws the losses of all epochs as two small charts side by side with the same scale: training on the left, test on the right.
import { type PlotConfig, plot } from 'asciichart';

export interface EpochLosses {
  readonly trainLoss: number | null;
  readonly testLoss: number | null;
}

const chartColumns = 28;
const chartRows = 8;
const gap = '    ';

/** Returns the lines of the charts. Empty if fewer than two epochs have a loss to draw. */
export function lossChart(epochs: readonly EpochLosses[]): string[] {
  const train = finite(epochs.map(({ trainLoss }) => trainLoss));
  const test = finite(epochs.map(({ testLoss }) => testLoss));
  const drawn = [
    { title: 'train loss', values: train },
    { title: 'test loss', values: test },
  ].filter(({ values }) => values.length > 1);
  if (drawn.length === 0) return [];
  const all = drawn.flatMap(({ values }) => values);
  const labelWidth = Math.max(...all).toFixed(2).length;
  const config: PlotConfig = {
    min: Math.min(...all),
    max: Math.max(...all),
    height: chartRows,
    offset: labelWidth + 2,
    format: (value) => value.toFixed(2).padStart(labelWidth),
  };
  const charts = drawn.map(({ title, values }) =>
    frame(title, plot(stretch(values, chartColumns), config).split('\n'), labelWidth, epochs.length),
  );
  return (charts[0] ?? []).map((_, row) =>
    charts
      .map((chart) => chart[row] ?? '')
      .join(gap)
      .trimEnd(),
  );
}

/** Adds a title and an axis. All lines get the same width, so that another chart can be placed next to this one. */
function frame(title: string, lines: readonly string[], labelWidth: number, epochs: number): string[] {
  const margin = ' '.repeat(labelWidth + 2);
  const axis = margin + '1' + `epoch ${epochs}`.padStart(chartColumns - 2);
  return [margin + title, ...lines, axis].map((line) => line.padEnd(margin.length + chartColumns));
}

/** Stretches the values to the given number of columns, by linear interpolation. */
function stretch(values: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const place = (column / (columns - 1)) * (values.length - 1);
    const before = values[Math.floor(place)] ?? 0;
    const after = values[Math.ceil(place)] ?? 0;
    return before + (after - before) * (place - Math.floor(place));
  });
}

function finite(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}
