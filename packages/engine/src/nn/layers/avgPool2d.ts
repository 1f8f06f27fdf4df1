// The 2-D average pooling layer (torch.nn.AvgPool2d): options, module, shape rule. The arithmetic is ops/averagePool2d.ts.
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
  stride: sizePair(1).optional().describe('Step of the window; the default is its size'),
  padding: sizePair(0).default(0).describe('Zeros added on each side; at most half the window'),
  ceilMode: z.boolean().default(false).describe('Also windows that reach beyond the end'),
  countIncludePad: z.boolean().default(true).describe('Counts the padding in the number of elements to divide by'),
  divisorOverride: z.int().min(1).optional().describe("What to divide by instead of the window's size"),
};
const constructorArguments = z.strictObject(options);

export type AvgPool2dLayerOptions = Omit<z.input<typeof constructorArguments>, 'kernelSize'>;

/** The mean of each window. */
export class AvgPool2d extends Module {
  readonly #options: z.output<typeof constructorArguments> & { readonly stride: SizePair };

  /**
   * @param kernelSize height and width of the window, once for both or twice.
   * @param rest stride = kernelSize, padding 0, ceilMode false, countIncludePad true, no divisorOverride.
   * @throws ArgumentError for sizes that make no sense.
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
  // Padding brings zeros in; another divisor can make more of the values.
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
