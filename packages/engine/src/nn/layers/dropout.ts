// The dropout layer (torch.nn.Dropout): options, module.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { dropout as drop } from '../../ops/dropout.ts';
import type { Generator } from '../../random.ts';
import { sizeOf } from '../../shape.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { withGenerator } from '../init.ts';
import { Module } from '../module.ts';
import { type Drawn, defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = { p: z.number().min(0).max(1).default(0.5).describe('The probability that an element is set to 0 in training') };
const constructorArguments = z.strictObject(options);

/** In training, sets random elements to 0 and multiplies the others by 1 / (1 − p). In evaluation, returns the input. */
export class Dropout extends Module {
  readonly #p: number;
  readonly #generator: Generator;

  /** @param p the probability of 0; default 0.5 @param drawn the generator of the draws; default: the generator that manualSeed seeds */
  constructor(p?: number, drawn: Drawn = {}) {
    super();
    const { generator, given } = withGenerator('Dropout', drawn, 'generator');
    this.#p = checkArguments('Dropout', constructorArguments, { p }, given).p;
    this.#generator = generator;
  }

  override forward(input: Tensor): Tensor {
    return this.training ? drop(input, this.#p, this.#generator) : input;
  }

  override extraRepr(): string {
    return `p=${this.#p}, inplace=False`;
  }
}

/** An exported script defines its own class, because PyTorch's class draws its masks differently. */
const definitions = `class Dropout(nn.Module):
    """Keeps an element where torch.rand is at least p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return x * 0
        return x * ((torch.rand(x.shape) >= self.p) / (1 - self.p))
`;

export const dropout = defineLayer({
  type: 'dropout',
  description: 'Sets random elements to 0 in training, to reduce overfitting',
  options,
  outputShape: (_options, input) => input,
  // The inner activations are the mask.
  cost: (_options, input) => ({ parameters: 0, multiplyAdds: 0, innerActivations: sizeOf(input) }),
  memory: { ...gradientInPlace, gradientReads: 'nothing' },
  build: ({ p }, _input, generator) => new Dropout(p, { generator }),
  pytorch: ({ p }) => ({ ...construct('Dropout', [{ float: p }]), definitions }),
  onnx: ({ input }) => input,
});
