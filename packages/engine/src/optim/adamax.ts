// Adam with the infinity norm (Kingma and Ba 2015, section 7), as torch.optim.Adamax.
import type { z } from 'zod';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, betas, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { LastPower } from './lastPower.ts';
import { Optimizer, type ParameterState } from './optimizer.ts';

const options = { learningRate: learningRate(2e-3), maximize, betas, eps: eps(1e-8), weightDecay };

type Checked = z.output<z.ZodObject<typeof options>>;
export type AdamaxOptions = z.input<z.ZodObject<typeof options>>;

type AdamaxBuffers = { expAvg: FloatArray; expInf: FloatArray };

/** Computes p ← p − learningRate / (1 − beta1ᵗ) · m / u, where u ← max(beta2·u, |g| + eps) and m is the running mean of g. */
export class Adamax extends Optimizer<AdamaxBuffers> {
  override momentum: number;
  readonly #options: Checked;
  readonly #power = new LastPower();

  /**
   * @param given defaults: learningRate 0.002, betas [0.9, 0.999], eps 1e-8, weightDecay 0, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: AdamaxOptions = {}) {
    const checked: Checked = checkArguments('Adamax', adamax.classSchema, { type: 'adamax' }, given);
    super(parameters, checked);
    this.#options = checked;
    this.momentum = checked.betas[0];
  }

  protected override initialBuffers(size: number): AdamaxBuffers {
    return { expAvg: backend().allocatePersistent(size), expInf: backend().allocatePersistent(size) };
  }

  protected override update(parameter: FloatArray, grad: FloatArray, { step, buffers }: ParameterState<AdamaxBuffers>): void {
    const { betas, eps, weightDecay } = this.#options;
    const [beta1, beta2] = [this.momentum, betas[1]];
    const stepSize = this.learningRate / (1 - this.#power.of(beta1, step));
    backend().adamax(parameter, grad, buffers.expAvg, buffers.expInf, { stepSize, beta1, beta2, eps, weightDecay });
  }
}

export const adamax = defineOptimizer({
  type: 'adamax',
  description: 'Adamax: Adam whose steps are divided by the largest recent gradient',
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new Adamax(parameters, options),
  pytorch: (given) => constructOptimizer('optim.Adamax', options, given),
});
