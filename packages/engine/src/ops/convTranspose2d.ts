// 2-D transposed convolution in NCHW: the gradient of a convolution as an operation of its own, by the same kernels.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import type { ConvGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { bothSizes, type SizePair } from './window.ts';

export interface ConvTranspose2dOptions {
  /** Distance between inputs in the output; default 1. */
  readonly stride?: SizePair;
  /** Rows and columns cut off the output's sides; default 0. */
  readonly padding?: SizePair;
  /** Rows and columns added at the output's end; less than the stride or the dilation; default 0. */
  readonly outputPadding?: SizePair;
  /** Distance between the kernel's taps; default 1. */
  readonly dilation?: SizePair;
  /** Blocks of channels that do not see each other; default 1. */
  readonly groups?: number;
}

/**
 * Sizes of the convolution that this transposes: its input is our output.
 * @param input [N, Cin, H, W]; @param weight [Cin, Cout/groups, kH, kW].
 * @throws ShapeError when channels do not fit or nothing of the output is left.
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
 * Spreads each input [N, Cin, H, W] over the output by the weight [Cin, Cout/groups, kH, kW] and adds bias [Cout].
 * @returns [N, Cout, Hout, Wout] (torch.nn.functional.conv_transpose2d).
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
