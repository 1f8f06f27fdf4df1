// The layer that drops whole channels (torch.nn.Dropout2d): options, module.
import { z } from 'zod';
import { dropout2d as drop } from '../../ops/dropout.ts';
import type { Tensor } from '../../tensor.ts';
import { defineLayer, imageShape } from './define.ts';
import { AnyDropout, pytorchDropout } from './dropout.ts';
import { gradientInPlace } from './memory.ts';

const options = { p: z.number().min(0).max(1).default(0.5).describe('The probability that a channel of a sample is set to 0 in training') };

/** In training, sets random channels of [N, C, H, W] to 0 and multiplies the others by 1 / (1 − p). In evaluation, returns the input. */
export class Dropout2d extends AnyDropout {
  /** @throws ShapeError in training if the input does not have 4 dimensions */
  override forward(input: Tensor): Tensor {
    return this.training ? drop(input, this.p, this.generator) : input;
  }
}

export const dropout2d = defineLayer({
  type: 'dropout2d',
  description: 'Sets random channels of [channels, height, width] to 0 in training, to reduce overfitting',
  options,
  outputShape: (_options, input) => imageShape('dropout2d', input),
  // The inner activations are the factors of the channels.
  cost: (_options, input) => ({ parameters: 0, multiplyAdds: 0, innerActivations: input[0] }),
  memory: { ...gradientInPlace, gradientReads: 'nothing' },
  build: ({ p }, _input, generator) => new Dropout2d(p, { generator }),
  pytorch: ({ p }) => pytorchDropout('Dropout2d', p, 'a channel of a sample', { shape: 'x.shape[:2]', index: '[:, :, None, None]' }),
  onnx: ({ input }) => input,
});
