// The 2-D transposed convolution layer (torch.nn.ConvTranspose2d): options, module, shape rule, cost. The arithmetic is in
// ops/convTranspose2d.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { convTranspose2d as convolve, convTransposeGeometry } from '../../ops/convTranspose2d.ts';
import { bothSizes, type SizePair } from '../../ops/window.ts';
import { checkArguments } from '../../registry.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { initializeConvOrLinear, withGenerator } from '../init.ts';
import { Module, Parameter } from '../module.ts';
import { type Drawn, defineLayer, imageShape, sizePair } from './define.ts';
import { checkGroups, groupsOption } from './groups.ts';
import { kernelScratch } from './memory.ts';

const options = {
  outChannels: z.int().min(1).describe('The number of output channels'),
  kernelSize: sizePair(1).describe('Height and width of the kernel'),
  stride: sizePair(1).default(1).describe('Distance in the output between the positions of neighbouring input elements'),
  padding: sizePair(0).default(0).describe('The number of rows and columns removed from each side of the output'),
  outputPadding: sizePair(0)
    .default(0)
    .describe('The number of rows and columns added at the bottom and the right of the output. Must be less than stride or dilation'),
  groups: groupsOption,
  bias: z.boolean().default(true).describe('Whether a learned bias is added to each output channel'),
  dilation: sizePair(1).default(1).describe('Distance between neighbouring elements of the kernel in the output'),
};
const constructorArguments = z.strictObject({ inChannels: z.int().min(1), ...options });

type Options = z.output<z.ZodObject<typeof options>>;
export type ConvTranspose2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'inChannels' | 'outChannels' | 'kernelSize'> & Drawn;

/** Computes the transposed convolution with a learned weight [inChannels, outChannels/groups, kH, kW] and a learned bias [outChannels]. */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #outChannels: number;
  readonly #options: Record<'stride' | 'padding' | 'outputPadding' | 'dilation', readonly [number, number]> & { readonly groups: number };

  /**
   * @param kernelSize height and width: one number for both, or [height, width]
   * @param rest defaults: stride 1, padding 0, outputPadding 0, dilation 1, groups 1, bias true, the generator that manualSeed seeds
   * @throws ArgumentError if a size is out of range
   * @throws ShapeError if `groups` does not divide the number of input channels and the number of output channels
   */
  constructor(inChannels: number, outChannels: number, kernelSize: SizePair, rest: ConvTranspose2dLayerOptions = {}) {
    super();
    const { generator, given } = withGenerator('ConvTranspose2d', rest, 'stride');
    const checked = checkArguments('ConvTranspose2d', constructorArguments, { inChannels, outChannels, kernelSize }, given);
    this.#outChannels = outChannels;
    this.#options = {
      stride: bothSizes('ConvTranspose2d: stride', checked.stride, 1),
      padding: bothSizes('ConvTranspose2d: padding', checked.padding, 0),
      outputPadding: bothSizes('ConvTranspose2d: outputPadding', checked.outputPadding, 0),
      dilation: bothSizes('ConvTranspose2d: dilation', checked.dilation, 1),
      groups: checked.groups,
    };
    this.weight = Parameter.zeros(weightShape(checked, inChannels));
    this.bias = checked.bias ? Parameter.zeros([outChannels]) : null;
    // PyTorch computes the fan-in from the second dimension of the weight. In a transposed convolution this dimension is the output
    // channels, not the input channels. This code does the same.
    initializeConvOrLinear(this.weight.values, this.bias?.values ?? null, this.weight.size / inChannels, generator);
  }

  override forward(input: Tensor): Tensor {
    return convolve(input, this.weight, this.bias, this.#options);
  }

  override extraRepr(): string {
    const [inChannels, , kernelHeight, kernelWidth] = this.weight.shape;
    const { stride, padding, outputPadding, dilation, groups } = this.#options;
    let text = `${inChannels}, ${this.#outChannels}, kernel_size=(${kernelHeight}, ${kernelWidth}), stride=(${stride.join(', ')})`;
    if (padding.some((size) => size !== 0)) text += `, padding=(${padding.join(', ')})`;
    if (dilation.some((size) => size !== 1)) text += `, dilation=(${dilation.join(', ')})`;
    if (outputPadding.some((size) => size !== 0)) text += `, output_padding=(${outputPadding.join(', ')})`;
    if (groups !== 1) text += `, groups=${groups}`;
    if (this.bias === null) text += ', bias=False';
    return text;
  }
}

export const convTranspose2d = defineLayer({
  type: 'convTranspose2d',
  description:
    '2-D transposed convolution of [channels, height, width], which can enlarge height and width. The number of input channels is inferred from the input',
  options,
  outputShape(options, input) {
    const [channels, height, width] = imageShape('convTranspose2d', input);
    const geometry = convTransposeGeometry([1, channels, height, width], weightShape(options, channels), options);
    return [options.outChannels, geometry.height, geometry.width];
  },
  cost(options, input) {
    const weight = sizeOf(weightShape(options, input[0]));
    return {
      parameters: weight + (options.bias ? options.outChannels : 0),
      multiplyAdds: (weight / input[0]) * sizeOf(input),
    };
  },
  memory: kernelScratch,
  hasFilters: true,
  build: ({ outChannels, kernelSize, ...rest }, input, generator) =>
    new ConvTranspose2d(input[0], outChannels, kernelSize, { ...rest, generator }),
  pytorch: ({ outChannels, kernelSize, ...rest }, [inChannels]) =>
    construct('nn.ConvTranspose2d', [inChannels, outChannels, kernelSize], changed(options, rest)),
  onnx({ input, node, weight, integers }, { kernelSize, stride, padding, outputPadding, dilation, groups, bias, outChannels }) {
    const [top, left] = bothSizes('convTranspose2d: padding', padding, 0);
    const [more, wider] = bothSizes('convTranspose2d: outputPadding', outputPadding, 0);
    const strides = bothSizes('convTranspose2d: stride', stride, 1);
    const shared = {
      kernel_shape: bothSizes('convTranspose2d: kernelSize', kernelSize, 1),
      strides,
      dilations: bothSizes('convTranspose2d: dilation', dilation, 1),
      group: groups,
    };
    if (more < strides[0] && wider < strides[1]) {
      const operands = [input, weight('weight'), ...(bias ? [weight('bias')] : [])];
      return node('ConvTranspose', operands, { ...shared, pads: [top, left, top, left], output_padding: [more, wider] });
    }
    // Runtimes refuse an output_padding as large as the stride. So less is cut off at the end, and zeros are added if nothing is left to
    // cut off.
    const ends = [top - more, left - wider];
    const cut = ends.map((end) => Math.max(end, 0));
    const zeros = ends.map((end) => Math.max(-end, 0));
    const spread = node('ConvTranspose', [input, weight('weight')], { ...shared, pads: [top, left, ...cut] });
    const padded = node('Pad', [spread, integers([0, 0, 0, 0, 0, 0, ...zeros])]);
    return bias ? node('Add', [padded, weight('bias', [outChannels, 1, 1])]) : padded;
  },
});

function weightShape({ outChannels, kernelSize, groups }: Options, inChannels: number): Shape {
  checkGroups(groups, inChannels, outChannels);
  return [inChannels, outChannels / groups, ...bothSizes('convTranspose2d: kernelSize', kernelSize, 1)];
}
