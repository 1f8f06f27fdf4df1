// Dropout as a layer (torch.nn.Dropout): options, module.
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

const options = { p: z.number().min(0).max(1).default(0.5).describe('Probability of an element to be zeroed while training') };
const constructorArguments = z.strictObject(options);

/** Zeroes elements at random while training and scales the others by 1 / (1 − p); does nothing in evaluation. */
export class Dropout extends Module {
  readonly #p: number;
  readonly #generator: Generator;

  /** @param p default 0.5. @param drawn the generator of the draws; default: the one that manualSeed seeds. */
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

/** PyTorch's own draws its masks otherwise. */
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
  description: 'Zeroes elements at random while training, against overfitting',
  options,
  outputShape: (_options, input) => input,
  // The mask.
  cost: (_options, input) => ({ parameters: 0, multiplyAdds: 0, innerActivations: sizeOf(input) }),
  memory: { ...gradientInPlace, gradientReads: 'nothing' },
  build: ({ p }, _input, generator) => new Dropout(p, { generator }),
  pytorch: ({ p }) => ({ ...construct('Dropout', [{ float: p }]), definitions }),
  onnx: ({ input }) => input,
});
