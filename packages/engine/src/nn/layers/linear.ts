// The fully connected layer (torch.nn.Linear): options, module, shape rule, cost. The arithmetic is in ops/matmul.ts.
import { changed, construct } from '../../construction.ts';
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { linearRelu } from '../../ops/fused.ts';
import { linear as applyLinear } from '../../ops/matmul.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { initializeConvOrLinear, withGenerator } from '../init.ts';
import { Module, Parameter } from '../module.ts';
import { type Drawn, defineLayer } from './define.ts';
import { kernelScratch } from './memory.ts';

const options = {
  outFeatures: z.int().min(1).describe('The number of output features'),
  bias: z.boolean().default(true).describe('Whether a learned bias is added to each output feature'),
};
const constructorArguments = z.strictObject({ inFeatures: z.int().min(1), ...options });

export type LinearLayerOptions = Omit<z.input<typeof constructorArguments>, 'inFeatures' | 'outFeatures'> & Drawn;

/**
 * Computes x · weightᵀ + bias over the last dimension, with a learned weight [outFeatures, inFeatures] and a learned bias [outFeatures].
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /** @param rest defaults: bias true, the generator that manualSeed seeds @throws ArgumentError for sizes out of range */
  constructor(inFeatures: number, outFeatures: number, rest: LinearLayerOptions = {}) {
    super();
    const { generator, given } = withGenerator('Linear', rest, 'bias');
    const { bias } = checkArguments('Linear', constructorArguments, { inFeatures, outFeatures }, given);
    this.weight = Parameter.zeros([outFeatures, inFeatures]);
    this.bias = bias ? Parameter.zeros([outFeatures]) : null;
    initializeConvOrLinear(this.weight.values, this.bias?.values ?? null, inFeatures, generator);
  }

  override forward(input: Tensor): Tensor {
    return applyLinear(input, this.weight, this.bias);
  }

  /** Computes relu of the layer's result, as one operation. */
  forwardRelu(input: Tensor): Tensor {
    return linearRelu(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    const [outFeatures, inFeatures] = this.weight.shape;
    return `in_features=${inFeatures}, out_features=${outFeatures}, bias=${this.bias === null ? 'False' : 'True'}`;
  }
}

export const linear = defineLayer({
  type: 'linear',
  description: 'Fully connected layer for inputs [features]. The number of input features is inferred from the input',
  options,
  outputShape(options, input) {
    features(input);
    return [options.outFeatures];
  },
  cost(options, input) {
    const weight = features(input) * options.outFeatures;
    return { parameters: weight + (options.bias ? options.outFeatures : 0), multiplyAdds: weight };
  },
  memory: { ...kernelScratch, fusedAs: 'start' },
  build: ({ outFeatures, ...rest }, input, generator) => new Linear(features(input), outFeatures, { ...rest, generator }),
  pytorch: ({ outFeatures, ...rest }, input) => construct('nn.Linear', [features(input), outFeatures], changed(options, rest)),
  onnx: ({ input, node, weight }, { bias }) => node('Gemm', [input, weight('weight'), ...(bias ? [weight('bias')] : [])], { transB: 1 }),
});

/**
 * Returns the number of features of a sample.
 * @throws ShapeError unless a sample has one dimension. For more dimensions, the layer would compute over the last one only, which is
 * hardly ever wanted.
 */
function features(input: Shape): number {
  if (input.length !== 1) {
    const remedy =
      input.length === 0 ? 'give the data at least one dimension' : `put a flatten layer before it, which gives [${sizeOf(input)}]`;
    throw new ShapeError(`linear needs an input [features], got ${formatShape(input)}: ${remedy}`);
  }
  return input[0];
}
