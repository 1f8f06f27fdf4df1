// The layer of average pooling to a given output size (torch.nn.AdaptiveAvgPool2d): options, module, shape rule. The arithmetic is in
// ops/averagePool2d.ts.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { type AdaptiveSize, adaptiveAvgPool2d as pool, adaptiveMap, adaptiveSize } from '../../ops/averagePool2d.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, imageShape } from './define.ts';
import { onnxPlaneMap } from './onnxPlaneMap.ts';

const size = z.int().min(1);
const side = size.nullable();
const options = {
  outputSize: z
    .union([size, z.tuple([side, side])])
    .describe('Height and width of the output: one number for both, or [height, width]. null keeps the size of the input'),
};
const constructorArguments = z.strictObject(options);

/** Computes the mean of each window. The windows are spread evenly over the input, one for each element of the output. */
export class AdaptiveAvgPool2d extends Module {
  readonly #outputSize: AdaptiveSize;

  /**
   * @param outputSize one number for height and width, or [height, width]. null keeps the input's size.
   * @throws ArgumentError for sizes below 1
   */
  constructor(outputSize: AdaptiveSize) {
    super();
    this.#outputSize = checkArguments('AdaptiveAvgPool2d', constructorArguments, { outputSize: mutable(outputSize) }, {}).outputSize;
  }

  override forward(input: Tensor): Tensor {
    return pool(input, this.#outputSize);
  }

  override extraRepr(): string {
    const shown =
      typeof this.#outputSize === 'number' ? this.#outputSize : `(${this.#outputSize.map((value) => value ?? 'None').join(', ')})`;
    return `output_size=${shown}`;
  }
}

const mutable = (outputSize: AdaptiveSize): number | [number | null, number | null] =>
  typeof outputSize === 'number' ? outputSize : [...outputSize];

export const adaptiveAvgPool2d = defineLayer({
  type: 'adaptiveAvgPool2d',
  description: 'Average pooling of [channels, height, width] to a given height and width',
  options,
  outputShape({ outputSize }, input) {
    const [channels, height, width] = imageShape('adaptiveAvgPool2d', input);
    return [channels, ...adaptiveSize([height, width], outputSize)];
  },
  outputRange: (_options, input) => input,
  memory: { gradientReads: 'nothing' },
  build: ({ outputSize }) => new AdaptiveAvgPool2d(outputSize),
  pytorch: ({ outputSize }) => construct('nn.AdaptiveAvgPool2d', [outputSize]),
  onnx: (scope, { outputSize }, [, height, width], [, ...output]) =>
    output.every((size) => size === 1)
      ? scope.node('GlobalAveragePool', [scope.input])
      : onnxPlaneMap(scope, adaptiveMap([height, width], outputSize), [height, width]),
});
