// Draws an outline as grey pixels. The grey of a pixel depends on its distance from the nearest segment, with a soft edge. The centre of
// pixel (row, column) is at (column + 0.5, row + 0.5).
import type { Outline } from './outline.ts';
import type { Xoshiro128 } from './xoshiro.ts';

/** The width and height of an image in pixels, as in MNIST. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** How the strokes of one digit look. Lengths are in pixels. */
export interface Pen {
  /** Half the width of a stroke. */
  radius: number;
  /** How much wider the stroke gets from its first to its last vertex, as a share of its width. If negative, it gets narrower. */
  swell: number;
  /** The width of the blurred edge. */
  softness: number;
  /** The grey value inside a stroke, from 0 to 255. */
  darkness: number;
  /** The standard deviation of the noise at the edge. Pixels outside the strokes stay 0, as in MNIST. */
  roughness: number;
}

/** Draws images. One object is reused for all images. */
export class Raster {
  readonly #ink = new Float64Array(PIXELS);

  /** Draws one image into `out`, from `offset` on. */
  draw(outline: Outline, pen: Pen, random: Xoshiro128, out: Uint8Array, offset: number): void {
    const ink = this.#ink;
    ink.fill(-1e9);
    const { x, y, drawn, length } = outline;
    for (let i = 1; i < length; i++) {
      if (drawn[i] === 0) continue;
      const radius = pen.radius * (1 + pen.swell * (i / length - 0.5));
      this.#lay(x[i - 1], y[i - 1], x[i], y[i], radius, radius + pen.softness);
    }
    const slope = 1 / pen.softness;
    const faint = -0.5 * pen.softness - 3 * pen.roughness;
    for (let i = 0; i < PIXELS; i++) {
      const depth = ink[i];
      if (depth <= faint) {
        out[offset + i] = 0;
        continue;
      }
      const coverage = 0.5 + (depth + random.bell(pen.roughness)) * slope;
      const grey = coverage * pen.darkness;
      out[offset + i] = grey <= 0 ? 0 : grey >= 255 ? 255 : Math.floor(grey + 0.5);
    }
  }

  /**
   * Draws one segment with round ends. If several segments cover a pixel, the segment in which the pixel is farthest from the edge decides
   * its grey.
   */
  #lay(x0: number, y0: number, x1: number, y1: number, radius: number, reach: number): void {
    const ink = this.#ink;
    const dx = x1 - x0;
    const dy = y1 - y0;
    const lengthSquared = dx * dx + dy * dy;
    const inverse = lengthSquared > 0 ? 1 / lengthSquared : 0;
    const left = Math.max(0, Math.floor((x0 < x1 ? x0 : x1) - reach));
    const right = Math.min(SIDE - 1, Math.floor((x0 < x1 ? x1 : x0) + reach));
    const top = Math.max(0, Math.floor((y0 < y1 ? y0 : y1) - reach));
    const bottom = Math.min(SIDE - 1, Math.floor((y0 < y1 ? y1 : y0) + reach));
    for (let row = top; row <= bottom; row++) {
      const py = row + 0.5 - y0;
      for (let column = left; column <= right; column++) {
        const px = column + 0.5 - x0;
        let t = (px * dx + py * dy) * inverse;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        const ex = px - t * dx;
        const ey = py - t * dy;
        const depth = radius - Math.sqrt(ex * ex + ey * ey);
        const i = row * SIDE + column;
        if (depth > ink[i]) ink[i] = depth;
      }
    }
  }
}
