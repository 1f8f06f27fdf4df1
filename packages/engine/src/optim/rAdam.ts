// Adam that takes adaptive steps only when its running mean of g² is reliable enough (Liu et al. 2020), as torch.optim.RAdam.
import type { z } from 'zod';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, betas, decoupledWeightDecay, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { LastPower } from './lastPower.ts';
import { type Corrections, type MomentBuffers, MomentOptimizer, type StepFactors } from './moments.ts';
import type { Optimizer, ParameterState } from './optimizer.ts';

const options = { learningRate: learningRate(1e-3), maximize, betas, eps: eps(1e-8), weightDecay, decoupledWeightDecay };

export type RAdamOptions = z.input<z.ZodObject<typeof options>>;

/**
 * Takes plain momentum steps while the variance of the adaptive step is unknown (ρ ≤ 5). After that, takes Adam's step times a
 * rectification factor.
 */
export class RAdam extends MomentOptimizer {
  readonly #power = new LastPower();

  /**
   * @param given defaults: learningRate 0.001, betas [0.9, 0.999], eps 1e-8, weightDecay 0, decoupledWeightDecay false, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: RAdamOptions = {}) {
    super(parameters, { ...checkArguments('RAdam', rAdam.classSchema, { type: 'rAdam' }, given), amsgrad: false });
  }

  protected override initialBuffers(size: number): MomentBuffers {
    return this.initialMoments(size);
  }

  protected override setFactors(
    to: StepFactors,
    { step }: ParameterState<MomentBuffers>,
    { first, second }: Corrections,
    beta2: number,
  ): void {
    const meanFactor = this.learningRate / first;
    const longest = 2 / (1 - beta2) - 1;
    const length = longest - (2 * step * this.#power.of(beta2, step)) / second;
    to.gradientFactor = 0;
    to.meanFactor = meanFactor;
    to.rootCorrection = null;
    if (length <= 5) return;
    const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
    // PyTorch adds eps to the root before the root is corrected. So the correction is a factor of the step here.
    to.meanFactor = meanFactor * rectification * Math.sqrt(second);
    to.rootCorrection = 1;
  }
}

export const rAdam = defineOptimizer({
  type: 'rAdam',
  description: 'RAdam: Adam whose first steps are corrected, because its running means are not yet reliable',
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new RAdam(parameters, options),
  pytorch: (given) => constructOptimizer('optim.RAdam', options, given),
});
