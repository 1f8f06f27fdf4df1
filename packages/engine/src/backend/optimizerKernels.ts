// The optimizers' part of the contract: one update of one parameter and its state, in place. The kernels contain the formulas. The
// optimizers (src/optim) contain the defaults and the corrections that depend on the step, and keep the state.
import type { FloatArray } from './types.ts';

/** Options of one SGD update (torch.optim.SGD). `first`: this is the first update, so the momentum buffer has no values yet. */
export interface SgdStep {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly first: boolean;
}

/**
 * Options of one update of Adam's family. m and v are the running means of g and of g². The step is
 * (meanFactor · m + gradientFactor · g) / (√v / rootCorrection + eps).
 */
export interface AdamStep {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** weightDecay · parameter is added to the gradient. */
  readonly weightDecay: number;
  readonly meanFactor: number;
  readonly gradientFactor: number;
  /** Divides √v in the step's denominator. null: the step is not divided by this denominator at all. */
  readonly rootCorrection: number | null;
}

/**
 * Options of one update of RMSprop's family. The mean square is v ← decay · v + share · g². The step, before momentum, is g / (√v + eps).
 * With the running mean m of the gradient it is g / (√(v − m²) + eps).
 */
export interface RmspropStep {
  readonly learningRate: number;
  readonly decay: number;
  readonly share: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly momentum: number;
}

/** Options of one Adadelta update (torch.optim.Adadelta). */
export interface AdadeltaStep {
  readonly learningRate: number;
  readonly rho: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** Options of one Adamax update (torch.optim.Adamax). `stepSize` is the learning rate divided by the bias correction of the mean. */
export interface AdamaxStep {
  readonly stepSize: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

export interface OptimizerKernels {
  /** Updates param and momentumBuffer (null when momentum is 0) in place. */
  sgd(param: FloatArray, grad: FloatArray, momentumBuffer: FloatArray | null, options: SgdStep): void;
  /**
   * Updates param, expAvg, expAvgSq and maxExpAvgSq in place. With maxExpAvgSq (AMSGrad), the largest second moment so far replaces
   * expAvgSq in the formula. A NaN counts as the largest.
   */
  adam(
    param: FloatArray,
    grad: FloatArray,
    expAvg: FloatArray,
    expAvgSq: FloatArray,
    maxExpAvgSq: FloatArray | null,
    options: AdamStep,
  ): void;
  /** Updates param, squareAvg, gradAvg (null: not centered) and momentumBuffer (null: no momentum) in place. */
  rmsprop(
    param: FloatArray,
    grad: FloatArray,
    squareAvg: FloatArray,
    gradAvg: FloatArray | null,
    momentumBuffer: FloatArray | null,
    options: RmspropStep,
  ): void;
  /** Updates param, squareAvg and accDelta (the running mean of the squared steps) in place. */
  adadelta(param: FloatArray, grad: FloatArray, squareAvg: FloatArray, accDelta: FloatArray, options: AdadeltaStep): void;
  /** Updates param, expAvg and expInf (the decayed largest gradient) in place. */
  adamax(param: FloatArray, grad: FloatArray, expAvg: FloatArray, expInf: FloatArray, options: AdamaxStep): void;
}
