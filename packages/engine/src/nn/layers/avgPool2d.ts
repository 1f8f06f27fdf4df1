// The 2-D average pooling layer (torch.nn.AvgPool2d): options, module, shape rule. The arithmetic is in ops/averagePool2d.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { avgPool2d as pool, avgPoolMap, avgPoolSize } from '../../ops/averagePool2d.ts';
import type { SizePair } from '../../ops/window.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, imageShape, pythonSize, sizePair } from './define.ts';
import { onnxPlaneMap } from './onnxPlaneMap.ts';

const options = {
  kernelSize: sizePair(1).describe('Height and width of the window'),
  stride: sizePair(1).optional().describe('Distance between neighbouring windows. Default: kernelSize'),
  padding: sizePair(0).default(0).describe('The number of zeros added on each side. At most half of kernelSize'),
  ceilMode: z
    .boolean()
    .default(false)
    .describe('Rounds the output size up instead of down, so that the last window may extend beyond the padded input'),
  countIncludePad: z.boolean().default(true).describe('Whether padding counts as elements in the mean'),
  divisorOverride: z.int().min(1).optional().describe('The divisor of the mean, instead of the number of elements in the window'),
};
const constructorArguments = z.strictObject(options);

export type AvgPool2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'kernelSize'>;

/** Computes the mean of each window. */
export class AvgPool2d extends Module {
  readonly #options: z.output<typeof constructorArguments> & { readonly stride: SizePair };

  /**
   * @param kernelSize height and width of the window: one number for both, or [height, width]
   * @param rest defaults: stride = kernelSize, padding 0, ceilMode false, countIncludePad true, no divisorOverride
   * @throws ArgumentError for sizes out of range
   */
  constructor(kernelSize: SizePair, rest: AvgPool2dLayerOptions = {}) {
    super();
    const checked = checkArguments('AvgPool2d', constructorArguments, { kernelSize }, rest);
    this.#options = { ...checked, stride: checked.stride ?? checked.kernelSize };
  }

  override forward(input: Tensor): Tensor {
    return pool(input, this.#options.kernelSize, this.#options);
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this.#options;
    return `kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, padding=${pythonSize(padding)}`;
  }
}

export const avgPool2d = defineLayer({
  type: 'avgPool2d',
  description: 'Mean over each window of [channels, height, width]',
  options,
  outputShape({ kernelSize, ...rest }, input) {
    const [channels, height, width] = imageShape('avgPool2d', input);
    return [channels, ...avgPoolSize([height, width], kernelSize, rest)];
  },
  // The mean may include zeros from the padding. With another divisor, the result may be larger than any input value.
  outputRange: ({ divisorOverride }, { min, max }) =>
    divisorOverride === undefined
      ? { min: Math.min(min, 0), max: Math.max(max, 0) }
      : { min: min < 0 ? -Infinity : 0, max: max > 0 ? Infinity : 0 },
  memory: { gradientReads: 'nothing' },
  build: ({ kernelSize, ...rest }) => new AvgPool2d(kernelSize, rest),
  pytorch: ({ kernelSize, ...rest }) => construct('nn.AvgPool2d', [kernelSize], changed(options, rest)),
  onnx: (scope, { kernelSize, ...rest }, [, height, width]) =>
    onnxPlaneMap(scope, avgPoolMap([height, width], kernelSize, rest), [height, width]),
});
