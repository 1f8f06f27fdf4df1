// What Adam and its kin share: running means of the gradient and of its square, and one kernel for them. Each of them says
// how the two become a step.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import type { AdamStep } from '../backend/optimizerKernels.ts';
import { pow } from '../math.ts';
import type { Tensor } from '../tensor.ts';
import { Optimizer, type OptimizerOptions, type ParameterState } from './optimizer.ts';

export interface MomentOptions extends OptimizerOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly amsgrad: boolean;
  /** Weights are shrunk themselves (Loshchilov and Hutter 2019), not by way of the gradient. */
  readonly decoupledWeightDecay: boolean;
}

export type MomentBuffers = {
  expAvg: FloatArray;
  expAvgSq: FloatArray;
  maxExpAvgSq: FloatArray | null;
};

/** How the means of one parameter become its step. */
export type StepFactors = Pick<AdamStep, 'meanFactor' | 'gradientFactor' | 'rootCorrection'>;

export abstract class MomentOptimizer<Kept extends MomentBuffers = MomentBuffers> extends Optimizer<Kept> {
  override momentum: number;
  readonly #options: MomentOptions;

  constructor(parameters: Iterable<Tensor>, options: MomentOptions) {
    super(parameters, options);
    this.#options = options;
    this.momentum = options.betas[0];
  }

  protected initialMoments(size: number): MomentBuffers {
    return {
      expAvg: backend().allocatePersistent(size),
      expAvgSq: backend().allocatePersistent(size),
      maxExpAvgSq: this.#options.amsgrad ? backend().allocatePersistent(size) : null,
    };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, state: ParameterState<Kept>): void {
    const { betas, eps, weightDecay, decoupledWeightDecay } = this.#options;
    const [beta1, beta2] = [this.momentum, betas[1]];
    const isShrunk = decoupledWeightDecay && weightDecay !== 0;
    if (isShrunk) backend().binaryScalar('mul', parameter, 1 - this.learningRate * weightDecay, parameter);
    const corrections = { first: 1 - pow(beta1, state.step), second: 1 - pow(beta2, state.step) };
    const { expAvg, expAvgSq, maxExpAvgSq } = state.buffers;
    backend().adam(parameter, grad, expAvg, expAvgSq, maxExpAvgSq, {
      beta1,
      beta2,
      eps,
      weightDecay: isShrunk ? 0 : weightDecay,
      ...this.factors(state, corrections, beta2),
    });
  }

  /** @param corrections 1 − betaᵗ of both means: what they lack for having started at 0. */
  protected abstract factors(
    state: ParameterState<Kept>,
    corrections: { readonly first: number; readonly second: number },
    beta2: number,
  ): StepFactors;
}
