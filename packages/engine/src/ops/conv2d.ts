// 2-D convolution in NCHW. As in all deep learning libraries, it is computed as a cross-correlation.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { ConvGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { bothSizes, type SizePair, windowOutput } from './window.ts';

export type { SizePair };

/** The number of zeros added on each side of the height and of the width, or the name of a rule that determines it. */
export type ConvPadding = SizePair | 'same' | 'valid';

export interface Conv2dOptions {
  /** Distance in the input between neighbouring positions of the kernel. Default: 1. */
  readonly stride?: SizePair;
  /**
   * The number of zeros on each side; default 0. 'valid': none. 'same': the output has the input's height and width. If this needs an odd
   * number of zeros along a side, there is one more at the end than at the start.
   */
  readonly padding?: ConvPadding;
  /** Distance between neighbouring elements of the kernel in the input. Default: 1. */
  readonly dilation?: SizePair;
  /** The number of groups of channels; default 1. Each group of output channels reads only the corresponding group of input channels. */
  readonly groups?: number;
}

/** Returns the number of zeros before the first row and before the first column. With 'same', there may be one more after the last one. */
export function convPadding(
  padding: ConvPadding,
  kernel: readonly [number, number],
  dilation: readonly [number, number],
): readonly [number, number] {
  if (padding === 'valid') return [0, 0];
  if (padding !== 'same') return bothSizes('conv2d: padding', padding, 0);
  return [Math.floor((dilation[0] * (kernel[0] - 1)) / 2), Math.floor((dilation[1] * (kernel[1] - 1)) / 2)];
}

/**
 * Returns the sizes of a convolution.
 * @throws ShapeError if the shapes do not fit together, if the kernel is larger than the padded input, or if padding 'same' is used with a
 * stride above 1
 * @throws ArgumentError if stride, dilation or groups are below 1, if the padding is negative, if one of these is not a whole number, or if
 * the groups do not divide the output channels
 */
export function convGeometry(input: Shape, weight: Shape, options: Conv2dOptions = {}): ConvGeometry {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [strideHeight, strideWidth] = bothSizes('conv2d: stride', stride, 1);
  const isSame = padding === 'same';
  const [dilationHeight, dilationWidth] = bothSizes('conv2d: dilation', dilation, 1);
  if (input.length !== 4 || weight.length !== 4) {
    throw new ShapeError(
      `conv2d needs an input [batch, channels, height, width] and a weight [out, in, height, width], got ${formatShape(input)} and ${formatShape(weight)}`,
    );
  }
  const [batch, inChannels, height, width] = input as readonly [number, number, number, number];
  const [outChannels, perGroup, kernelHeight, kernelWidth] = weight as readonly [number, number, number, number];
  if (!Number.isInteger(groups) || groups < 1 || outChannels % groups !== 0) {
    throw new ArgumentError(`conv2d: ${outChannels} output channels cannot be divided into ${groups} groups`);
  }
  if (inChannels !== perGroup * groups) {
    throw new ShapeError(
      `conv2d expects ${perGroup * groups} input channels (weight ${formatShape(weight)}, ${groups} groups), got ${inChannels}`,
    );
  }
  if (isSame && (strideHeight !== 1 || strideWidth !== 1)) {
    throw new ShapeError(`padding 'same' needs stride 1, got ${strideHeight}×${strideWidth}: give the padding as numbers`, 'padding');
  }
  const [padTop, padLeft] = convPadding(padding, [kernelHeight, kernelWidth], [dilationHeight, dilationWidth]);
  const outHeight = isSame ? height : windowOutput(height, kernelHeight, strideHeight, padTop, dilationHeight);
  const outWidth = isSame ? width : windowOutput(width, kernelWidth, strideWidth, padLeft, dilationWidth);
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `kernel ${kernelHeight}×${kernelWidth}${dilationHeight === 1 && dilationWidth === 1 ? '' : ` with dilation ${dilationHeight}×${dilationWidth}`} does not fit its ${height}×${width} input with padding ${padTop}×${padLeft}: use a smaller kernel or more padding`,
      'kernelSize',
    );
  }
  return {
    batch,
    inChannels,
    height,
    width,
    outChannels,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    padTop,
    padLeft,
    dilationHeight,
    dilationWidth,
    groups,
    outHeight,
    outWidth,
  };
}

/**
 * Checks the bias and returns the {@link convGeometry} of the tensors. Throws the same errors as `convGeometry`.
 * @throws ShapeError if the bias does not have one number for each output channel
 */
export function checkedConvGeometry(input: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions): ConvGeometry {
  const geometry = convGeometry(input.shape, weight.shape, options);
  if (bias !== null && (bias.rank !== 1 || bias.size !== geometry.outChannels)) {
    throw new ShapeError(`conv2d: the bias must have shape [${geometry.outChannels}], got ${formatShape(bias.shape)}`);
  }
  return geometry;
}

/**
 * Convolves the input [N, Cin, H, W] with the weight [Cout, Cin/groups, kH, kW] and adds the bias [Cout] (torch.nn.functional.conv2d).
 * @returns [N, Cout, Hout, Wout]
 */
export function conv2d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  checkOptions('conv2d', options, ['stride', 'padding', 'dilation', 'groups']);
  const geometry = checkedConvGeometry(input, weight, bias, options);
  const shape = [geometry.batch, geometry.outChannels, geometry.outHeight, geometry.outWidth];
  const size = sizeOf(shape);
  return record({
    name: 'Convolution',
    forward: () => {
      const y = backend().allocate(size);
      backend().conv2d(input.values, weight.values, bias === null ? null : bias.values, y, geometry);
      return y;
    },
    shape,
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    backward: (g, needed, grads, pass) => {
      // With a stride above 1, the input is the largest array. If no other operation reads it after this one, its gradient is computed
      // last. The input is then no longer needed, so its gradient may use its memory.
      const isSeparate = needed[0] && geometry.strideHeight * geometry.strideWidth > 1 && pass.isLastReader(input);
      let dx = needed[0] && !isSeparate ? pass.gradientStorage(0, input.size) : null;
      const dw = needed[1] ? pass.gradientStorage(1, weight.size) : null;
      const db = needed[2] ? pass.gradientStorage(2, geometry.outChannels) : null;
      const x = input.values;
      backend().conv2dBackward(g, null, x, weight.values, dx, dw, db, geometry);
      if (isSeparate) {
        pass.endReading(input);
        dx = pass.gradientStorage(0, input.size);
        backend().conv2dBackward(g, null, x, weight.values, dx, null, null, geometry);
      }
      grads[0] = dx;
      grads[1] = dw;
      if (bias !== null) grads[2] = db;
      return grads;
    },
  });
}
