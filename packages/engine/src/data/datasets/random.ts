// Random inputs and targets, as in the tutorial's `torch.randn(1, 1, 32, 32)` and `torch.randn(10)`. They are drawn from the run's own
// generator, so that the same seed gives the same numbers as in PyTorch. A test part is split off afterwards and draws nothing.
import { z } from 'zod';
import { sizeOf } from '../../shape.ts';
import { type Dataset, sharableBytes } from '../dataset.ts';
import { defineDataset, splitOption } from '../define.ts';
import { pythonSplit, splitOff, testSamplesOf } from '../split.ts';

const size = z.int().min(1);

export const random = defineDataset({
  name: 'random',
  title: 'Random',
  description: 'Inputs and targets drawn from the standard normal distribution; no test part unless one is split off',
  options: {
    inputShape: z.array(size).min(1).max(8).describe('The shape of one input: [channels, height, width] for images'),
    targetShape: z.array(size).min(1).max(8).describe('The shape of one target'),
    samples: size.default(1).describe('The number of samples, including the samples of a test part'),
    ...splitOption,
  },
  describe({ inputShape, targetShape, samples, testSplit }) {
    const testSamples = testSplit === undefined ? 0 : testSamplesOf(samples, testSplit);
    return {
      inputShape,
      inputType: 'float32',
      target: { kind: 'values', shape: targetShape },
      trainSamples: samples - testSamples,
      testSamples,
      bytesPerSample: Float32Array.BYTES_PER_ELEMENT * (sizeOf(inputShape) + sizeOf(targetShape)),
    };
  },
  pytorch({ inputShape, targetShape, samples, testSplit }) {
    const drawn = `inputs = torch.randn(${[samples, ...inputShape].join(', ')})\ntargets = torch.randn(${[samples, ...targetShape].join(', ')})\n`;
    if (testSplit === undefined) return { imports: [], readsFiles: false, functions: '', load: drawn };
    const split = [
      `train_rows, test_rows = split(${samples}, ${testSamplesOf(samples, testSplit)})`,
      'inputs, test_inputs = inputs[train_rows], inputs[test_rows]',
      'targets, test_targets = targets[train_rows], targets[test_rows]',
      '',
    ];
    return { imports: ['numpy as np'], readsFiles: false, functions: pythonSplit, load: `${drawn}${split.join('\n')}` };
  },
  load({ inputShape, targetShape, samples, testSplit }, { generator }) {
    const inputs = new Float32Array(sharableBytes(4 * samples * sizeOf(inputShape)).buffer);
    const targets = new Float32Array(sharableBytes(4 * samples * sizeOf(targetShape)).buffer);
    generator.normal_(inputs);
    generator.normal_(targets);
    const drawn: Dataset = { length: samples, inputShape, inputs, target: { kind: 'values', shape: targetShape }, targets };
    return Promise.resolve(testSplit === undefined ? { train: drawn, test: null } : splitOff(drawn, testSplit));
  },
});
