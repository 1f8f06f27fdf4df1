// 2-D max pooling in NCHW.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { PoolGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ShapeError } from '../errors.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { bothSizes, type SizePair, windowOutput } from './window.ts';

export interface Pool2dOptions {
  /** Distance from the start of a window to the start of the next window. Default: the kernel's size. */
  readonly stride?: SizePair;
  /** The number of elements added on each side; default 0, at most half the kernel's size. An added element is never the maximum. */
  readonly padding?: SizePair;
  /** Distance between neighbouring elements of a window. Default: 1. */
  readonly dilation?: SizePair;
  /**
   * Whether the last window may extend beyond the padded input. It must start inside the input or the padding before it. Default: false.
   */
  readonly ceilMode?: boolean;
}

/** The window's sizes along the height or the width. */
interface Side {
  readonly name: 'height' | 'width';
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/**
 * Returns the number of windows along one side.
 * @throws ShapeError if the padding is more than half the kernel, if no window fits, or if a window has no element of the input
 */
function windowCount(side: Side, ceilMode: boolean): number {
  const { name, length, kernel, stride, padding, dilation } = side;
  if (padding > Math.floor(kernel / 2)) {
    throw new ShapeError(`maxPool2d: padding ${padding} is more than half the kernel's ${name} ${kernel}: use less padding`, 'padding');
  }
  const count = windowOutput(length, kernel, stride, padding, dilation, ceilMode);
  if (count < 1) {
    throw new ShapeError(
      `maxPool2d: a window of ${name} ${dilation * (kernel - 1) + 1} does not fit an input of ${name} ${length} with padding ${padding}: use a smaller kernel or dilation`,
      'kernelSize',
    );
  }
  // A window that has no element of the input has no maximum. There can be such windows only if the dilation is more than the input's
  // length.
  const empty = kernel > 1 && dilation > length ? Array.from({ length: count }).findIndex((_, window) => !touchesInput(side, window)) : -1;
  if (empty !== -1) {
    throw new ShapeError(
      `maxPool2d: with dilation ${dilation}, window ${empty} has no element of an input of ${name} ${length}: use a smaller dilation`,
      'dilation',
    );
  }
  return count;
}

function touchesInput({ length, kernel, stride, padding, dilation }: Side, window: number): boolean {
  const start = window * stride - padding;
  const firstInside = start >= 0 ? 0 : Math.ceil(-start / dilation);
  return firstInside < kernel && start + firstInside * dilation < length;
}

/**
 * Returns the sizes of a pooling over [batch, channels, height, width] or [channels, height, width].
 * @throws ShapeError if the input has neither 3 nor 4 dimensions, if the padding is more than half the kernel, if no window fits, or if a
 * window has no element of the input
 * @throws ArgumentError if the kernel's size, the stride or the dilation is below 1, if the padding is negative, or if one of these is not
 * a whole number
 */
export function poolGeometry(input: Shape, kernelSize: SizePair, options: Pool2dOptions = {}): PoolGeometry {
  if (input.length !== 3 && input.length !== 4) {
    throw new ShapeError(
      `maxPool2d needs an input [batch, channels, height, width] or [channels, height, width], got ${formatShape(input)}`,
    );
  }
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  const [kernelHeight, kernelWidth] = bothSizes('maxPool2d: kernelSize', kernelSize, 1);
  const [strideHeight, strideWidth] = bothSizes('maxPool2d: stride', stride, 1);
  const [padTop, padLeft] = bothSizes('maxPool2d: padding', padding, 0);
  const [dilationHeight, dilationWidth] = bothSizes('maxPool2d: dilation', dilation, 1);
  const [height, width] = input.slice(-2);
  const vertical: Side = {
    name: 'height',
    length: height,
    kernel: kernelHeight,
    stride: strideHeight,
    padding: padTop,
    dilation: dilationHeight,
  };
  const horizontal: Side = {
    name: 'width',
    length: width,
    kernel: kernelWidth,
    stride: strideWidth,
    padding: padLeft,
    dilation: dilationWidth,
  };
  return {
    planes: sizeOf(input.slice(0, -2)),
    height,
    width,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    padTop,
    padLeft,
    dilationHeight,
    dilationWidth,
    outHeight: windowCount(vertical, ceilMode),
    outWidth: windowCount(horizontal, ceilMode),
  };
}

/**
 * Computes the largest element of each window of a geometry. Of equal elements the first one is taken; a NaN counts as the largest.
 * @param name the name of the operation in the graph
 * @param shape the shape of the maxima
 * @returns the maxima, and a function that returns the position of each maximum in its plane
 */
export function maxima(
  name: string,
  input: Tensor,
  geometry: PoolGeometry,
  shape: Shape,
): { readonly values: Tensor; readonly positions: () => Int32Array } {
  const size = sizeOf(shape);
  let positions: Int32Array = new Int32Array();
  const values = record({
    name,
    forward: () => {
      const y = backend().allocate(size);
      positions = backend().allocateIndices(size);
      backend().maxPool2d(input.values, y, positions, geometry);
      return y;
    },
    shape,
    inputs: [input],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(input.size);
      backend().maxPool2dBackward(g, positions, dx, geometry);
      grads[0] = dx;
      return grads;
    },
  });
  return { values, positions: () => positions };
}

/**
 * Computes the largest element of each window (torch.nn.functional.max_pool2d). Of equal elements the first one is taken; a NaN counts as
 * the largest.
 * @param input [N, C, H, W] or [C, H, W]; the result has the same number of dimensions
 */
export function maxPool2d(input: Tensor, kernelSize: SizePair, options: Pool2dOptions = {}): Tensor {
  checkOptions('maxPool2d', options, ['stride', 'padding', 'dilation', 'ceilMode', 'kernelSize']);
  const geometry = poolGeometry(input.shape, kernelSize, options);
  const shape = [...input.shape.slice(0, -2), geometry.outHeight, geometry.outWidth];
  return maxima('MaxPool2DWithIndices', input, geometry, shape).values;
}
