// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW.
import { z } from 'zod';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { adamOptions } from './adam.ts';
import { constructOptimizer, defineOptimizer } from './define.ts';
import { type Corrections, type MomentBuffers, MomentOptimizer, setAdamFactors, type StepFactors } from './moments.ts';
import type { Optimizer, ParameterState } from './optimizer.ts';

const options = {
  ...adamOptions,
  weightDecay: z.number().min(0).default(0.01).describe('Each step multiplies the weights by 1 − learningRate · weightDecay'),
};

export type AdamWOptions = z.input<z.ZodObject<typeof options>>;

/** Computes p ← (1 − learningRate·weightDecay)·p, then Adam's step without weight decay. */
export class AdamW extends MomentOptimizer {
  /**
   * @param given defaults: learningRate 0.001, betas [0.9, 0.999], eps 1e-8, weightDecay 0.01, amsgrad false, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: AdamWOptions = {}) {
    super(parameters, { ...checkArguments('AdamW', adamW.classSchema, { type: 'adamW' }, given), decoupledWeightDecay: true });
  }

  protected override initialBuffers(size: number): MomentBuffers {
    return this.initialMoments(size);
  }

  protected override setFactors(to: StepFactors, _: ParameterState<MomentBuffers>, corrections: Corrections): void {
    setAdamFactors(to, this.learningRate, corrections);
  }
}

export const adamW = defineOptimizer({
  type: 'adamW',
  description: 'Adam with decoupled weight decay',
  options,
  stateArrays: ({ amsgrad }) => (amsgrad ? 3 : 2),
  build: (options, parameters): Optimizer => new AdamW(parameters, options),
  pytorch: (given) => constructOptimizer('optim.AdamW', options, given),
});
