// The 2-D max pooling layer (torch.nn.MaxPool2d): options, module, shape rule. The arithmetic is in ops/pool2d.ts.
import { changed, construct } from '../../construction.ts';
import { z } from 'zod';
import { maxPool2d as pool, poolGeometry } from '../../ops/pool2d.ts';
import { bothSizes, type SizePair } from '../../ops/window.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, imageShape, pythonSize, sizePair } from './define.ts';

const options = {
  kernelSize: sizePair(1).describe('Height and width of the window'),
  stride: sizePair(1).optional().describe('Distance between neighbouring windows. Default: kernelSize'),
  padding: sizePair(0)
    .default(0)
    .describe(
      'The number of elements added on each side. They are minus infinity, so they are never the maximum. At most half of kernelSize',
    ),
  dilation: sizePair(1).default(1).describe('Distance between neighbouring elements of a window'),
  ceilMode: z
    .boolean()
    .default(false)
    .describe('Rounds the output size up instead of down, so that the last window may extend beyond the padded input'),
};
const constructorArguments = z.strictObject(options);

export type MaxPool2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'kernelSize'>;

/** Computes the largest value of each window. */
export class MaxPool2d extends Module {
  /** The options of the constructor, with defaults filled in. */
  readonly options: z.output<typeof constructorArguments> & { readonly stride: SizePair };

  /**
   * @param kernelSize height and width of the window: one number for both, or [height, width]
   * @param rest defaults: stride = kernelSize, padding 0, dilation 1, ceilMode false
   * @throws ArgumentError for sizes out of range
   */
  constructor(kernelSize: SizePair, rest: MaxPool2dLayerOptions = {}) {
    super();
    const checked = checkArguments('MaxPool2d', constructorArguments, { kernelSize }, rest);
    this.options = { ...checked, stride: checked.stride ?? checked.kernelSize };
  }

  override forward(input: Tensor): Tensor {
    return pool(input, this.options.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this.options;
    const sizes = Object.entries({ kernel_size: kernelSize, stride, padding, dilation });
    const shown = sizes.map(([name, size]) => `${name}=${pythonSize(size)}`);
    return `${shown.join(', ')}, ceil_mode=${ceilMode ? 'True' : 'False'}`;
  }
}

export const maxPool2d = defineLayer({
  type: 'maxPool2d',
  description: 'Maximum over each window of [channels, height, width]',
  options,
  outputShape({ kernelSize, stride = kernelSize, ...rest }, input) {
    const [channels, height, width] = imageShape('maxPool2d', input);
    const geometry = poolGeometry([channels, height, width], kernelSize, { stride, ...rest });
    return [channels, geometry.outHeight, geometry.outWidth];
  },
  outputRange: (_options, input) => input,
  // The output counts twice, because the position of each maximum in the input is kept too.
  memory: { gradientReads: 'output', keptOutputs: 2, fusedAs: 'pooling' },
  build: ({ kernelSize, ...rest }) => new MaxPool2d(kernelSize, rest),
  pytorch: ({ kernelSize, ...rest }) => construct('nn.MaxPool2d', [kernelSize], changed(options, rest)),
  onnx({ input, node, constant, integers }, { kernelSize, stride = kernelSize, padding, dilation }, [, height, width], [, ...windows]) {
    const kernel = bothSizes('maxPool2d: kernelSize', kernelSize, 1);
    const strides = bothSizes('maxPool2d: stride', stride, 1);
    const dilations = bothSizes('maxPool2d: dilation', dilation, 1);
    const [top, left] = bothSizes('maxPool2d: padding', padding, 0);
    // The graph pads the elements that the last windows need beyond the end, because runtimes interpret ceil_mode differently.
    const reach = (axis: 0 | 1): number => (windows[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1;
    const [bottom, right] = [reach(0) - height - 2 * top, reach(1) - width - 2 * left].map((more) => Math.max(0, more));
    const pads = integers([0, 0, 0, 0, 0, 0, bottom, right]);
    const padded = bottom + right === 0 ? input : node('Pad', [input, pads, constant(-Infinity, [])]);
    return node('MaxPool', [padded], { kernel_shape: kernel, strides, dilations, pads: [top, left, top, left] });
  },
});
