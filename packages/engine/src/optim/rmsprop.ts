// RMSprop (Tieleman and Hinton 2012; centered: Graves 2013), as torch.optim.RMSprop.
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
  alpha: z.number().min(0).lt(1).default(0.99).describe('The decay of the running mean of the squared gradient'),
  eps: eps(1e-8),
  weightDecay,
  momentum: z.number().min(0).lt(1).default(0).describe('The share of the previous step that is added to the next step'),
  centered: z.boolean().default(false).describe('Divides by the standard deviation of the gradient instead of the root of its mean square'),
};

type Checked = z.output<z.ZodObject<typeof options>>;
export type RMSpropOptions = z.input<z.ZodObject<typeof options>>;

type RMSpropBuffers = { squareAvg: FloatArray; gradAvg: FloatArray | null; momentumBuffer: FloatArray | null };

/** Computes p ← p − learningRate · g / (√v + eps), where v is the running mean of g². */
export class RMSprop extends Optimizer<RMSpropBuffers> {
  override momentum: number;
  readonly #options: Checked;

  /**
   * @param given defaults: learningRate 0.01, alpha 0.99, eps 1e-8, weightDecay 0, momentum 0, centered false, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: RMSpropOptions = {}) {
    const checked: Checked = checkArguments('RMSprop', rmsprop.classSchema, { type: 'rmsprop' }, given);
    super(parameters, checked);
    this.#options = checked;
    this.momentum = checked.momentum;
  }

  protected override initialBuffers(size: number): RMSpropBuffers {
    return {
      squareAvg: backend().allocatePersistent(size),
      gradAvg: this.#options.centered ? backend().allocatePersistent(size) : null,
      momentumBuffer: null,
    };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, { buffers }: ParameterState<RMSpropBuffers>): void {
    const { alpha, eps, weightDecay } = this.#options;
    const { learningRate, momentum } = this;
    if (momentum !== 0) buffers.momentumBuffer ??= backend().allocatePersistent(parameter.length);
    const momentumBuffer = momentum === 0 ? null : buffers.momentumBuffer;
    const step = { learningRate, decay: alpha, share: 1 - alpha, eps, weightDecay, momentum };
    backend().rmsprop(parameter, grad, buffers.squareAvg, buffers.gradAvg, momentumBuffer, step);
  }
}

export const rmsprop = defineOptimizer({
  type: 'rmsprop',
  description: "RMSprop: steps divided by the root of the gradient's running mean square",
  options,
  stateArrays: ({ centered, momentum }) => 1 + (centered ? 1 : 0) + (momentum === 0 ? 0 : 1),
  build: (options, parameters): Optimizer => new RMSprop(parameters, options),
  pytorch: (given) => constructOptimizer('optim.RMSprop', options, given),
});
