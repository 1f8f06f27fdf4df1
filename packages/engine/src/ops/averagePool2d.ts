// 2-D average pooling in NCHW: over windows of a given size, and over windows that give an output of a given size (adaptive pooling).
import { checkOptions } from '../argumentChecks.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { type Band, mapPlanes, type PlaneMap, planeSize } from './bands.ts';
import { bothSizes, type SizePair, windowOutput } from './window.ts';

export interface AvgPool2dOptions {
  /** Distance from the start of a window to the start of the next window. Default: the kernel's size. */
  readonly stride?: SizePair | undefined;
  /** The number of zeros added on each side. At most half the kernel's size; default 0. */
  readonly padding?: SizePair;
  /**
   * Whether the last window may extend beyond the padded input. It must start inside the input or the padding before it. Default: false.
   */
  readonly ceilMode?: boolean;
  /** Whether the zeros of the padding count as elements in the mean. Default: true. */
  readonly countIncludePad?: boolean;
  /** The number that the sum of a window is divided by. Default: the number of elements in the window. */
  readonly divisorOverride?: number | undefined;
}

/** The output size of adaptive pooling: one number for both sides, or [height, width]. null keeps the input's size. */
export type AdaptiveSize = number | readonly [number | null, number | null];

interface Side {
  readonly name: 'height' | 'width';
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/**
 * Returns the windows along the height and the width.
 * @throws ShapeError if the padding is more than half the kernel
 * @throws ArgumentError if the kernel's size or the stride is below 1, if the padding is negative, if one of them is not a whole number, or
 * if `divisorOverride` is 0
 */
function windows(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions): readonly [Side, Side] {
  const { stride = kernelSize, padding = 0, divisorOverride } = options;
  if (divisorOverride === 0) throw new ArgumentError('avgPool2d: divisorOverride must not be 0');
  const kernels = bothSizes('avgPool2d: kernelSize', kernelSize, 1);
  const strides = bothSizes('avgPool2d: stride', stride, 1);
  const paddings = bothSizes('avgPool2d: padding', padding, 0);
  const side = (name: Side['name'], i: 0 | 1): Side => {
    if (paddings[i] > kernels[i] / 2) {
      throw new ShapeError(
        `avgPool2d: padding ${paddings[i]} is more than half the kernel's ${name} ${kernels[i]}: use less padding`,
        'padding',
      );
    }
    return { name, length: input[i], kernel: kernels[i], stride: strides[i], padding: paddings[i] };
  };
  return [side('height', 0), side('width', 1)];
}

function countOf({ name, length, kernel, stride, padding }: Side, ceilMode: boolean): number {
  const count = windowOutput(length, kernel, stride, padding, 1, ceilMode);
  if (count >= 1) return count;
  throw new ShapeError(
    `avgPool2d: a window of ${name} ${kernel} does not fit an input of ${name} ${length} with padding ${padding}: use a smaller kernel`,
    'kernelSize',
  );
}

/** Returns the output's [height, width]. If an option is not valid, throws the same error as {@link avgPool2d}. */
export function avgPoolSize(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions = {}): [number, number] {
  const { ceilMode = false } = options;
  const [vertical, horizontal] = windows(input, kernelSize, options);
  return [countOf(vertical, ceilMode), countOf(horizontal, ceilMode)];
}

function averages(side: Side, count: number, countIncludePad: boolean, divisor: number | undefined): Band[] {
  const { length, kernel, stride, padding } = side;
  return Array.from({ length: count }, (_, window) => {
    const from = window * stride - padding;
    // With ceilMode, the last window may extend beyond the padding. Its elements there never count (ATen/native/AveragePool2d).
    const to = Math.min(from + kernel, length + padding);
    const start = Math.max(from, 0);
    const elements = Math.min(to, length) - start;
    return { start, weights: new Array<number>(elements).fill(1 / (divisor ?? (countIncludePad ? to - from : elements))) };
  });
}

/** Returns the windows as a map of planes. If an option is not valid, throws the same error as {@link avgPool2d}. */
export function avgPoolMap(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions = {}): PlaneMap {
  const { ceilMode = false, countIncludePad = true, divisorOverride } = options;
  const [vertical, horizontal] = windows(input, kernelSize, options);
  return [
    averages(vertical, countOf(vertical, ceilMode), countIncludePad, divisorOverride),
    // The sums are divided twice: first by the divisor of the height, then by the divisor of the width. So divisorOverride is the divisor
    // of the height, and the divisor of the width is 1.
    averages(horizontal, countOf(horizontal, ceilMode), countIncludePad, divisorOverride === undefined ? undefined : 1),
  ];
}

/**
 * Computes the mean of each window (torch.nn.functional.avg_pool2d).
 * @param x [N, C, H, W] or [C, H, W]; the result has the same number of dimensions
 * @throws ShapeError if no window fits, if the padding is more than half the kernel, or if x has neither 3 nor 4 dimensions
 * @throws ArgumentError if the kernel's size or the stride is below 1, if the padding is negative, if one of them is not a whole number, or
 * if `divisorOverride` is 0
 */
export function avgPool2d(x: Tensor, kernelSize: SizePair, options: AvgPool2dOptions = {}): Tensor {
  checkOptions('avgPool2d', options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride', 'kernelSize']);
  return mapPlanes('AvgPool2D', x, avgPoolMap(planeSize('avgPool2d', x), kernelSize, options));
}

/** Returns the [height, width] of an adaptive pooling's output. @throws ArgumentError if one of them is below 1 or not a whole number */
export function adaptiveSize(input: readonly [number, number], outputSize: AdaptiveSize): readonly [number, number] {
  const [height, width] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  return bothSizes('adaptiveAvgPool2d: outputSize', [height ?? input[0], width ?? input[1]], 1);
}

/**
 * Returns the windows of adaptive pooling as a map of planes. If a side has the length L and n windows, window i covers the indices from
 * ⌊i·L/n⌋ to ⌈(i+1)·L/n⌉ − 1.
 */
export function adaptiveMap(input: readonly [number, number], outputSize: AdaptiveSize): PlaneMap {
  const windows = (length: number, count: number): Band[] =>
    Array.from({ length: count }, (_, window) => {
      const start = Math.floor((window * length) / count);
      const elements = Math.ceil(((window + 1) * length) / count) - start;
      return { start, weights: new Array<number>(elements).fill(1 / elements) };
    });
  const [height, width] = adaptiveSize(input, outputSize);
  return [windows(input[0], height), windows(input[1], width)];
}

/**
 * Computes means over windows that are spread evenly over the input (torch.nn.functional.adaptive_avg_pool2d).
 * @param x [N, C, H, W] or [C, H, W]
 * @throws ShapeError if x has neither 3 nor 4 dimensions
 * @throws ArgumentError if a size of the output is below 1 or not a whole number
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return mapPlanes('AdaptiveAvgPool2D', x, adaptiveMap(planeSize('adaptiveAvgPool2d', x), outputSize));
}
