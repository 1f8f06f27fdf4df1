// The optimizer Adadelta (Zeiler 2012), as torch.optim.Adadelta.
import { z } from 'zod';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { Optimizer, type ParameterState } from './optimizer.ts';

const options = {
  learningRate: learningRate(1),
  maximize,
  rho: z.number().min(0).max(1).default(0.9).describe('Decay of the running means of squared gradients and squared steps'),
  eps: eps(1e-6),
  weightDecay,
};

type Checked = z.output<z.ZodObject<typeof options>>;
export type AdadeltaOptions = z.input<z.ZodObject<typeof options>>;

type AdadeltaBuffers = { squareAvg: FloatArray; accDelta: FloatArray };

/**
 * Computes p ← p − learningRate · √(d + eps) / √(v + eps) · g. v is the running mean of g², and d is the running mean of the squared steps.
 */
export class Adadelta extends Optimizer<AdadeltaBuffers> {
  readonly #options: Checked;

  /**
   * @param given defaults: learningRate 1, rho 0.9, eps 1e-6, weightDecay 0, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: AdadeltaOptions = {}) {
    const checked: Checked = checkArguments('Adadelta', adadelta.classSchema, { type: 'adadelta' }, given);
    super(parameters, checked);
    this.#options = checked;
  }

  protected override initialBuffers(size: number): AdadeltaBuffers {
    return { squareAvg: backend().allocatePersistent(size), accDelta: backend().allocatePersistent(size) };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, { buffers }: ParameterState<AdadeltaBuffers>): void {
    const { rho, eps, weightDecay } = this.#options;
    const { learningRate } = this;
    backend().adadelta(parameter, grad, buffers.squareAvg, buffers.accDelta, { learningRate, rho, eps, weightDecay });
  }
}

export const adadelta = defineOptimizer({
  type: 'adadelta',
  description: 'Adadelta: the size of a step is derived from the sizes of earlier steps',
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new Adadelta(parameters, options),
  pytorch: (given) => constructOptimizer('optim.Adadelta', options, given),
});
