// The optimizer Adam (Kingma and Ba 2015) and its AMSGrad variant (Reddi et al. 2018), as torch.optim.Adam.
import { z } from 'zod';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, betas, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { type Corrections, type MomentBuffers, MomentOptimizer, setAdamFactors, type StepFactors } from './moments.ts';
import type { Optimizer, ParameterState } from './optimizer.ts';

const amsgrad = z
  .boolean()
  .default(false)
  .describe('Divides by the largest running mean of the squared gradient so far, instead of the current one (AMSGrad)');

/** The options of Adam. AdamW has the same ones, with another weight decay. */
export const adamOptions = { learningRate: learningRate(1e-3), maximize, betas, eps: eps(1e-8), weightDecay, amsgrad };

export type AdamOptions = z.input<z.ZodObject<typeof adamOptions>>;

/** Computes p ← p − learningRate · m̂ / (√v̂ + eps). m̂ and v̂ are the running means of g and g², corrected for their start at 0. */
export class Adam extends MomentOptimizer {
  /**
   * @param given defaults: learningRate 0.001, betas [0.9, 0.999], eps 1e-8, weightDecay 0, amsgrad false, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: AdamOptions = {}) {
    super(parameters, { ...checkArguments('Adam', adam.classSchema, { type: 'adam' }, given), decoupledWeightDecay: false });
  }

  protected override initialBuffers(size: number): MomentBuffers {
    return this.initialMoments(size);
  }

  protected override setFactors(to: StepFactors, _: ParameterState<MomentBuffers>, corrections: Corrections): void {
    setAdamFactors(to, this.learningRate, corrections);
  }
}

export const adam = defineOptimizer({
  type: 'adam',
  description: 'Adam: each step is the running mean of the gradient, divided by the root of the running mean of its square',
  options: adamOptions,
  stateArrays: ({ amsgrad }) => (amsgrad ? 3 : 2),
  build: (options, parameters): Optimizer => new Adam(parameters, options),
  pytorch: (given) => constructOptimizer('optim.Adam', adamOptions, given),
});
