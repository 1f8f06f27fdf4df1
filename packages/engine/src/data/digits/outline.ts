// Writes one digit as a chain of short straight segments: takes the path of a variant, changes it at random as a hand would, and scales it
// to the box that MNIST uses. raster.ts turns the segments into pixels.
import type { Xoshiro128 } from './xoshiro.ts';

/** A parsed path: the coordinates of its points, and the points at which one smooth piece ends and the next one begins. */
export interface PenPath {
  x: Float64Array;
  y: Float64Array;
  /** Indices of the points between which the curve is smooth: the first point, every corner, the last point. */
  breaks: readonly number[];
}

/** Parses a path in the notation of strokes.ts. */
export function parsePath(text: string): PenPath {
  const points = text.split(' ');
  const x = new Float64Array(points.length);
  const y = new Float64Array(points.length);
  const breaks: number[] = [];
  points.forEach((point, i) => {
    const [px = '', py = ''] = point.replace('*', '').split(',');
    x[i] = Number(px);
    y[i] = Number(py);
    if (i === 0 || i === points.length - 1 || point.endsWith('*')) breaks.push(i);
  });
  return { x, y, breaks };
}

/** The number of straight segments between two points of a path. */
const STEPS_PER_SPAN = 5;
const MAX_VERTICES = 512;

/** The random changes of one written digit. Lengths are in the units of the path. */
interface Hand {
  /** The standard deviation of the random shift of each point. */
  shake: number;
  /** How far the digit leans to the right, as a share of its height. */
  slant: number;
  /** The cosine and the sine of the angle by which the digit is rotated. */
  cosine: number;
  sine: number;
  /** The factor by which the digit is stretched horizontally. */
  width: number;
  /** How far the top and the bottom are shifted to the right. The middle is not shifted. */
  bend: number;
  /** How much wider the bottom is than the middle, as a share of the width. */
  taper: number;
  /** How far the middle is shifted down. This makes the upper or the lower half smaller. */
  sag: number;
  /** The slope of the horizontal lines of the digit. If it is positive, they fall from left to right. */
  tilt: number;
}

function drawHand(random: Xoshiro128): Hand {
  // The rotation needs no trigonometric functions: t is the tangent of half the angle.
  const t = random.bell(0.06);
  const norm = 1 / (1 + t * t);
  return {
    shake: random.uniform(0.6, 2),
    slant: 0.12 + random.bell(0.22),
    cosine: (1 - t * t) * norm,
    sine: 2 * t * norm,
    width: random.uniform(0.8, 1.4),
    bend: random.bell(5),
    taper: random.bell(0.12),
    sag: random.bell(5),
    tilt: random.bell(0.08),
  };
}

/** The segments of one digit. One object is reused for all digits, so that drawing thousands of digits allocates no memory. */
export class Outline {
  readonly x = new Float64Array(MAX_VERTICES);
  readonly y = new Float64Array(MAX_VERTICES);
  /** For each vertex: 1 if a segment leads to it from the vertex before, 0 if it starts a new stroke. */
  readonly drawn = new Uint8Array(MAX_VERTICES);
  length = 0;

  readonly #px = new Float64Array(64);
  readonly #py = new Float64Array(64);

  /**
   * Writes one digit. The coordinates are in pixels. The longer side of the box around the digit has the length `extent`. The centre of
   * mass of the digit is (centreX, centreY).
   */
  write(paths: readonly PenPath[], random: Xoshiro128, extent: number, centreX: number, centreY: number): void {
    this.length = 0;
    const hand = drawHand(random);
    for (const path of paths) this.#trace(path, hand, random);
    this.#fit(extent, centreX, centreY);
  }

  #trace(path: PenPath, hand: Hand, random: Xoshiro128): void {
    const px = this.#px;
    const py = this.#py;
    const count = path.x.length;
    const driftX = random.bell(1.5);
    const driftY = random.bell(1.5);
    for (let i = 0; i < count; i++) {
      let x = path.x[i] - 35 + random.bell(hand.shake) + driftX;
      let y = path.y[i] - 50 + random.bell(hand.shake) + driftY;
      const height = y * 0.02;
      x *= hand.width * (1 + hand.taper * height);
      x += hand.bend * height * height;
      y += hand.sag * (1 - height * height) + hand.tilt * x;
      x -= hand.slant * y;
      px[i] = hand.cosine * x + hand.sine * y;
      py[i] = hand.cosine * y - hand.sine * x;
    }
    this.#push(px[0], py[0], 0);
    for (let b = 1; b < path.breaks.length; b++) this.#curve(path.breaks[b - 1], path.breaks[b]);
  }

  /**
   * Adds a Catmull-Rom curve through the points with the indices `from` to `to`. The formula needs a further point before the first one and
   * after the last one: these two points are repeated.
   */
  #curve(from: number, to: number): void {
    const px = this.#px;
    const py = this.#py;
    for (let i = from; i < to; i++) {
      const before = i > from ? i - 1 : i;
      const after = i + 2 <= to ? i + 2 : i + 1;
      const x0 = px[before];
      const y0 = py[before];
      const x1 = px[i];
      const y1 = py[i];
      const x2 = px[i + 1];
      const y2 = py[i + 1];
      const x3 = px[after];
      const y3 = py[after];
      for (let step = 1; step <= STEPS_PER_SPAN; step++) {
        const t = step / STEPS_PER_SPAN;
        const a = t * t * (2 - t) - t;
        const b = t * t * (3 * t - 5) + 2;
        const c = t * t * (4 - 3 * t) + t;
        const d = t * t * (t - 1);
        this.#push(0.5 * (a * x0 + b * x1 + c * x2 + d * x3), 0.5 * (a * y0 + b * y1 + c * y2 + d * y3), 1);
      }
    }
  }

  #push(x: number, y: number, drawn: 0 | 1): void {
    const i = this.length++;
    this.x[i] = x;
    this.y[i] = y;
    this.drawn[i] = drawn;
  }

  #fit(extent: number, centreX: number, centreY: number): void {
    const { x, y, drawn, length } = this;
    let left = Infinity;
    let right = -Infinity;
    let top = Infinity;
    let bottom = -Infinity;
    let mass = 0;
    let momentX = 0;
    let momentY = 0;
    for (let i = 0; i < length; i++) {
      const xi = x[i];
      const yi = y[i];
      left = Math.min(left, xi);
      right = Math.max(right, xi);
      top = Math.min(top, yi);
      bottom = Math.max(bottom, yi);
      if (drawn[i] === 0) continue;
      const dx = xi - x[i - 1];
      const dy = yi - y[i - 1];
      const ink = Math.sqrt(dx * dx + dy * dy);
      mass += ink;
      momentX += ink * (xi - 0.5 * dx);
      momentY += ink * (yi - 0.5 * dy);
    }
    const scale = extent / Math.max(right - left, bottom - top);
    const shiftX = centreX - (scale * momentX) / mass;
    const shiftY = centreY - (scale * momentY) / mass;
    for (let i = 0; i < length; i++) {
      x[i] = x[i] * scale + shiftX;
      y[i] = y[i] * scale + shiftY;
    }
  }
}
