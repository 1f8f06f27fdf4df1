// 2-D pooling by averages in NCHW: over windows that slide, and over as many windows as the output is to have.
import { checkOptions } from '../argumentChecks.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { type Band, mapPlanes, type PlaneMap, planeSize } from './bands.ts';
import { bothSizes, type SizePair, windowOutput } from './window.ts';

export interface AvgPool2dOptions {
  /** Step of the window; default the kernel's size. */
  readonly stride?: SizePair | undefined;
  /** Zeros on each side; at most half the kernel; default 0. */
  readonly padding?: SizePair;
  /** Also take a last window that reaches beyond the padded input, if it starts inside; default false. */
  readonly ceilMode?: boolean;
  /** Divide by the window's size with the padding that it covers; default true. */
  readonly countIncludePad?: boolean;
  /** Divide by this instead. */
  readonly divisorOverride?: number | undefined;
}

/** Size of an adaptive pooling's output: once for both sides, or [height, width], where null keeps the input's. */
export type AdaptiveSize = number | readonly [number | null, number | null];

interface Side {
  readonly name: 'height' | 'width';
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** The windows along both sides. @throws ShapeError when none fits or the padding is above half the kernel. */
function windows(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions): readonly [Side, Side] {
  const { stride = kernelSize, padding = 0 } = options;
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

/** [height, width] of the output. @throws ShapeError, ArgumentError as {@link avgPool2d}. */
export function avgPoolSize(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions = {}): [number, number] {
  const { ceilMode = false } = options;
  const [vertical, horizontal] = windows(input, kernelSize, options);
  return [countOf(vertical, ceilMode), countOf(horizontal, ceilMode)];
}

function averages(side: Side, count: number, countIncludePad: boolean, divisor: number | undefined): Band[] {
  const { length, kernel, stride, padding } = side;
  return Array.from({ length: count }, (_, window) => {
    const from = window * stride - padding;
    // What a last window of ceilMode has beyond the padding counts in no case (ATen/native/AveragePool2d).
    const to = Math.min(from + kernel, length + padding);
    const start = Math.max(from, 0);
    const elements = Math.min(to, length) - start;
    return { start, weights: new Array<number>(elements).fill(1 / (divisor ?? (countIncludePad ? to - from : elements))) };
  });
}

/** The windows as a map of planes. @throws ShapeError, ArgumentError as {@link avgPool2d}. */
export function avgPoolMap(input: readonly [number, number], kernelSize: SizePair, options: AvgPool2dOptions = {}): PlaneMap {
  const { ceilMode = false, countIncludePad = true, divisorOverride } = options;
  if (divisorOverride === 0) throw new ArgumentError('avgPool2d: divisorOverride must not be 0');
  const [vertical, horizontal] = windows(input, kernelSize, options);
  return [
    averages(vertical, countOf(vertical, ceilMode), countIncludePad, divisorOverride),
    // The whole divisor is one side's, the other's is 1.
    averages(horizontal, countOf(horizontal, ceilMode), countIncludePad, divisorOverride === undefined ? undefined : 1),
  ];
}

/**
 * The mean of each window (torch.nn.functional.avg_pool2d).
 * @param x [N, C, H, W] or [C, H, W]; the result has as many dimensions.
 * @throws ShapeError when no window fits or the padding is above half the kernel. @throws ArgumentError for sizes out of range.
 */
export function avgPool2d(x: Tensor, kernelSize: SizePair, options: AvgPool2dOptions = {}): Tensor {
  checkOptions('avgPool2d', options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride', 'kernelSize']);
  return mapPlanes('AvgPool2D', x, avgPoolMap(planeSize('avgPool2d', x), kernelSize, options));
}

/** [height, width] of an adaptive pooling's output. @throws ArgumentError for sizes below 1. */
export function adaptiveSize(input: readonly [number, number], outputSize: AdaptiveSize): readonly [number, number] {
  const [height, width] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  return bothSizes('adaptiveAvgPool2d: outputSize', [height ?? input[0], width ?? input[1]], 1);
}

/** Its windows as a map of planes: window i of n goes from ⌊i·L/n⌋ to ⌈(i+1)·L/n⌉. */
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
 * Means over windows that cover the input evenly (torch.nn.functional.adaptive_avg_pool2d).
 * @param x [N, C, H, W] or [C, H, W]. @throws ArgumentError for sizes below 1.
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: AdaptiveSize): Tensor {
  return mapPlanes('AdaptiveAvgPool2D', x, adaptiveMap(planeSize('adaptiveAvgPool2d', x), outputSize));
}
