// Losses over the epochs as two small charts side by side, on one scale: training left, test right.
import { type PlotConfig, plot } from 'asciichart';

export interface EpochLosses {
  readonly trainLoss: number | null;
  readonly testLoss: number | null;
}

const chartColumns = 28;
const chartRows = 8;
const gap = '    ';

/** The lines of the charts; none when fewer than two epochs have a loss to draw. */
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

/** All lines are as wide as the chart, so that another can stand beside it. */
function frame(title: string, lines: readonly string[], labelWidth: number, epochs: number): string[] {
  const margin = ' '.repeat(labelWidth + 2);
  const axis = margin + '1' + `epoch ${epochs}`.padStart(chartColumns - 2);
  return [margin + title, ...lines, axis].map((line) => line.padEnd(margin.length + chartColumns));
}

/** The values spread over so many columns, straight lines between them. */
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
