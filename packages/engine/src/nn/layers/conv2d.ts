// The 2-D convolution layer (torch.nn.Conv2d): options, module, shape rule, cost. The arithmetic is ops/conv2d.ts.
import { changed, construct } from '../../construction.ts';
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { convGeometry, conv2d as convolve } from '../../ops/conv2d.ts';
import { bothSizes, type SizePair } from '../../ops/window.ts';
import { defaultGenerator } from '../../random.ts';
import { checkArguments } from '../../registry.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { initializeConvOrLinear } from '../init.ts';
import { Module, Parameter } from '../module.ts';
import { type Drawn, defineLayer, imageShape, sizePair } from './define.ts';

const options = {
  outChannels: z.int().min(1).describe('Output channels'),
  kernelSize: sizePair(1).describe('Height and width of the kernel'),
  stride: sizePair(1).default(1).describe('Step of the kernel'),
  padding: sizePair(0).default(0).describe('Zeros added on each side'),
  dilation: sizePair(1).default(1).describe("Distance between the kernel's taps"),
  groups: z.int().min(1).default(1).describe('Blocks of channels that do not see each other'),
  bias: z.boolean().default(true).describe('Adds a learned bias per output channel'),
};
const constructorArguments = z.strictObject({ inChannels: z.int().min(1), ...options });

type Conv2dOptions = z.output<z.ZodObject<typeof options>>;
export type Conv2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'inChannels' | 'outChannels' | 'kernelSize'> & Drawn;

/** Convolution with learned weight [outChannels, inChannels/groups, kH, kW] and bias [outChannels]. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #inChannels: number;
  readonly #options: Record<'stride' | 'padding' | 'dilation', readonly [number, number]> & { readonly groups: number };

  /**
   * @param kernelSize height and width, once for both or twice.
   * @param rest stride 1, padding 0, dilation 1, groups 1, bias true; the generator that manualSeed seeds.
   * @throws ArgumentError for sizes that make no sense, ShapeError for groups that do not divide both channels.
   */
  constructor(inChannels: number, outChannels: number, kernelSize: SizePair, rest: Conv2dLayerOptions = {}) {
    super();
    const { generator = defaultGenerator(), ...given } = rest;
    const checked = checkArguments('Conv2d', constructorArguments, { inChannels, outChannels, kernelSize, ...given });
    this.#inChannels = inChannels;
    this.#options = {
      stride: bothSizes('Conv2d: stride', checked.stride, 1),
      padding: bothSizes('Conv2d: padding', checked.padding, 0),
      dilation: bothSizes('Conv2d: dilation', checked.dilation, 1),
      groups: checked.groups,
    };
    this.weight = Parameter.zeros(weightShape(checked, inChannels));
    this.bias = checked.bias ? Parameter.zeros([outChannels]) : null;
    initializeConvOrLinear(this.weight.values, this.bias?.values ?? null, this.weight.size / outChannels, generator);
  }

  override forward(input: Tensor): Tensor {
    return convolve(input, this.weight, this.bias, this.#options);
  }

  override extraRepr(): string {
    const [outChannels, , kernelHeight, kernelWidth] = this.weight.shape;
    const { stride, padding, dilation, groups } = this.#options;
    let text = `${this.#inChannels}, ${outChannels}, kernel_size=(${kernelHeight}, ${kernelWidth}), stride=(${stride.join(', ')})`;
    if (padding.some((size) => size !== 0)) text += `, padding=(${padding.join(', ')})`;
    if (dilation.some((size) => size !== 1)) text += `, dilation=(${dilation.join(', ')})`;
    if (groups !== 1) text += `, groups=${groups}`;
    if (this.bias === null) text += ', bias=False';
    return text;
  }
}

export const conv2d = defineLayer({
  type: 'conv2d',
  description: '2-D convolution over [channels, height, width]; input channels are inferred',
  options,
  outputShape(options, input) {
    const [channels, height, width] = imageShape('conv2d', input);
    const geometry = convGeometry([1, channels, height, width], weightShape(options, channels), options);
    return [geometry.outChannels, geometry.outHeight, geometry.outWidth];
  },
  cost(options, input, output) {
    const weight = sizeOf(weightShape(options, input[0]));
    return {
      parameters: weight + (options.bias ? options.outChannels : 0),
      multiplyAdds: (weight / options.outChannels) * sizeOf(output),
    };
  },
  build: ({ outChannels, kernelSize, ...rest }, input, generator) => new Conv2d(input[0], outChannels, kernelSize, { ...rest, generator }),
  pytorch: ({ outChannels, kernelSize, ...rest }, [inChannels]) =>
    construct('nn.Conv2d', [inChannels, outChannels, kernelSize], changed(options, rest)),
  onnx({ input, node, weight }, { kernelSize, stride, padding, dilation, groups, bias }) {
    const [top, left] = bothSizes('conv2d: padding', padding, 0);
    return node('Conv', [input, weight('weight'), ...(bias ? [weight('bias')] : [])], {
      kernel_shape: bothSizes('conv2d: kernelSize', kernelSize, 1),
      strides: bothSizes('conv2d: stride', stride, 1),
      pads: [top, left, top, left],
      dilations: bothSizes('conv2d: dilation', dilation, 1),
      group: groups,
    });
  },
});

function weightShape({ outChannels, kernelSize, groups }: Conv2dOptions, inChannels: number): Shape {
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ShapeError(`groups ${groups} must divide both the ${inChannels} input and the ${outChannels} output channels`, 'groups');
  }
  return [outChannels, inChannels / groups, ...bothSizes('conv2d: kernelSize', kernelSize, 1)];
}
