// The optimizer Adagrad (Duchi et al. 2011), as torch.optim.Adagrad.
import { z } from 'zod';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { Optimizer, type ParameterState } from './optimizer.ts';

const options = {
  learningRate: learningRate(1e-2),
  maximize,
  lrDecay: z.number().min(0).default(0).describe('The learning rate is divided by 1 + lrDecay · (number of earlier steps)'),
  weightDecay,
  initialAccumulatorValue: z.number().min(0).default(0).describe('The initial value of the sums of squared gradients'),
  eps: eps(1e-10),
};

type Checked = z.output<z.ZodObject<typeof options>>;
export type AdagradOptions = z.input<z.ZodObject<typeof options>>;

type AdagradBuffers = { sum: FloatArray };

/** Computes p ← p − learningRate · g / (√Σg² + eps). The sum is over all steps so far. */
export class Adagrad extends Optimizer<AdagradBuffers> {
  readonly #options: Checked;

  /**
   * @param given defaults: learningRate 0.01, lrDecay 0, weightDecay 0, initialAccumulatorValue 0, eps 1e-10, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: AdagradOptions = {}) {
    const checked: Checked = checkArguments('Adagrad', adagrad.classSchema, { type: 'adagrad' }, given);
    super(parameters, checked);
    this.#options = checked;
  }

  protected override initialBuffers(size: number): AdagradBuffers {
    return { sum: backend().allocatePersistent(size).fill(this.#options.initialAccumulatorValue) };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, { step, buffers }: ParameterState<AdagradBuffers>): void {
    const { lrDecay, eps, weightDecay } = this.#options;
    const learningRate = this.learningRate / (1 + (step - 1) * lrDecay);
    backend().rmsprop(parameter, grad, buffers.sum, null, null, { learningRate, decay: 1, share: 1, eps, weightDecay, momentum: 0 });
  }
}

export const adagrad = defineOptimizer({
  type: 'adagrad',
  description: 'Adagrad: each step is divided by the root of the sum of all squared gradients',
  options,
  ungrouped: ['initialAccumulatorValue'],
  stateArrays: () => 1,
  build: (options, parameters): Optimizer => new Adagrad(parameters, options),
  pytorch: (given) => constructOptimizer('optim.Adagrad', options, given),
});
