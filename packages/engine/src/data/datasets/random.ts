// Random inputs and targets: the tutorial's `torch.randn(1, 1, 32, 32)` and `torch.randn(10)`. Drawn from the run's own
// generator, so that a seed gives what PyTorch gives.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { defineDataset } from '../define.ts';

const size = z.int().min(1);

export const random = defineDataset({
  name: 'random',
  title: 'Random',
  description: 'Inputs and targets drawn from the standard normal distribution; no test part',
  options: {
    inputShape: z.array(size).min(1).max(8).describe("One input's shape: [channels, height, width] for images"),
    targetShape: z.array(size).min(1).max(8).describe("One target's shape"),
    samples: size.default(1).describe('Number of samples'),
  },
  describe({ inputShape, targetShape, samples }) {
    return {
      inputShape,
      target: { kind: 'values', shape: targetShape },
      trainSamples: samples,
      testSamples: 0,
      bytesPerSample: Float32Array.BYTES_PER_ELEMENT * (sizeOf(inputShape) + sizeOf(targetShape)),
    };
  },
  pytorch: ({ inputShape, targetShape, samples }) => ({
    imports: [],
    readsFiles: false,
    functions: '',
    load: `inputs = torch.randn(${[samples, ...inputShape].join(', ')})\ntargets = torch.randn(${[samples, ...targetShape].join(', ')})\n`,
  }),
  load({ inputShape, targetShape, samples }, { generator }) {
    const inputs = new Float32Array(samples * sizeOf(inputShape));
    const targets = new Float32Array(samples * sizeOf(targetShape));
    generator.normal_(inputs);
    generator.normal_(targets);
    return Promise.resolve({
      train: { length: samples, inputShape, inputs, target: { kind: 'values', shape: targetShape }, targets },
      test: null,
    });
  },
});
