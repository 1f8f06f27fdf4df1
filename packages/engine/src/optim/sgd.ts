// The optimizer stochastic gradient descent with momentum, as torch.optim.SGD.
import { z } from 'zod';
import type { FloatArray } from '../backend/backend.ts';
import type { SgdStep } from '../backend/optimizerKernels.ts';
import { backend } from '../backend/current.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, defineOptimizer, learningRate, maximize, weightDecay } from './define.ts';
import { Optimizer, type ParameterState } from './optimizer.ts';

const options = {
  learningRate: learningRate(1e-3),
  maximize,
  momentum: z.number().min(0).lt(1).default(0).describe('The share of the previous step that is added to the next step'),
  dampening: z.number().default(0).describe('The share of the gradient that is not added to the momentum'),
  weightDecay,
  nesterov: z.boolean().default(false).describe('Uses Nesterov momentum. Needs a momentum above 0, and dampening 0'),
};

type Checked = z.output<z.ZodObject<typeof options>>;
export type SgdOptions = z.input<z.ZodObject<typeof options>>;

type SgdBuffers = { momentumBuffer: FloatArray | null };

/** Computes v ← momentum·v + (1 − dampening)·(g + weightDecay·p), then p ← p − learningRate·v. The first v is the gradient itself. */
export class SGD extends Optimizer<SgdBuffers> {
  override momentum: number;
  /** The kernel's options. They are set again for each parameter, so that a step creates no objects. */
  readonly #kernelOptions: { -readonly [Option in keyof SgdStep]: SgdStep[Option] };

  /**
   * @param given defaults: learningRate 0.001, momentum 0, dampening 0, weightDecay 0, nesterov false, maximize false
   * @throws ArgumentError for options out of range, and for nesterov without momentum or with dampening
   */
  constructor(parameters: Iterable<Tensor>, given: SgdOptions = {}) {
    const checked: Checked = checkArguments('SGD', sgd.classSchema, { type: 'sgd' }, given);
    super(parameters, checked);
    this.momentum = checked.momentum;
    this.#kernelOptions = { ...checked, first: false };
  }

  protected override initialBuffers(): SgdBuffers {
    return { momentumBuffer: null };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, { buffers }: ParameterState<SgdBuffers>): void {
    const { learningRate, momentum } = this;
    const first = momentum !== 0 && buffers.momentumBuffer === null;
    if (first) buffers.momentumBuffer = backend().allocatePersistent(parameter.length);
    const momentumBuffer = momentum === 0 ? null : buffers.momentumBuffer;
    this.#kernelOptions.learningRate = learningRate;
    this.#kernelOptions.momentum = momentum;
    this.#kernelOptions.first = first;
    backend().sgd(parameter, grad, momentumBuffer, this.#kernelOptions);
  }
}

export const sgd = defineOptimizer({
  type: 'sgd',
  description: 'Stochastic gradient descent, optionally with momentum',
  options,
  conflict: ({ nesterov, momentum, dampening }) =>
    nesterov && (momentum === 0 || dampening !== 0)
      ? { field: 'nesterov', message: `nesterov needs a momentum above 0 and dampening 0, got ${momentum} and ${dampening}` }
      : null,
  stateArrays: ({ momentum }) => (momentum === 0 ? 0 : 1),
  build: (options, parameters): Optimizer => new SGD(parameters, options),
  pytorch: (given) => constructOptimizer('optim.SGD', options, given),
});
