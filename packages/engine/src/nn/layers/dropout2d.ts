// The layer that drops whole channels (torch.nn.Dropout2d): options, module.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { dropout2d as drop } from '../../ops/dropout.ts';
import type { Generator } from '../../random.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { withGenerator } from '../init.ts';
import { Module } from '../module.ts';
import { type Drawn, defineLayer, imageShape } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = { p: z.number().min(0).max(1).default(0.5).describe('The probability that a channel of a sample is set to 0 in training') };
const constructorArguments = z.strictObject(options);

/** In training, sets random channels of [N, C, H, W] to 0 and multiplies the others by 1 / (1 − p). In evaluation, returns the input. */
export class Dropout2d extends Module {
  readonly #p: number;
  readonly #generator: Generator;

  /**
   * @param p the probability of 0; default 0.5
   * @param drawn the generator of the draws; default: the generator that manualSeed seeds
   * @throws ArgumentError if p is not between 0 and 1
   */
  constructor(p?: number, drawn: Drawn = {}) {
    super();
    const { generator, given } = withGenerator('Dropout2d', drawn, 'generator');
    this.#p = checkArguments('Dropout2d', constructorArguments, { p }, given).p;
    this.#generator = generator;
  }

  /** @throws ShapeError in training if the input does not have 4 dimensions */
  override forward(input: Tensor): Tensor {
    return this.training ? drop(input, this.#p, this.#generator) : input;
  }

  override extraRepr(): string {
    return `p=${this.#p}, inplace=False`;
  }
}

/** An exported script defines its own class, because PyTorch's class draws its masks differently. */
const definitions = `class Dropout2d(nn.Module):
    """Keeps a channel of a sample where torch.rand is at least p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return x * 0
        return x * ((torch.rand(x.shape[:2]) >= self.p) / (1 - self.p))[:, :, None, None]
`;

export const dropout2d = defineLayer({
  type: 'dropout2d',
  description: 'Sets random channels of [channels, height, width] to 0 in training, to reduce overfitting',
  options,
  outputShape: (_options, input) => imageShape('dropout2d', input),
  // The inner activations are the factors of the channels.
  cost: (_options, input) => ({ parameters: 0, multiplyAdds: 0, innerActivations: input[0] }),
  memory: { ...gradientInPlace, gradientReads: 'nothing' },
  build: ({ p }, _input, generator) => new Dropout2d(p, { generator }),
  pytorch: ({ p }) => ({ ...construct('Dropout2d', [{ float: p }]), definitions }),
  onnx: ({ input }) => input,
});
