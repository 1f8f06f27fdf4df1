// The resizing layer (torch.nn.Upsample): options, module, shape rule. The arithmetic is in ops/upsample.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { checkUpsample, upsampleModes, upsample as resize, upsampleMap, upsampleSize } from '../../ops/upsample.ts';
import { anyValue } from '../../range.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, imageShape, pythonFloat, pythonSize, sizePair } from './define.ts';
import { onnxPlaneMap } from './onnxPlaneMap.ts';

const factor = z.number().positive();
const options = {
  size: sizePair(1).optional().describe('Height and width of the output. Give either size or scaleFactor'),
  scaleFactor: z
    .union([factor, z.tuple([factor, factor])])
    .optional()
    .describe('The output size divided by the input size: one number for both sides, or [height, width]. The output size is rounded down'),
  mode: z.enum(upsampleModes).default('nearest').describe('How a pixel is computed from its neighbours'),
  alignCorners: z
    .boolean()
    .default(false)
    .describe("Whether the centres of the corner pixels stay at the same place. Only for 'bilinear' and 'bicubic'"),
};
const constructorArguments = z.strictObject(options);

export type UpsampleLayerOptions = z.input<typeof constructorArguments>;

/** Resizes the height and the width of images. */
export class Upsample extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /**
   * @param given size or scaleFactor. Defaults: mode 'nearest', alignCorners false
   * @throws ArgumentError if an option is out of range
   * @throws ShapeError if two options contradict each other
   */
  constructor(given: UpsampleLayerOptions) {
    super();
    this.#options = checkArguments('Upsample', constructorArguments, {}, given);
    checkUpsample(this.#options);
  }

  override forward(input: Tensor): Tensor {
    return resize(input, this.#options);
  }

  override extraRepr(): string {
    const { size, scaleFactor = 1, mode } = this.#options;
    const factors = typeof scaleFactor === 'number' ? pythonFloat(scaleFactor) : `(${scaleFactor.map(pythonFloat).join(', ')})`;
    return `${size === undefined ? `scale_factor=${factors}` : `size=${pythonSize(size)}`}, mode='${mode}'`;
  }
}

export const upsample = defineLayer({
  type: 'upsample',
  description: 'Resizes the height and width of [channels, height, width]',
  options,
  outputShape(options, input) {
    const [channels, height, width] = imageShape('upsample', input);
    return [channels, ...upsampleSize([height, width], options)];
  },
  // Bicubic interpolation can give values outside of the input's range.
  outputRange: ({ mode }, input) => (mode === 'bicubic' ? anyValue : input),
  memory: { gradientReads: 'nothing' },
  build: (options) => new Upsample(options),
  onnx: (scope, options, [, height, width]) => onnxPlaneMap(scope, upsampleMap([height, width], options), [height, width]),
  pytorch: (given) => construct('nn.Upsample', [], changed(options, given)),
});
