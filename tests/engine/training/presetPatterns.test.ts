// Tests that patterns over the weights of a preset of torchvision match our names and torchvision's: in freeze, and in the groups of an optimizer.
import { engineScript, pytorchScript } from '@trainyard/engine/formats';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { expect, test } from 'vitest';
import { run } from './runs.ts';

const job = (freeze: readonly string[], group: string): object => ({
  seed: 2,
  data: { dataset: 'random', inputShape: [3, 40, 40], targetShape: [4], samples: 4, batchSize: 2 },
  model: { preset: 'squeezeNet1_1' },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.01, groups: [{ layers: group, learningRate: 0.1 }] },
  epochs: 1,
  freeze,
});

const ours = job(['features_0', 'features_3.branches.1*'], 'features_12*');
const theirs = job(['features.0', 'features.3.expand3x3'], 'features.12');

test('both names of a weight freeze it and put it into a group', async () => {
  const [a, b] = [await run(ours), await run(theirs)];
  expect(b.result.weightsSha256).toBe(a.result.weightsSha256);
  expect(b.result).toMatchObject({ trainedParameters: a.result.trainedParameters });
  const other = await run(job(['features.0', 'features.3.expand3x3'], 'features.11'));
  expect(other.result.weightsSha256).not.toBe(a.result.weightsSha256);
});

test('the scripts of the job have the names of the model', () => {
  const { spec } = checkSpec(theirs);
  const python = pytorchScript(spec);
  expect(python).toContain('frozen = ["features_0.weight", "features_0.bias", "features_3.branches.1.expand3x3.weight"');
  expect(python).toContain('group_patterns = [["features_12_squeeze.weight", "features_12_squeeze.bias"');
  expect(python).toContain('if matches(name, pattern)), 0)');
  expect(engineScript(spec)).toContain("parameterGroups(model, [['features_12_squeeze.weight', 'features_12_squeeze.bias'");
});

test('a pattern that matches neither name is refused with the nearest names of both', () => {
  const check = (): unknown => checkSpec(job(['features.99'], 'fc'));
  expect(check).toThrow(SpecError);
  expect(check).toThrow(/"features\.99" matches no weight of the model: the nearest names are "features\.9/);
  expect(check).toThrow(/"fc" matches no weight of the model/);
});
