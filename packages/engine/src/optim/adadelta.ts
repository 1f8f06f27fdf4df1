// Adadelta (Zeiler 2012), as torch.optim.Adadelta.
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

/** p ← p − learningRate · √(d + eps) / √(v + eps) · g, v and d being running means of g² and of the squared steps. */
export class Adadelta extends Optimizer<AdadeltaBuffers> {
  readonly #options: Checked;

  /**
   * @param given learningRate 1, rho 0.9, eps 1e-6, weightDecay 0, maximize false.
   * @throws ArgumentError for options out of range.
   */
  constructor(parameters: Iterable<Tensor>, given: AdadeltaOptions = {}) {
    const checked: Checked = checkArguments('Adadelta', adadelta.schema, { type: 'adadelta' }, given);
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
  description: 'Adadelta: steps whose size follows the size of the steps before',
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new Adadelta(parameters, options),
  pytorch: (given) => constructOptimizer('optim.Adadelta', options, given),
});
