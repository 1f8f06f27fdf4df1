// The layer normalisation layer (torch.nn.LayerNorm): options, module, shape rule, cost. The arithmetic is in ops/rowNorm.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { ShapeError } from '../../errors.ts';
import { layerNorm as normalize } from '../../ops/rowNorm.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { keepingFewProblems } from '../../validation.ts';
import { constant, Module, type Parameter } from '../module.ts';
import { pythonScientific } from './batchNorm.ts';
import { defineLayer } from './define.ts';
import { rowStatistics, VALUES_PER_ROW } from './memory.ts';

const sizes = z.union([z.int().min(1), keepingFewProblems(z.array(z.int().min(1)).min(1))]);
const common = {
  eps: z.number().min(0).default(1e-5).describe('Added to the variance to avoid a division by zero'),
  elementwiseAffine: z.boolean().default(true).describe('Whether a scale per element is learned'),
  bias: z.boolean().default(true).describe('Whether a shift per element is learned too. Ignored if elementwiseAffine is false'),
};
const options = {
  normalizedShape: sizes
    .optional()
    .describe('The sizes of the last dimensions, over which a sample is normalised. Default: all dimensions of a sample'),
  ...common,
};
const constructorArguments = z.strictObject({ normalizedShape: sizes, ...common });

export type LayerNormLayerOptions = Omit<z.input<typeof constructorArguments>, 'normalizedShape'>;

const listOf = (shape: number | readonly number[]): Shape => (typeof shape === 'number' ? [shape] : shape);

/** Normalises each sample over its last dimensions, with a learned weight and bias of the same shape. */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #shape: Shape;
  readonly #eps: number;

  /** @param rest defaults: eps 1e-5, elementwiseAffine true, bias true @throws ArgumentError for options out of range */
  constructor(normalizedShape: number | readonly number[], rest: LayerNormLayerOptions = {}) {
    super();
    const checked = checkArguments('LayerNorm', constructorArguments, { normalizedShape: [...listOf(normalizedShape)] }, rest);
    this.#shape = listOf(checked.normalizedShape);
    this.#eps = checked.eps;
    this.weight = checked.elementwiseAffine ? constant(this.#shape, 1) : null;
    this.bias = checked.elementwiseAffine && checked.bias ? constant(this.#shape, 0) : null;
  }

  override forward(input: Tensor): Tensor {
    return normalize(input, this.#shape, this.weight, this.bias, this.#eps);
  }

  override extraRepr(): string {
    const shape = `(${this.#shape.join(', ')}${this.#shape.length === 1 ? ',' : ''})`;
    return `${shape}, eps=${pythonScientific(this.#eps)}, elementwise_affine=${this.weight === null ? 'False' : 'True'}`;
  }
}

export const layerNorm = defineLayer({
  type: 'layerNorm',
  description: 'Normalises each sample over its last dimensions. Default: over all its dimensions',
  options,
  outputShape({ normalizedShape }, input) {
    const shape = listOf(normalizedShape ?? input);
    if (shape.length === 0 || !sameShape(input.slice(-shape.length), shape)) {
      throw new ShapeError(
        `normalizedShape ${formatShape(shape)} does not match the last dimensions of the input ${formatShape(input)}: omit it to normalise over all dimensions`,
        'normalizedShape',
      );
    }
    return input;
  },
  cost({ normalizedShape, elementwiseAffine, bias }, input) {
    const size = sizeOf(listOf(normalizedShape ?? input));
    const rows = sizeOf(input) / size;
    return {
      parameters: elementwiseAffine ? size * (bias ? 2 : 1) : 0,
      multiplyAdds: sizeOf(input),
      innerActivations: VALUES_PER_ROW * rows,
    };
  },
  memory: rowStatistics,
  build: ({ normalizedShape, ...rest }, input) => new LayerNorm(normalizedShape ?? input, rest),
  pytorch: ({ normalizedShape, ...rest }, input) => construct('nn.LayerNorm', [normalizedShape ?? input], changed(common, rest)),
  onnx({ input, node, weight, constant }, { normalizedShape, eps, elementwiseAffine, bias }, shape) {
    const normalized = listOf(normalizedShape ?? shape);
    const scale = elementwiseAffine ? weight('weight') : constant(1, normalized);
    const shift = elementwiseAffine && bias ? [weight('bias')] : [];
    return node('LayerNormalization', [input, scale, ...shift], { axis: -normalized.length, epsilon: { float: eps } });
  },
});
