// A training step replays the recorded operations of an earlier step instead of creating new ones, which saves garbage. The results must
// not change: for every layer and every loss the weights are, bit for bit, the same as without replay.
import { expect, test, vi } from 'vitest';
import { type Arena, enterArena, inArena, newArena } from '../../packages/engine/src/arena.ts';
import { runBackward } from '../../packages/engine/src/autograd.ts';
import { BackwardPass } from '../../packages/engine/src/backwardPass.ts';
import type { Batch } from '../../packages/engine/src/data/loader.ts';
import {
  type Backend,
  batchTensors,
  encodeWeights,
  Generator,
  type Module,
  setBackend,
  type Shape,
  tensor,
  WasmBackend,
} from '../../packages/engine/src/index.ts';
import { buildModel, checkSpec, type JobSpec } from '../../packages/engine/src/spec.ts';
import { buildLoss, lossDefinitions, lossSchema } from '../../packages/engine/src/losses/index.ts';
import { layerDefinitions } from '../../packages/engine/src/nn/layers/index.ts';
import { buildOptimizer } from '../../packages/engine/src/optim/index.ts';
import { Replay } from '../../packages/engine/src/replay.ts';
import { Learner } from '../../packages/engine/src/training/learner.ts';
import { layerSamples } from '../support/layerSamples.ts';

interface Case {
  readonly input: Shape;
  /** The number of target values per sample, or 'class'. */
  readonly target: Shape | 'class';
  readonly layers: readonly object[];
  readonly loss: object;
}

const tail = [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }];
const mse = { type: 'mse' };

/** Each layer between others, so that gradients flow through it. */
const ofLayers = layerDefinitions.map(({ type }): [string, Case] => {
  const { options, input } = layerSamples[type];
  const first = type === 'flatten' || type === 'linear' ? [] : [{ type: 'tanh' }];
  return [`the layer ${type}`, { input, target: [3], layers: [...first, { type, ...options }, ...tail], loss: mse }];
});

const conv = { type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 };
const more: readonly [string, Case][] = [
  [
    'dropout that draws',
    { input: [6], target: [3], layers: [{ type: 'linear', outFeatures: 8 }, { type: 'dropout', p: 0.4 }, ...tail], loss: mse },
  ],
  ['dropout of channels that draws', { input: [2, 4, 4], target: [3], layers: [conv, { type: 'dropout2d', p: 0.4 }, ...tail], loss: mse }],
  [
    'layers that run as one',
    {
      input: [2, 8, 8],
      target: 'class',
      layers: [conv, { type: 'relu' }, { type: 'maxPool2d', kernelSize: 2 }, conv, { type: 'relu' }, ...tail],
      loss: { type: 'crossEntropy' },
    },
  ],
  ...['reflect', 'replicate', 'circular'].map((paddingMode): [string, Case] => [
    `the padding ${paddingMode}`,
    { input: [2, 5, 4], target: [3], layers: [{ ...conv, paddingMode }, ...tail], loss: mse },
  ]),
];

/** For each loss, the layer before it, its targets and its options. */
const lossSamples: Readonly<Record<string, { readonly last?: string; readonly target: Shape | 'class'; readonly options?: object }>> = {
  crossEntropy: { target: 'class', options: { weight: [1, 2, 3], labelSmoothing: 0.1 } },
  nll: { last: 'logSoftmax', target: 'class', options: { weight: [1, 2, 3] } },
  mse: { target: [3] },
  l1: { target: [3] },
  smoothL1: { target: [3] },
  huber: { target: [3] },
  bce: { last: 'sigmoid', target: [3], options: { weight: [1, 2, 3] } },
  bceWithLogits: { target: [3], options: { posWeight: [1, 2, 3] } },
  klDiv: { last: 'logSoftmax', target: [3], options: { reduction: 'batchmean' } },
};
const ofLosses = lossDefinitions.map(({ type }): [string, Case] => {
  const { last, target, options } = lossSamples[type];
  return [
    `the loss ${type}`,
    { input: [5], target, layers: [...tail, ...(last === undefined ? [] : [{ type: last }])], loss: { type, ...options } },
  ];
});

const cases = [...ofLayers, ...more, ...ofLosses];

/** The data of the spec is not read, because the test passes the batches. */
function specOf({ input, layers, loss }: Case): JobSpec {
  const { spec } = checkSpec({
    seed: 0,
    data: { dataset: 'random', inputShape: input, targetShape: [3] },
    model: { layers },
    loss: mse,
    optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
    epochs: 1,
  });
  return { ...spec, loss: lossSchema.parse(loss) };
}

/** Batches of 4, one of 3, and batches of 4 again, all with different values. */
function batchesOf({ input, target }: Case): Batch[] {
  const draws = new Generator(7);
  return [4, 4, 3, 4, 3, 4].map((size) => {
    const draw = (length: number): Float32Array => draws.uniform_(new Float32Array(length));
    const inputShape = [size, ...input];
    const targetShape = target === 'class' ? [size] : [size, ...target];
    const count = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);
    const values = draw(count(targetShape));
    const targets = target === 'class' ? Int32Array.from(values, (value) => Math.floor(3 * value)) : values;
    return { size, inputShape, inputs: draw(count(inputShape)), targetShape, targets };
  });
}

const weightsOf = (model: Module): number[] => [...encodeWeights(model).tensorBytes];

/** Makes a backend that overwrites memory when a backward pass no longer needs it. */
function spoilingBackend(): Backend {
  const backend: Backend = new WasmBackend();
  return {
    ...backend,
    release(array) {
      if (array instanceof Int32Array) array.fill(-1);
      else array.fill(NaN);
      backend.release(array);
    },
  };
}

test.each(cases)('%s has the same result with and without replay of a step', (_, sample) => {
  setBackend(spoilingBackend());
  const spec = specOf(sample);
  const learner = new Learner(spec, new Generator(0));
  const model = buildModel(spec.model.layers, sample.input, new Generator(0));
  const optimizer = buildOptimizer(spec.optimizer, model.parameters());
  const criterion = buildLoss(spec.loss);
  const losses = batchesOf(sample).map((batch) => {
    const { loss } = learner.step(batch, { measureNorm: false, snapshot: false, diagnose: true });
    const anew = inArena(() => {
      optimizer.zeroGrad();
      const [input, target] = batchTensors(batch);
      const result = criterion(model.forward(input), target);
      result.backward();
      optimizer.step();
      return result.item();
    });
    return [loss, anew];
  });
  for (const [loss, anew] of losses) expect(loss).toBe(anew);
  expect(weightsOf(learner.model)).toEqual(weightsOf(model));
});

test.each(cases)('%s has the same evaluation for the first batch of a shape and for later ones', (_, sample) => {
  setBackend(new WasmBackend());
  const spec = specOf(sample);
  const learner = new Learner(spec, new Generator(0));
  const evaluate = (of: Learner, batch: Batch): unknown => {
    const seen: unknown[] = [];
    of.model.eval();
    of.evaluate(batch, (output, loss) => seen.push(output.tolist(), loss));
    of.model.train();
    return seen;
  };
  for (const batch of batchesOf(sample)) {
    const first = new Learner(spec, new Generator(0));
    expect(evaluate(learner, batch)).toEqual(evaluate(first, batch));
  }
});

test('a step does not replay an evaluation', () => {
  setBackend(new WasmBackend());
  const sample: Case = { input: [6], target: [3], layers: [{ type: 'dropout', p: 0.9 }, ...tail], loss: mse };
  const learner = new Learner(specOf(sample), new Generator(0));
  const [batch] = batchesOf(sample);
  const losses = [true, false, true, false].map((mode) => {
    learner.model.train(mode);
    let evaluated = NaN;
    learner.evaluate(batch, (_, loss) => {
      evaluated = loss;
    });
    return evaluated;
  });
  expect(losses[1]).toBe(losses[3]);
  expect(losses[0]).not.toBe(losses[1]);
  expect(losses[2]).not.toBe(losses[0]);
});

function inNewArena<T>(step: (arena: Arena) => T): T {
  const arena = newArena();
  return enterArena(arena, () => step(arena));
}

function replayOf(sample: Case): Replay | null {
  const spec = specOf(sample);
  const model = buildModel(spec.model.layers, sample.input, new Generator(0));
  const [batch] = batchesOf(sample);
  const criterion = buildLoss(spec.loss);
  return inNewArena((arena) => {
    const [input, target] = batchTensors(batch);
    return Replay.of(arena, () => criterion(model.forward(input), target)).replay;
  });
}

test.each(cases)('%s can be replayed', (_, sample) => {
  setBackend(new WasmBackend());
  expect(replayOf(sample)).toBeInstanceOf(Replay);
});

test('code that does more than run operations cannot be replayed', () => {
  setBackend(new WasmBackend());
  const x = tensor([1, 2]);
  const { scalar, inPlace, nested, plain } = inNewArena((arena) => ({
    plain: Replay.of(arena, () => x.mul(x)).replay,
    // The call creates a tensor from the number, which is not an operation.
    scalar: Replay.of(arena, () => x.mul(3)).replay,
    inPlace: Replay.of(arena, () => x.add_(x)).replay,
    // The inner product has ended when the outer step is replayed.
    nested: Replay.of(arena, () => inArena(() => x.mul(x))).replay,
  }));
  expect(plain).not.toBeNull();
  expect([scalar, inPlace, nested]).toEqual([null, null, null]);
});

test('a tensor of a replayed step cannot be used outside of its step, like any other', () => {
  setBackend(new WasmBackend());
  const x = tensor([1, 2]);
  const { arena, result, replay } = inNewArena((arena) => ({ arena, ...Replay.of(arena, () => x.mul(x)) }));
  if (replay === null) throw new Error('the product cannot be done again');
  const values = (): unknown => result.tolist();
  expect(values).toThrow(/after its step had ended/);
  x.storage.set([3, 4]);
  const again = enterArena(arena, () => {
    replay.run();
    return values();
  });
  expect(again).toEqual([9, 16]);
  expect(values).toThrow(/after its step had ended/);
});

test('a tensor whose memory a backward pass has freed cannot be used until the next replay', () => {
  setBackend(new WasmBackend());
  const x = tensor([1, 2], { requiresGrad: true });
  inNewArena((arena) => {
    const { result, replay } = Replay.of(arena, () => {
      const middle = x.mul(x);
      return { middle, view: middle.reshape(2, 1), loss: middle.exp().sum() };
    });
    if (replay === null) throw new Error('the loss cannot be done again');
    for (let i = 0; i < 2; i++) {
      replay.run();
      expect(result.view.tolist()).toEqual([[1], [4]]);
      runBackward(result.loss, { retainGraph: true }, replay.releasesOf(result.loss));
      for (const released of [result.middle, result.view]) expect(() => released.tolist()).toThrow(/gave its room/);
    }
  });
});

test('a tensor is freed once, also if the function that is the last to read it has freed it', () => {
  const wasm = new WasmBackend();
  const release = vi.spyOn(wasm, 'release');
  const released = (): unknown[] => release.mock.calls.flat();
  setBackend(wasm);
  inNewArena(() => {
    const tensors = [1, 2, 3].map((value) => tensor([value]).mul(2));
    const storages = tensors.map(({ storage }) => storage);
    const [first, , third] = tensors;
    const pass = new BackwardPass();
    pass.release([], tensors);
    pass.endReading(first);
    pass.endReading(third);
    expect(released()).toEqual([storages[0], storages[2]]);
    pass.release(tensors, []);
    expect(released()).toEqual([storages[0], storages[2], storages[1]]);
    pass.end();
  });
});

test('a refused batch does not change the recorded step', () => {
  setBackend(new WasmBackend());
  const sample: Case = { input: [5], target: 'class', layers: tail, loss: { type: 'crossEntropy' } };
  const learner = new Learner(specOf(sample), new Generator(0));
  const other = new Learner(specOf(sample), new Generator(0));
  const options = { measureNorm: false, snapshot: false, diagnose: true };
  const batches = batchesOf(sample);
  const wrong = { ...batches[1], targets: Int32Array.of(0, 1, 7, 2) };
  batches.forEach((batch, i) => {
    if (i === 1) expect(() => learner.step(wrong, options)).toThrow(/class 7/);
    expect(learner.step(batch, options).loss).toBe(other.step(batch, options).loss);
  });
  expect(weightsOf(learner.model)).toEqual(weightsOf(other.model));
});
