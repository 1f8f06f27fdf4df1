// 2-D transposed convolution in NCHW. It computes the same as the gradient of a convolution's input, with the same kernels.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { ConvGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { bothSizes, type SizePair } from './window.ts';

export interface ConvTranspose2dOptions {
  /** Distance in the output between the kernels of neighbouring input elements. Default: 1. */
  readonly stride?: SizePair;
  /** The number of rows and columns removed from each side of the output. Default: 0. */
  readonly padding?: SizePair;
  /**
   * The number of rows and columns added at the bottom and the right of the output; default 0. It must be less than the larger of stride
   * and dilation.
   */
  readonly outputPadding?: SizePair;
  /** Distance between neighbouring elements of the kernel in the output. Default: 1. */
  readonly dilation?: SizePair;
  /** The number of groups of channels; default 1. Each group of output channels reads only the corresponding group of input channels. */
  readonly groups?: number;
}

/**
 * Returns the sizes of the convolution whose transpose is computed: its input has the size of this operation's output, and its output has
 * the size of this operation's input.
 * @param input [N, Cin, H, W]
 * @param weight [Cin, Cout/groups, kH, kW]
 * @throws ShapeError if the shapes do not fit together, if `outputPadding` is too large, or if the output would be empty
 * @throws ArgumentError if stride, dilation or groups are below 1, if a padding is negative, if one of these is not a whole number, or if
 * the groups do not divide the input channels
 */
export function convTransposeGeometry(input: Shape, weight: Shape, options: ConvTranspose2dOptions = {}): ConvGeometry {
  const { groups = 1 } = options;
  const [strideHeight, strideWidth] = bothSizes('convTranspose2d: stride', options.stride ?? 1, 1);
  const [padTop, padLeft] = bothSizes('convTranspose2d: padding', options.padding ?? 0, 0);
  const [extraHeight, extraWidth] = bothSizes('convTranspose2d: outputPadding', options.outputPadding ?? 0, 0);
  const [dilationHeight, dilationWidth] = bothSizes('convTranspose2d: dilation', options.dilation ?? 1, 1);
  if (input.length !== 4 || weight.length !== 4) {
    throw new ShapeError(
      `convTranspose2d needs an input [batch, channels, height, width] and a weight [in, out, height, width], got ${formatShape(input)} and ${formatShape(weight)}`,
    );
  }
  const [batch, inChannels, inHeight, inWidth] = input as readonly [number, number, number, number];
  const [weightChannels, perGroup, kernelHeight, kernelWidth] = weight as readonly [number, number, number, number];
  if (!Number.isInteger(groups) || groups < 1 || weightChannels % groups !== 0) {
    throw new ArgumentError(`convTranspose2d: ${weightChannels} input channels cannot be divided into ${groups} groups`);
  }
  if (inChannels !== weightChannels) {
    throw new ShapeError(`convTranspose2d expects ${weightChannels} input channels (weight ${formatShape(weight)}), got ${inChannels}`);
  }
  if (extraHeight >= Math.max(strideHeight, dilationHeight) || extraWidth >= Math.max(strideWidth, dilationWidth)) {
    throw new ShapeError(
      `convTranspose2d: outputPadding ${extraHeight}×${extraWidth} must be less than the stride ${strideHeight}×${strideWidth} or the dilation ${dilationHeight}×${dilationWidth}`,
      'outputPadding',
    );
  }
  const height = (inHeight - 1) * strideHeight - 2 * padTop + dilationHeight * (kernelHeight - 1) + extraHeight + 1;
  const width = (inWidth - 1) * strideWidth - 2 * padLeft + dilationWidth * (kernelWidth - 1) + extraWidth + 1;
  if (height < 1 || width < 1) {
    throw new ShapeError(
      `convTranspose2d: padding ${padTop}×${padLeft} leaves nothing of the output ${height + 2 * padTop}×${width + 2 * padLeft}: use less padding`,
      'padding',
    );
  }
  return {
    batch,
    inChannels: perGroup * groups,
    height,
    width,
    outChannels: inChannels,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    padTop,
    padLeft,
    dilationHeight,
    dilationWidth,
    groups,
    outHeight: inHeight,
    outWidth: inWidth,
  };
}

/**
 * Computes the transposed convolution of the input [N, Cin, H, W] with the weight [Cin, Cout/groups, kH, kW] and adds the bias [Cout]
 * (torch.nn.functional.conv_transpose2d).
 * @returns [N, Cout, Hout, Wout]
 */
export function convTranspose2d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvTranspose2dOptions = {}): Tensor {
  checkOptions('convTranspose2d', options, ['stride', 'padding', 'outputPadding', 'dilation', 'groups']);
  const geometry = convTransposeGeometry(input.shape, weight.shape, options);
  const channels = geometry.inChannels;
  if (bias !== null && (bias.rank !== 1 || bias.size !== channels)) {
    throw new ShapeError(`convTranspose2d: the bias must have shape [${channels}], got ${formatShape(bias.shape)}`);
  }
  const shape = [geometry.batch, channels, geometry.height, geometry.width];
  const perChannel = [1, channels, 1, 1];
  const size = sizeOf(shape);
  return record({
    name: 'Convolution',
    forward: () => {
      const y = backend().allocate(size);
      backend().conv2dBackwardInput(input.values, weight.values, y, geometry);
      if (bias !== null) backend().binary('add', y, shape, bias.values, perChannel, y, shape);
      return y;
    },
    shape,
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    backward: (g, needed) => {
      const dx = needed[0] ? backend().allocate(input.size) : null;
      if (dx !== null) backend().conv2d(g, weight.values, null, dx, geometry);
      const dw = needed[1] ? backend().allocate(weight.size) : null;
      if (dw !== null) backend().conv2dBackwardWeight(input.values, g, dw, geometry);
      const db = needed[2] ? backend().allocate(channels) : null;
      if (db !== null) backend().sumTo(g, shape, db, perChannel);
      return [dx, dw, db];
    },
  });
}
