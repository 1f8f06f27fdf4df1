// Adam that waits with its adaptive steps until the mean square can be trusted (Liu et al. 2020), as torch.optim.RAdam.
import type { z } from 'zod';
import { pow } from '../math.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, betas, decoupledWeightDecay, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { type MomentBuffers, MomentOptimizer, type StepFactors } from './moments.ts';
import type { Optimizer, ParameterState } from './optimizer.ts';

const options = { learningRate: learningRate(1e-3), maximize, betas, eps: eps(1e-8), weightDecay, decoupledWeightDecay };

export type RAdamOptions = z.input<z.ZodObject<typeof options>>;

/** Plain momentum while the variance of the mean square is unknown (ρ ≤ 5), then Adam's step times a rectification. */
export class RAdam extends MomentOptimizer {
  /**
   * @param given learningRate 0.001, betas [0.9, 0.999], eps 1e-8, weightDecay 0, decoupledWeightDecay false, maximize false.
   * @throws ArgumentError for options out of range.
   */
  constructor(parameters: Iterable<Tensor>, given: RAdamOptions = {}) {
    super(parameters, { ...checkArguments('RAdam', rAdam.schema, { type: 'rAdam', ...given }), amsgrad: false });
  }

  protected override initialBuffers(size: number): MomentBuffers {
    return this.initialMoments(size);
  }

  protected override factors(
    { step }: ParameterState<MomentBuffers>,
    { first, second }: { first: number; second: number },
    beta2: number,
  ): StepFactors {
    const meanFactor = this.learningRate / first;
    const longest = 2 / (1 - beta2) - 1;
    const length = longest - (2 * step * pow(beta2, step)) / second;
    if (length <= 5) return { meanFactor, gradientFactor: 0, rootCorrection: null };
    const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
    // PyTorch adds eps to the root before it is corrected, so the correction is a factor here.
    return { meanFactor: meanFactor * rectification * Math.sqrt(second), gradientFactor: 0, rootCorrection: 1 };
  }
}

export const rAdam = defineOptimizer({
  type: 'rAdam',
  description: 'Adam whose steps are rectified while its mean square is young',
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new RAdam(parameters, options),
  pytorch: (given) => constructOptimizer('optim.RAdam', options, given),
});
