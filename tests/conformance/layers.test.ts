// Compares whole layers of a job spec with PyTorch's and torchvision's modules: the names of parameters and buffers, outputs in training and
// evaluation, all gradients, and the state after a training step. layers.py made the results.
import { fromFlat, Generator, type Shape, type Tensor } from '@trainyard/engine';
import { buildModel, layerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { expectClose, type Tolerance } from '../support/expectClose.ts';
import { readConformance, type StoredTensor } from './conformanceDir.ts';

/** The tolerance of ops.json (README.md). */
const tolerance: Tolerance = { absolute: 1e-5, relative: 1e-4 };

type Tensors = Readonly<Record<string, StoredTensor>>;

/** One layer in a Sequential, which gives the names the prefix `0.`. */
interface Case {
  readonly layer: object;
  /** The seed of the random numbers in training. */
  readonly seed?: number;
  readonly input: StoredTensor;
  readonly weights: Tensors;
  readonly output: StoredTensor;
  readonly grad_output: StoredTensor;
  readonly grads: Tensors;
  readonly buffers_after: Tensors;
  /** The output in evaluation, after the training step. */
  readonly evaluated: StoredTensor;
}

const restored = ({ shape, data }: StoredTensor): Tensor => fromFlat(data, shape);

function check({ layer, seed = 0, input, weights, output, grad_output, grads, buffers_after, evaluated }: Case): void {
  const generator = new Generator(seed);
  const sampleShape: Shape = input.shape.slice(1);
  const model = buildModel([layerSchema.parse(layer)], sampleShape, generator);
  const parameters = model.namedParameters();
  const state = new Map([...parameters, ...model.namedBuffers()]);
  expect([...state.keys()].toSorted()).toEqual(Object.keys(weights).toSorted());
  for (const [name, tensor] of state) tensor.storage.set(weights[name].data);

  generator.manualSeed(seed);
  const x = restored(input);
  x.requiresGrad = true;
  const result = model.forward(x);
  expectClose(result, output, tolerance, 'output');
  result.backward(restored(grad_output));
  expectClose(x.grad, grads['input'], tolerance, 'gradient of the input');
  for (const [name, { grad }] of parameters) expectClose(grad, grads[name], tolerance, `gradient of ${name}`);
  for (const [name, buffer] of model.namedBuffers()) expectClose(buffer, buffers_after[name], tolerance, `${name} after the step`);
  expectClose(model.eval().forward(x), evaluated, tolerance, 'output in evaluation');
}

const cases = readConformance<Case[]>('layers.json').map((stored) => ({ title: JSON.stringify(stored.layer), stored }));

describe('a layer with the weights of the module of PyTorch or torchvision', () => {
  onEveryBackend(({ name }) => {
    // Like torch.rand, the generator draws other numbers for float64 than for float32.
    const comparable = cases.filter(({ stored }) => stored.seed === undefined || name !== 'reference in float64');
    test.each(comparable)('$title has its names, outputs, gradients and state', ({ stored }) => check(stored));
  });
});
