// Draws curves of epoch metrics as an SVG picture. A curve keeps the highest and the lowest values of a long run, in a bounded number of
// points.
import { scaleLinear } from 'd3-scale';

/** A value of an epoch; null if it is missing or not finite. A line has a gap there. */
export type Point = readonly [epoch: number, value: number | null];

/** The largest number of groups of epochs in a curve. A group has up to two points, so a curve has at most two points per pixel. */
const mostGroups = 640;

/** A group of successive epochs: the points with the lowest and the highest value, in the order of their epochs. */
type Group = readonly Point[];

/**
 * The points of a curve. As long as there are at most {@link mostGroups} epochs, all of them. After that, the epochs are put into groups of
 * 2, 4, 8 … epochs, and each group keeps its lowest and its highest point.
 */
export class CurvePoints {
  #groups: Group[] = [];
  #epochsPerGroup = 1;
  #epochsInLast = 0;

  /** Adds the next epoch. */
  add(point: Point): void {
    if (this.#epochsInLast < this.#epochsPerGroup && this.#groups.length > 0) {
      this.#groups.push(merged(this.#groups.pop() ?? [], [point]));
      this.#epochsInLast += 1;
      return;
    }
    if (this.#groups.length === mostGroups) {
      this.#groups = Array.from({ length: mostGroups / 2 }, (_, at) => merged(this.#groups[2 * at] ?? [], this.#groups[2 * at + 1] ?? []));
      this.#epochsPerGroup *= 2;
    }
    this.#groups.push([point]);
    this.#epochsInLast = 1;
  }

  get points(): readonly Point[] {
    return this.#groups.flat();
  }
}

/** Returns the lowest and the highest point of two groups. A group without any value keeps one point, which is a gap. */
function merged(first: Group, second: Group): Group {
  const points = [...first, ...second];
  const known = points.filter(([, value]) => value !== null);
  if (known.length === 0) return points.slice(0, 1);
  const value = ([, number]: Point): number => number ?? 0;
  const lowest = known.reduce((best, point) => (value(point) < value(best) ? point : best));
  const highest = known.reduce((best, point) => (value(point) > value(best) ? point : best));
  return points.filter((point) => point === lowest || point === highest);
}

/** One line of a picture. */
export interface Curve {
  /** The text in the legend. */
  readonly label: string;
  /** Curves of the same job have the same number, from 0, and so the same colour. */
  readonly job: number;
  readonly isDashed: boolean;
  readonly points: readonly Point[];
}

const [width, height] = [720, 400];
const plot = { left: 72, right: width - 20, top: 48, bottom: height - 48 };
const legendRow = 20;

/** The colours of the jobs: those of Okabe and Ito, which colour-blind people can tell apart. */
export const jobColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a6d00'] as const;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign);

/** The longest text in the legend, in characters. */
const longestLabel = 70;
const shortened = (text: string): string => (text.length > longestLabel ? `${text.slice(0, longestLabel - 1)}…` : text);

/** Returns the picture as the text of an SVG file. It is 720 pixels wide, and has a white background and no script. */
export function curveSvg(title: string, axis: string, curves: readonly Curve[]): string {
  const below = height + (curves.length + 1) * legendRow;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${below}" width="${width}" height="${below}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="#222222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${plot.left}" y="28" font-size="16">${escaped(shortened(title))}</text>`,
    ...body(axis, curves),
    ...curves.flatMap((curve, at) => legendOf(curve, height + (at + 0.5) * legendRow)),
    '</svg>',
    '',
  ].join('\n');
}

function body(axis: string, curves: readonly Curve[]): readonly string[] {
  const points = curves.flatMap((curve) => curve.points);
  const values = points.flatMap(([, value]) => (value === null ? [] : [value]));
  if (values.length === 0) {
    const reason = points.length === 0 ? 'No epoch has ended yet.' : 'No epoch has a finite value.';
    return [`<text x="${width / 2}" y="${height / 2}" text-anchor="middle">${reason}</text>`];
  }
  const last = points.reduce((most, [epoch]) => Math.max(most, epoch), 1);
  const x = scaleLinear([1, Math.max(2, last)], [plot.left, plot.right]);
  const y = scaleLinear(rangeOf(values), [plot.bottom, plot.top]).nice(6);
  const yText = y.tickFormat(6);
  return [
    ...y.ticks(6).flatMap((tick) => {
      const at = y(tick).toFixed(1);
      return [
        `<line x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}" stroke="#dddddd"/>`,
        `<text x="${plot.left - 8}" y="${at}" dy="0.32em" text-anchor="end">${yText(tick)}</text>`,
      ];
    }),
    ...x
      .ticks(8)
      .filter(Number.isInteger)
      .map((tick) => `<text x="${x(tick).toFixed(1)}" y="${plot.bottom + 20}" text-anchor="middle">${tick.toLocaleString('en')}</text>`),
    `<text x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 40}" text-anchor="middle">epoch</text>`,
    `<text transform="translate(16 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(axis)}</text>`,
    ...curves.map((curve) => lineOf(curve, x, y)),
  ];
}

/** Returns the lowest and the highest value. If they are equal, returns a range around them. */
function rangeOf(values: readonly number[]): [number, number] {
  const lowest = values.reduce((least, value) => Math.min(least, value));
  const highest = values.reduce((most, value) => Math.max(most, value));
  if (lowest < highest) return [lowest, highest];
  const around = Math.abs(lowest) / 10 || 1;
  return [lowest - around, highest + around];
}

type Scale = (value: number) => number;

function lineOf({ job, isDashed, points }: Curve, x: Scale, y: Scale): string {
  const colour = colourOf(job);
  const drawn = points.flatMap(([epoch, value], at) => {
    if (value === null) return [];
    const begins = (points[at - 1]?.[1] ?? null) === null;
    const isAlone = begins && (points[at + 1]?.[1] ?? null) === null;
    // A line to the same place with round ends draws a dot.
    return [`${begins ? 'M' : 'L'}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}${isAlone ? 'h0' : ''}`];
  });
  const dashes = isDashed ? ' stroke-dasharray="6 5"' : '';
  return `<path d="${drawn.join('')}" fill="none" stroke="${colour}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"${dashes}/>`;
}

function legendOf({ label, job, isDashed }: Curve, y: number): readonly string[] {
  const dashes = isDashed ? ' stroke-dasharray="6 5"' : '';
  return [
    `<line x1="${plot.left}" x2="${plot.left + 28}" y1="${y}" y2="${y}" stroke="${colourOf(job)}" stroke-width="2"${dashes}/>`,
    `<text x="${plot.left + 38}" y="${y}" dy="0.32em">${escaped(shortened(label))}</text>`,
  ];
}

const colourOf = (job: number): string => jobColours[job % jobColours.length] ?? jobColours[0];
