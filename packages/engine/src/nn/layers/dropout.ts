// The dropout layer (torch.nn.Dropout): options, module, and what it shares with dropout2d.
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

/** The common part of the dropout layers. */
export abstract class AnyDropout extends Module {
  protected readonly p: number;
  protected readonly generator: Generator;

  /**
   * @param p the probability of 0; default 0.5
   * @param drawn the generator of the draws; default: the generator that manualSeed seeds
   * @throws ArgumentError if p is not between 0 and 1
   */
  constructor(p?: number, drawn: Drawn = {}) {
    super();
    const { generator, given } = withGenerator(new.target.name, drawn, 'generator');
    this.p = checkArguments(new.target.name, constructorArguments, { p }, given).p;
    this.generator = generator;
  }

  override extraRepr(): string {
    return `p=${this.p}, inplace=False`;
  }
}

/** In training, sets random elements to 0 and multiplies the others by 1 / (1 − p). In evaluation, returns the input. */
export class Dropout extends AnyDropout {
  override forward(input: Tensor): Tensor {
    return this.training ? drop(input, this.p, this.generator) : input;
  }
}

/**
 * Returns the construction of a dropout layer in an exported script. The script defines its own class, because PyTorch's class draws its
 * masks differently.
 * @param unit what is kept or set to 0, for the comment of the class
 * @param mask the shape of the draws, and the index that gives the mask the dimensions of the input
 */
export function pytorchDropout(name: string, p: number, unit: string, mask: { readonly shape: string; readonly index: string }) {
  const definitions = `class ${name}(nn.Module):
    """Keeps ${unit} where torch.rand is at least p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return x * 0
        return x * ((torch.rand(${mask.shape}) >= self.p) / (1 - self.p))${mask.index}
`;
  return { ...construct(name, [{ float: p }]), definitions };
}

export const dropout = defineLayer({
  type: 'dropout',
  description: 'Sets random elements to 0 in training, to reduce overfitting',
  options,
  outputShape: (_options, input) => input,
  // The inner activations are the mask.
  cost: (_options, input) => ({ parameters: 0, multiplyAdds: 0, innerActivations: sizeOf(input) }),
  memory: { ...gradientInPlace, gradientReads: 'nothing' },
  build: ({ p }, _input, generator) => new Dropout(p, { generator }),
  pytorch: ({ p }) => pytorchDropout('Dropout', p, 'an element', { shape: 'x.shape', index: '' }),
  onnx: ({ input }) => input,
});
