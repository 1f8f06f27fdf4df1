// The optimizers' part of the contract: one update of one parameter and its state, in place. Kernels know formulas;
// defaults, corrections that depend on the step, and what is kept are the optimizers' (src/optim).
import type { FloatArray } from './backend.ts';

/** Options of one SGD update (torch.optim.SGD). `first`: the momentum buffer holds nothing yet. */
export interface SgdStep {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly first: boolean;
}

/**
 * Options of one update of Adam's family. With m and v the running means of g and of g², the step is
 * (meanFactor · m + gradientFactor · g) / (√v / rootCorrection + eps).
 */
export interface AdamStep {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Share of the parameter that is added to its gradient. */
  readonly weightDecay: number;
  readonly meanFactor: number;
  readonly gradientFactor: number;
  /** null: nothing divides. */
  readonly rootCorrection: number | null;
}

/**
 * Options of one update of RMSprop's family. The mean square is v ← decay · v + share · g²; the step, before momentum, is
 * g / (√v + eps), or with the running mean m of the gradient g / (√(v − m²) + eps).
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

/** Options of one Adamax update (torch.optim.Adamax); `stepSize` is the learning rate over the mean's correction. */
export interface AdamaxStep {
  readonly stepSize: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

export interface OptimizerKernels {
  /** In place on param and on momentumBuffer (null when momentum is 0). */
  sgd(param: FloatArray, grad: FloatArray, momentumBuffer: FloatArray | null, options: SgdStep): void;
  /**
   * In place on param, expAvg, expAvgSq and maxExpAvgSq. With maxExpAvgSq (AMSGrad) the largest second moment so far,
   * a NaN counting as the largest, divides the step instead of expAvgSq.
   */
  adam(
    param: FloatArray,
    grad: FloatArray,
    expAvg: FloatArray,
    expAvgSq: FloatArray,
    maxExpAvgSq: FloatArray | null,
    options: AdamStep,
  ): void;
  /** In place on param, squareAvg, gradAvg (null: not centered) and momentumBuffer (null: no momentum). */
  rmsprop(
    param: FloatArray,
    grad: FloatArray,
    squareAvg: FloatArray,
    gradAvg: FloatArray | null,
    momentumBuffer: FloatArray | null,
    options: RmspropStep,
  ): void;
  /** In place on param, squareAvg and accDelta, the running mean of the squared steps. */
  adadelta(param: FloatArray, grad: FloatArray, squareAvg: FloatArray, accDelta: FloatArray, options: AdadeltaStep): void;
  /** In place on param, expAvg and expInf, the decayed largest gradient. */
  adamax(param: FloatArray, grad: FloatArray, expAvg: FloatArray, expInf: FloatArray, options: AdamaxStep): void;
}
