// A line chart with logarithmic axes as SVG, readable on light and on dark pages. It knows nothing of what it shows.

export interface Curve {
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  /** Above 0, at least two, in the order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const [WIDTH, HEIGHT] = [720, 360];
const plot = { left: 70, right: 700, top: 50, bottom: 300 };

/** Both axes are logarithmic: growth as a power is a straight line, and a knee is a bend. */
export function chart({ title, xAxis, yAxis, points }: Curve): string {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [least, most] = [roundDown(Math.min(...ys)), roundUp(Math.max(...ys))];
  const toX = scale(Math.min(...xs), Math.max(...xs), plot.left, plot.right);
  const toY = scale(least, most, plot.bottom, plot.top);
  const line = points.map(({ x, y }) => `${toX(x)},${toY(y)}`).join(' ');
  const grid = ticks(least, most).map(
    (y) =>
      `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${toY(y)}" y2="${toY(y)}"/><text x="${plot.left - 8}" y="${toY(y) + 4}" text-anchor="end">${y.toLocaleString('en')}</text>`,
  );
  const marks = points.map(
    ({ x, y }) =>
      `<circle cx="${toX(x)}" cy="${toY(y)}" r="3.5"/><text x="${toX(x)}" y="${plot.bottom + 20}" text-anchor="middle">${x}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-size: 15px; font-weight: 600 }
.grid { stroke: #d0d7de } polyline { fill: none; stroke: #0969da; stroke-width: 2 } circle { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #3d444d } polyline { stroke: #4493f8 } circle { fill: #4493f8 } }
</style>
<text class="title" x="${plot.left}" y="24">${title}</text>
${grid.join('\n')}
<polyline points="${line}"/>
${marks.join('\n')}
<text x="${(plot.left + plot.right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${xAxis}</text>
<text x="16" y="${(plot.top + plot.bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(plot.top + plot.bottom) / 2})">${yAxis}</text>
</svg>
`;
}

/** Places a number between two ends, by its logarithm, to a tenth of a unit. */
function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = Math.log(to) - Math.log(from);
  return (value) => Math.round((start + ((Math.log(value) - Math.log(from)) / span) * (end - start)) * 10) / 10;
}

/** 1, 2 and 5 times powers of ten between two of them. */
function ticks(least: number, most: number): number[] {
  const found: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) {
    for (const factor of [1, 2, 5]) if (factor * power >= least && factor * power <= most) found.push(factor * power);
  }
  return found;
}

const roundDown = (value: number): number => ticks(value / 10, value).at(-1) ?? value;
const roundUp = (value: number): number => ticks(value, value * 10)[0] ?? value;
