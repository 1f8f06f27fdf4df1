// The text of train.py: what it says of a job, that Python takes it, and that it needs nothing that a job could smuggle in.
import { readFile } from 'node:fs/promises';
import { checkSpec, pytorchScript } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { hasPython, runPython } from './peerPython.ts';
import { variedJobs } from './variedJobs.ts';

const scriptOf = (body: unknown): string => pytorchScript(checkSpec(body).spec);
const tutorial: unknown = JSON.parse(await readFile('docs/examples/tutorial.json', 'utf8'));

const lenet = {
  name: 'lenet',
  seed: 7,
  data: {
    dataset: 'mnist',
    trainLimit: 10_000,
    batchSize: 32,
    transforms: [{ type: 'normalize', mean: [0.1307], std: [0.3081] }],
  },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5, padding: 2 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10, bias: false },
    ],
  },
  loss: { type: 'crossEntropy', labelSmoothing: 0.1 },
  optimizer: { type: 'adam', learningRate: 1, betas: [0, 0.99] },
  scheduler: { type: 'step', stepSize: 1, gamma: 0.5 },
  epochs: 2,
  gradientClipping: { maxNorm: 1 },
  earlyStopping: { metric: 'testAccuracy', patience: 2 },
};

test("the tutorial's script is what a person would write", () => {
  expect(scriptOf(tutorial)).toMatchInlineSnapshot();
});

test("a LeNet's script on files says each option that is not the default, and no other", () => {
  expect(scriptOf(lenet)).toMatchInlineSnapshot();
});

test('a name cannot become code', () => {
  const name = 'x"""\\ " \u2028 ${y} \u{1f600}';
  const script = scriptOf({ ...lenet, name, model: { layers: [{ type: 'flatten', name }, { type: 'linear', outFeatures: 10 }] } });
  const lines = script.split('\n').filter((line) => line.includes('${y}'));
  expect(lines).toEqual([
    `# ${name}: the same model, seed, data and loop in PyTorch, hence the same curve.`,
    `            (${JSON.stringify(name)}, nn.Flatten()),`,
  ]);
});

test('numbers that PyTorch takes as floats only are written as such, and counts as whole numbers', () => {
  const script = scriptOf({ ...lenet, scheduler: { type: 'cosineWarmRestarts', t0: 2, etaMin: 0.5, interval: 'step' } });
  expect(script).toContain('optim.Adam(model.parameters(), lr=1.0, betas=(0.0, 0.99))');
  expect(script).toContain('lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, eta_min=0.5)');
});

describe.runIf(hasPython)('Python compiles the script of a job with', () => {
  test.for(Object.keys(variedJobs))('%s', async (name) => {
    await expect(runPython(scriptOf(variedJobs[name]), [], 'py_compile')).resolves.toBe('');
  });
});
