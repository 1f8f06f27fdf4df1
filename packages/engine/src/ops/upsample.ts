// Resizing of planes in NCHW (torch.nn.functional.interpolate). Along each side, an output pixel is the nearest input pixel, a linear
// interpolation of two pixels, or a cubic interpolation of four pixels.
import { checkOptions } from '../argumentChecks.ts';
import { ShapeError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { type Band, mapPlanes, type PlaneMap, planeSize } from './bands.ts';
import { bothSizes, type SizePair } from './window.ts';

export const upsampleModes = ['nearest', 'nearest-exact', 'bilinear', 'bicubic'] as const;
export type UpsampleMode = (typeof upsampleModes)[number];

export interface UpsampleOptions {
  /** [height, width] of the output, or one number for both. Give either `size` or `scaleFactor`. */
  readonly size?: SizePair | undefined;
  /** The output size divided by the input size: one number for both sides, or [height, width]. The output size is rounded down. */
  readonly scaleFactor?: number | readonly [number, number] | undefined;
  /** Default 'nearest'. */
  readonly mode?: UpsampleMode;
  /**
   * What stays at the same place: the centres of the corner pixels (true) or their outer edges (false). Only 'bilinear' and 'bicubic' allow
   * true. Default: false.
   */
  readonly alignCorners?: boolean;
}

const numbersOf = (both: number | readonly [number, number]): readonly [number, number] => (typeof both === 'number' ? [both, both] : both);

/**
 * Checks that options do not contradict each other.
 * @throws ShapeError if not exactly one of `size` and `scaleFactor` is given, or if a mode without interpolation gets `alignCorners`. Its
 * `field` is the option
 */
export function checkUpsample({ size, scaleFactor, mode = 'nearest', alignCorners = false }: UpsampleOptions): void {
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new ShapeError(`upsample takes either size or scaleFactor, got ${size === undefined ? 'neither' : 'both'}`, 'size');
  }
  if (alignCorners && mode.startsWith('nearest')) {
    throw new ShapeError(`upsample: alignCorners is for the modes 'bilinear' and 'bicubic', not for '${mode}'`, 'alignCorners');
  }
}

/**
 * Returns the output's [height, width].
 * @throws ShapeError if options contradict each other, or if `scaleFactor` gives an empty output
 * @throws ArgumentError if a number in `size` is below 1 or not a whole number
 */
export function upsampleSize(input: readonly [number, number], options: UpsampleOptions): readonly [number, number] {
  checkUpsample(options);
  const { size, scaleFactor } = options;
  if (size !== undefined) return bothSizes('upsample: size', size, 1);
  const factors = numbersOf(scaleFactor ?? 1);
  const [height, width] = [Math.floor(input[0] * factors[0]), Math.floor(input[1] * factors[1])];
  if (height >= 1 && width >= 1) return [height, width];
  throw new ShapeError(
    `upsample: scaleFactor ${factors.join('×')} leaves nothing of an input ${input.join('×')}: use a larger one`,
    'scaleFactor',
  );
}

/** Returns the resizing as a map of planes. Throws the same errors as {@link upsampleSize}. */
export function upsampleMap(input: readonly [number, number], options: UpsampleOptions): PlaneMap {
  const { scaleFactor, mode = 'nearest', alignCorners = false } = options;
  // Positions are computed from the given factor and not from the output size, because the output size is rounded.
  const factors = scaleFactor === undefined ? [undefined, undefined] : numbersOf(scaleFactor);
  const [height, width] = upsampleSize(input, options);
  return [bandsOf(mode, input[0], height, alignCorners, factors[0]), bandsOf(mode, input[1], width, alignCorners, factors[1])];
}

/**
 * Resizes the last two dimensions.
 * @param x [N, C, H, W] or [C, H, W]
 * @throws ShapeError if x has neither 3 nor 4 dimensions, if options contradict each other, or if `scaleFactor` gives an empty output
 * @throws ArgumentError if a number in `size` is below 1 or not a whole number
 */
export function upsample(x: Tensor, options: UpsampleOptions): Tensor {
  checkOptions('upsample', options, ['size', 'scaleFactor', 'mode', 'alignCorners']);
  const name = `Upsample${(options.mode ?? 'nearest').split('-').map(capital).join('')}2D`;
  return mapPlanes(name, x, upsampleMap(planeSize('upsample', x), options));
}

const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);

function bandsOf(mode: UpsampleMode, inputs: number, outputs: number, alignCorners: boolean, factor: number | undefined): Band[] {
  const step = factor === undefined ? inputs / outputs : 1 / factor;
  if (mode === 'nearest' || mode === 'nearest-exact') {
    // This is computed in float32, as in PyTorch. With float64, some outputs would select other pixels.
    const shift = mode === 'nearest' ? 0 : 0.5;
    return Array.from({ length: outputs }, (_, i) => {
      if (mode === 'nearest' && outputs % inputs === 0 && outputs <= 2 * inputs)
        return { start: Math.floor((i * inputs) / outputs), weights: [1] };
      const at = Math.floor(Math.fround((i + shift) * Math.fround(step)));
      return { start: Math.min(at, inputs - 1), weights: [1] };
    });
  }
  // As in PyTorch, bilinear resizing to the same size changes nothing. This also holds if the factor is not exactly 1.
  if (mode === 'bilinear' && outputs === inputs) return Array.from({ length: outputs }, (_, i) => ({ start: i, weights: [1] }));
  const between = outputs > 1 ? (inputs - 1) / (outputs - 1) : 0;
  const place = (i: number): number => (alignCorners ? i * between : (i + 0.5) * step - 0.5);
  const weigh = mode === 'bilinear' ? linear : cubic;
  return Array.from({ length: outputs }, (_, i) => weigh(place(i), inputs));
}

function linear(place: number, inputs: number): Band {
  const at = Math.max(place, 0);
  const start = Math.min(Math.floor(at), inputs - 1);
  if (start === inputs - 1) return { start, weights: [1] };
  const share = at - start;
  return { start, weights: [1 - share, share] };
}

/** Returns the band of Keys' cubic convolution with a = −0.75. Where it would read outside of the input, it reads the edge pixel. */
function cubic(place: number, inputs: number): Band {
  const a = -0.75;
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  const first = Math.floor(place) - 1;
  const t = place - first - 1;
  const inside = (at: number): number => Math.min(Math.max(at, 0), inputs - 1);
  const start = inside(first);
  const weights = new Array<number>(inside(first + 3) - start + 1).fill(0);
  [far(t + 1), near(t), near(1 - t), far(2 - t)].forEach((weight, k) => {
    weights[inside(first + k) - start] += weight;
  });
  return { start, weights };
}
