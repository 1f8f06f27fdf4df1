// Adam with Nesterov momentum (Dozat 2016), as torch.optim.NAdam in PyTorch 1.13, which made the numbers of the conformance tests. PyTorch
// 2 omits one factor μₜ in the correction of the mean. So its first few steps differ from those of this class by
// less than 2 %.
import { z } from 'zod';
import type { FloatArray } from '../backend/backend.ts';
import { checkArguments } from '../registry.ts';
import type { Tensor } from '../tensor.ts';
import { constructOptimizer, betas, decoupledWeightDecay, defineOptimizer, eps, learningRate, maximize, weightDecay } from './define.ts';
import { LastPower } from './lastPower.ts';
import { type Corrections, type MomentBuffers, MomentOptimizer, type StepFactors } from './moments.ts';
import type { Optimizer, ParameterState } from './optimizer.ts';

const options = {
  learningRate: learningRate(2e-3),
  maximize,
  betas,
  eps: eps(1e-8),
  weightDecay,
  momentumDecay: z.number().min(0).default(4e-3).describe('How fast the momentum rises to its full value at the start of training'),
  decoupledWeightDecay,
};

type Checked = z.output<z.ZodObject<typeof options>>;
export type NAdamOptions = z.input<z.ZodObject<typeof options>>;

/** `muProduct` has one element: the product of all momenta so far. */
type NAdamBuffers = MomentBuffers & { muProduct: FloatArray };

/**
 * Computes Adam's step with Nesterov momentum: μₜ₊₁·m / (1 − Πμ·μₜ·μₜ₊₁) + (1 − μₜ)·g / (1 − Πμ), where μₜ = beta1·(1 −
 * ½·0.96^(t·momentumDecay)).
 */
export class NAdam extends MomentOptimizer<NAdamBuffers> {
  readonly #momentumDecay: number;
  readonly #power = new LastPower();
  readonly #nextPower = new LastPower();

  /**
   * @param given defaults: learningRate 0.002, betas [0.9, 0.999], eps 1e-8, weightDecay 0, momentumDecay 0.004, decoupledWeightDecay
   * false, maximize false
   * @throws ArgumentError for options out of range
   */
  constructor(parameters: Iterable<Tensor>, given: NAdamOptions = {}) {
    const checked: Checked = checkArguments('NAdam', nAdam.classSchema, { type: 'nAdam' }, given);
    super(parameters, { ...checked, amsgrad: false });
    this.#momentumDecay = checked.momentumDecay;
  }

  protected override initialBuffers(size: number): NAdamBuffers {
    return { ...this.initialMoments(size), muProduct: Float64Array.of(1) };
  }

  protected override setFactors(to: StepFactors, { step, buffers }: ParameterState<NAdamBuffers>, { second }: Corrections): void {
    const mu = this.momentum * (1 - 0.5 * this.#power.of(0.96, step * this.#momentumDecay));
    const next = this.momentum * (1 - 0.5 * this.#nextPower.of(0.96, (step + 1) * this.#momentumDecay));
    const product = buffers.muProduct[0] * mu;
    buffers.muProduct[0] = product;
    to.meanFactor = (this.learningRate * next) / (1 - product * mu * next);
    to.gradientFactor = (this.learningRate * (1 - mu)) / (1 - product);
    to.rootCorrection = Math.sqrt(second);
  }
}

/** An exported script defines this class, because the formula of PyTorch's class depends on PyTorch's version. */
const definitions = `class NAdam(optim.Optimizer):
    """As optim.NAdam in PyTorch 1.13, whose first steps later versions changed a little."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3,
                 decoupled_weight_decay=False, maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                                      decoupled_weight_decay=decoupled_weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            for p in group["params"]:
                state, grad = self.state[p], -p.grad if group["maximize"] else p.grad
                if not state:
                    state.update(step=0, product=1.0, mean=torch.zeros_like(p), square=torch.zeros_like(p))
                state["step"] += 1
                mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** ((state["step"] + ahead) * group["momentum_decay"])) for ahead in (0, 1))
                state["product"] *= mu
                if group["decoupled_weight_decay"]:
                    p.mul_(1 - lr * decay)
                else:
                    grad = grad.add(p, alpha=decay)
                state["mean"].lerp_(grad, 1 - beta1)
                state["square"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                denominator = (state["square"] / (1 - beta2 ** state["step"])).sqrt().add_(group["eps"])
                p.addcdiv_(grad, denominator, value=-lr * (1 - mu) / (1 - state["product"]))
                p.addcdiv_(state["mean"], denominator, value=-lr * mu_next / (1 - state["product"] * mu * mu_next))
`;

export const nAdam = defineOptimizer({
  type: 'nAdam',
  description: "Adam with Nesterov's momentum",
  options,
  stateArrays: () => 2,
  build: (options, parameters): Optimizer => new NAdam(parameters, options),
  pytorch: (given) => ({ ...constructOptimizer('NAdam', options, given), definitions }),
});
