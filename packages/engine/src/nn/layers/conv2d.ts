// The 2-D convolution layer (torch.nn.Conv2d): options, module, shape rule, cost. The arithmetic is in ops/conv2d.ts.
import { changed, construct } from '../../construction.ts';
import { z } from 'zod';
import type { ConvGeometry, PoolGeometry } from '../../backend/backend.ts';
import { ShapeError } from '../../errors.ts';
import { checkedConvGeometry, convGeometry, type ConvPadding, convPadding, conv2d as convolve } from '../../ops/conv2d.ts';
import { conv2dRelu, conv2dReluMaxPool2d } from '../../ops/fused.ts';
import { pad, paddedPositions } from '../../ops/parts.ts';
import { poolGeometry } from '../../ops/pool2d.ts';
import { bothSizes, type SizePair } from '../../ops/window.ts';
import { checkArguments } from '../../registry.ts';
import { type Shape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { initializeConvOrLinear, withGenerator } from '../init.ts';
import { Module, Parameter } from '../module.ts';
import { type Drawn, defineLayer, imageShape, sizePair } from './define.ts';
import { checkGroups, groupsOption } from './groups.ts';
import { kernelScratch } from './memory.ts';
import type { MaxPool2d } from './maxPool2d.ts';

const options = {
  outChannels: z.int().min(1).describe('The number of output channels'),
  kernelSize: sizePair(1).describe('Height and width of the kernel'),
  stride: sizePair(1).default(1).describe('Distance between neighbouring positions of the kernel'),
  padding: z
    .union([sizePair(0), z.enum(['same', 'valid'])])
    .default(0)
    .describe("The number of rows and columns added on each side. 'same' keeps height and width and needs stride 1. 'valid' adds none"),
  dilation: sizePair(1).default(1).describe('Distance between neighbouring elements of the kernel in the input'),
  groups: groupsOption,
  bias: z.boolean().default(true).describe('Whether a learned bias is added to each output channel'),
  paddingMode: z
    .enum(['zeros', 'reflect', 'replicate', 'circular'])
    .default('zeros')
    .describe('The values of the padding: zeros, the input mirrored at its edge, its edge values, or values from the opposite side'),
};
const constructorArguments = z.strictObject({ inChannels: z.int().min(1), ...options });

type Conv2dOptions = z.output<z.ZodObject<typeof options>>;
export type Conv2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'inChannels' | 'outChannels' | 'kernelSize'> & Drawn;

/** The sizes of a convolution for one input shape, and of the max pooling that follows it, if there is one. */
interface Sizes {
  readonly input: Shape;
  readonly pool: MaxPool2d | null;
  readonly geometry: ConvGeometry;
  readonly windows: PoolGeometry | null;
}

/** Convolves with a learned weight [outChannels, inChannels/groups, kH, kW] and adds a learned bias [outChannels]. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #inChannels: number;
  readonly #options: Record<'stride' | 'dilation', readonly [number, number]> & {
    readonly groups: number;
    readonly padding: readonly [number, number] | 'same' | 'valid';
  };
  readonly #paddingMode: Conv2dOptions['paddingMode'];
  #sizes: Sizes | null = null;

  /**
   * @param kernelSize height and width: one number for both, or [height, width]
   * @param rest defaults: stride 1, padding 0, dilation 1, groups 1, bias true, paddingMode 'zeros', the generator that manualSeed seeds
   * @throws ArgumentError if a size is out of range
   * @throws ShapeError if `groups` does not divide the number of input channels and the number of output channels
   */
  constructor(inChannels: number, outChannels: number, kernelSize: SizePair, rest: Conv2dLayerOptions = {}) {
    super();
    const { generator, given } = withGenerator('Conv2d', rest, 'stride');
    const checked = checkArguments('Conv2d', constructorArguments, { inChannels, outChannels, kernelSize }, given);
    this.#inChannels = inChannels;
    this.#options = {
      stride: bothSizes('Conv2d: stride', checked.stride, 1),
      padding: typeof checked.padding === 'string' ? checked.padding : bothSizes('Conv2d: padding', checked.padding, 0),
      dilation: bothSizes('Conv2d: dilation', checked.dilation, 1),
      groups: checked.groups,
    };
    this.#paddingMode = checked.paddingMode;
    this.weight = Parameter.zeros(weightShape(checked, inChannels));
    this.bias = checked.bias ? Parameter.zeros([outChannels]) : null;
    initializeConvOrLinear(this.weight.values, this.bias?.values ?? null, this.weight.size / outChannels, generator);
  }

  override forward(input: Tensor): Tensor {
    if (this.#paddingMode === 'zeros') return convolve(input, this.weight, this.bias, this.#options);
    return convolve(this.#padded(input), this.weight, this.bias, { ...this.#options, padding: 0 });
  }

  /** Computes relu of the convolution and, if `pool` is not null, max pooling of the result, as one operation. */
  forwardRelu(input: Tensor, pool: MaxPool2d | null): Tensor {
    const x = this.#padded(input);
    const { geometry, windows } = this.#sizesFor(x, pool);
    if (windows === null) return conv2dRelu(x, this.weight, this.bias, geometry);
    return conv2dReluMaxPool2d(x, this.weight, this.bias, geometry, windows);
  }

  /** Returns the sizes for an input. The last sizes are kept, because the shape seldom changes between steps. */
  #sizesFor(x: Tensor, pool: MaxPool2d | null): Sizes {
    if (this.#sizes?.pool === pool && sameShape(this.#sizes.input, x.shape)) return this.#sizes;
    const options = this.#paddingMode === 'zeros' ? this.#options : { ...this.#options, padding: 0 };
    const geometry = checkedConvGeometry(x, this.weight, this.bias, options);
    const { batch, outChannels, outHeight, outWidth } = geometry;
    const windows = pool && poolGeometry([batch, outChannels, outHeight, outWidth], pool.options.kernelSize, pool.options);
    this.#sizes = { input: x.shape, pool, geometry, windows };
    return this.#sizes;
  }

  /** Returns the input with its padding if paddingMode is not 'zeros'. Otherwise returns the input itself. */
  #padded(input: Tensor): Tensor {
    if (this.#paddingMode === 'zeros') return input;
    const [, , kernelHeight, kernelWidth] = this.weight.shape;
    const { padding, dilation } = this.#options;
    const [top, left, bottom, right] = sides(padding, [kernelHeight, kernelWidth], dilation);
    return pad(input, [left, right, top, bottom], this.#paddingMode);
  }

  override extraRepr(): string {
    const [outChannels, , kernelHeight, kernelWidth] = this.weight.shape;
    const { stride, padding, dilation, groups } = this.#options;
    let text = `${this.#inChannels}, ${outChannels}, kernel_size=(${kernelHeight}, ${kernelWidth}), stride=(${stride.join(', ')})`;
    if (typeof padding === 'string') text += `, padding=${padding}`;
    else if (padding.some((size) => size !== 0)) text += `, padding=(${padding.join(', ')})`;
    if (dilation.some((size) => size !== 1)) text += `, dilation=(${dilation.join(', ')})`;
    if (groups !== 1) text += `, groups=${groups}`;
    if (this.bias === null) text += ', bias=False';
    if (this.#paddingMode !== 'zeros') text += `, padding_mode=${this.#paddingMode}`;
    return text;
  }
}

export const conv2d = defineLayer({
  type: 'conv2d',
  description: '2-D convolution of [channels, height, width]. The number of input channels is inferred from the input',
  options,
  outputShape(options, input) {
    const [channels, height, width] = imageShape('conv2d', input);
    const geometry = convGeometry([1, channels, height, width], weightShape(options, channels), options);
    checkPaddingMode(options, geometry);
    return [geometry.outChannels, geometry.outHeight, geometry.outWidth];
  },
  cost(options, input, output) {
    const weight = sizeOf(weightShape(options, input[0]));
    return {
      parameters: weight + (options.bias ? options.outChannels : 0),
      multiplyAdds: (weight / options.outChannels) * sizeOf(output),
      innerActivations: paddedCopies(options, input),
    };
  },
  memory: { ...kernelScratch, packsWeights: true, fusedAs: 'start' },
  hasFilters: true,
  build: ({ outChannels, kernelSize, ...rest }, input, generator) => new Conv2d(input[0], outChannels, kernelSize, { ...rest, generator }),
  pytorch: ({ outChannels, kernelSize, ...rest }, [inChannels]) =>
    construct('nn.Conv2d', [inChannels, outChannels, kernelSize], changed(options, rest)),
  onnx({ input, node, weight, integers }, { kernelSize, stride, padding, dilation, groups, bias, paddingMode }, [, height, width]) {
    const kernel = bothSizes('conv2d: kernelSize', kernelSize, 1);
    const dilations = bothSizes('conv2d: dilation', dilation, 1);
    const [top, left, bottom, right] = sides(padding, kernel, dilations);
    const isZeros = paddingMode === 'zeros';
    // Gathers the rows and columns one by one, because this version of ONNX has no operator for all of the padding modes.
    const picked = (from: string, axis: number, length: number, before: number, after: number): string =>
      isZeros ? from : node('Gather', [from, integers(paddedPositions(paddingMode, length, before, after))], { axis });
    const padded = picked(picked(input, 2, height, top, bottom), 3, width, left, right);
    return node('Conv', [padded, weight('weight'), ...(bias ? [weight('bias')] : [])], {
      kernel_shape: kernel,
      strides: bothSizes('conv2d: stride', stride, 1),
      pads: isZeros ? [top, left, bottom, right] : [0, 0, 0, 0],
      dilations,
      group: groups,
    });
  },
});

type Pair = readonly [number, number];

/**
 * Returns how many values the padded copies have if the padding is not zeros: the copy with more columns, then the copy with more rows too.
 */
function paddedCopies({ kernelSize, padding, dilation, paddingMode }: Conv2dOptions, [channels, height, width]: Shape): number {
  if (paddingMode === 'zeros') return 0;
  const [top, left, bottom, right] = sides(
    padding,
    bothSizes('conv2d: kernelSize', kernelSize, 1),
    bothSizes('conv2d: dilation', dilation, 1),
  );
  const wide = width + left + right;
  return channels * wide * (height + (height + top + bottom));
}

/** Returns the padding at the top, left, bottom and right. */
function sides(padding: ConvPadding, kernel: Pair, dilation: Pair): readonly [number, number, number, number] {
  const [top, left] = convPadding(padding, kernel, dilation);
  if (padding !== 'same') return [top, left, top, left];
  return [top, left, dilation[0] * (kernel[0] - 1) - top, dilation[1] * (kernel[1] - 1) - left];
}

function weightShape({ outChannels, kernelSize, groups }: Conv2dOptions, inChannels: number): Shape {
  checkGroups(groups, inChannels, outChannels);
  return [outChannels, inChannels / groups, ...bothSizes('conv2d: kernelSize', kernelSize, 1)];
}

/**
 * Checks that the input is large enough for its padding. 'reflect' can mirror all rows and columns except the edge; 'circular' can repeat
 * all.
 * @throws ShapeError if the padding is too large
 */
function checkPaddingMode({ paddingMode }: Conv2dOptions, { padTop, padLeft, height, width }: ConvGeometry): void {
  if (paddingMode === 'zeros' || paddingMode === 'replicate') return;
  const less = paddingMode === 'reflect' ? 1 : 0;
  if (padTop <= height - less && padLeft <= width - less) return;
  throw new ShapeError(
    `paddingMode '${paddingMode}' allows a padding of at most ${height - less}×${width - less} for a ${height}×${width} input, got ${padTop}×${padLeft}`,
    'padding',
  );
}
