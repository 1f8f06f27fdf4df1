// The common part of Adam and related optimizers: the running means of the gradient and of its square, and their kernel. Each subclass
// computes the factors that turn the two means into a step.
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import type { AdamStep } from '../backend/optimizerKernels.ts';
import type { Tensor } from '../tensor.ts';
import { LastPower } from './lastPower.ts';
import { Optimizer, type OptimizerOptions, type ParameterState } from './optimizer.ts';

export interface MomentOptions extends OptimizerOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly amsgrad: boolean;
  /** Whether weight decay multiplies the weights (Loshchilov and Hutter 2019). If false, it is added to the gradient. */
  readonly decoupledWeightDecay: boolean;
}

export type MomentBuffers = {
  expAvg: FloatArray;
  expAvgSq: FloatArray;
  maxExpAvgSq: FloatArray | null;
};

type Written<Step> = { -readonly [Field in keyof Step]: Step[Field] };

/** The factors that turn the two means of a parameter into its step. */
export type StepFactors = Written<Pick<AdamStep, 'meanFactor' | 'gradientFactor' | 'rootCorrection'>>;

/** 1 − betaᵗ for both means. It corrects the bias that the means have because they start at 0. */
export interface Corrections {
  readonly first: number;
  readonly second: number;
}

/** Sets the factors of Adam's step. */
export function setAdamFactors(to: StepFactors, learningRate: number, { first, second }: Corrections): void {
  to.meanFactor = learningRate / first;
  to.gradientFactor = 0;
  to.rootCorrection = Math.sqrt(second);
}

export abstract class MomentOptimizer<Kept extends MomentBuffers = MomentBuffers> extends Optimizer<Kept> {
  override momentum: number;
  readonly #options: MomentOptions;
  readonly #first = new LastPower();
  readonly #second = new LastPower();
  /** The kernel's options. They and the corrections are set again for each parameter, so that a step creates no objects. */
  readonly #kernelOptions: Written<AdamStep>;
  readonly #corrections: Written<Corrections> = { first: 0, second: 0 };

  constructor(parameters: Iterable<Tensor>, options: MomentOptions) {
    super(parameters, options);
    this.#options = options;
    this.momentum = options.betas[0];
    const { eps, weightDecay } = options;
    this.#kernelOptions = { beta1: 0, beta2: options.betas[1], eps, weightDecay, meanFactor: 0, gradientFactor: 0, rootCorrection: null };
  }

  protected initialMoments(size: number): MomentBuffers {
    return {
      expAvg: backend().allocatePersistent(size),
      expAvgSq: backend().allocatePersistent(size),
      maxExpAvgSq: this.#options.amsgrad ? backend().allocatePersistent(size) : null,
    };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, state: ParameterState<Kept>): void {
    const { betas, weightDecay, decoupledWeightDecay } = this.#options;
    const isShrunk = decoupledWeightDecay && weightDecay !== 0;
    if (isShrunk) backend().binaryScalar('mul', parameter, 1 - this.learningRate * weightDecay, parameter);
    this.#corrections.first = 1 - this.#first.of(this.momentum, state.step);
    this.#corrections.second = 1 - this.#second.of(betas[1], state.step);
    this.#kernelOptions.beta1 = this.momentum;
    this.#kernelOptions.weightDecay = isShrunk ? 0 : weightDecay;
    this.setFactors(this.#kernelOptions, state, this.#corrections, betas[1]);
    const { expAvg, expAvgSq, maxExpAvgSq } = state.buffers;
    backend().adam(parameter, grad, expAvg, expAvgSq, maxExpAvgSq, this.#kernelOptions);
  }

  /** Sets all fields of `to`. */
  protected abstract setFactors(to: StepFactors, state: ParameterState<Kept>, corrections: Corrections, beta2: number): void;
}
