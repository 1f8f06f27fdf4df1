// Groups of an optimizer: which weights get which options, what schedulers do to them, and that a run with groups resumes with the same bits.
import { manualSeed, optim, parameterGroups, setBackend, WasmBackend } from '@trainyard/engine';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { nodeThreads } from '@trainyard/engine/node';
import { buildModel, checkSpec, SpecError } from '@trainyard/engine/spec';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventsOf, run } from './runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

/** Two epochs of three steps. */
const body = {
  seed: 5,
  data: { dataset: 'digits', trainLimit: 44, testLimit: 20, batchSize: 16 },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 2, kernelSize: 3 },
      { type: 'batchNorm2d', name: 'bn1' },
      { type: 'dropout', p: 0.2 },
      { type: 'flatten' },
      { type: 'linear', name: 'fc', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
  epochs: 2,
};
const grouped = (groups: readonly object[], optimizer: object = body.optimizer): object => ({
  ...body,
  optimizer: { ...optimizer, groups },
});

async function tensorsAfter(job: object): Promise<ReadonlyMap<string, string>> {
  const { weights } = await run(job);
  return new Map(decodeSafetensors(weights).tensors.map(({ name, data }) => [name, String(data)]));
}

function problemsOf(job: object): SpecError['issues'] {
  try {
    checkSpec(job);
  } catch (error) {
    if (error instanceof SpecError) return error.issues;
    throw error;
  }
  return [];
}

describe('the groups of an optimizer', () => {
  test('have the weights that their pattern is the first to match, and no frozen ones', () => {
    const { spec } = checkSpec(body);
    const model = buildModel(spec.model.layers, [1, 28, 28], manualSeed(0));
    const names = new Map(model.namedParameters().map(([name, parameter]) => [parameter, name]));
    model.namedParameters()[0][1].requiresGrad = false;
    const groups = parameterGroups(model, ['*.bias', 'conv1', 'fc']).map((group) => group.map((parameter) => names.get(parameter)));
    expect(groups).toEqual([['bn1.weight'], ['conv1.bias', 'bn1.bias', 'fc.bias'], [], ['fc.weight']]);
  });

  test('change nothing if they have the options of the optimizer', async () => {
    const alone = await run(body);
    expect((await run(grouped([{ layers: 'conv1' }, { layers: 'fc', momentum: 0.9 }]))).result.weightsSha256).toBe(
      alone.result.weightsSha256,
    );
    expect((await run(grouped([{ layers: '*' }]))).result.weightsSha256).toBe(alone.result.weightsSha256);
  });

  test('move their weights by their own options, and the others by those of the optimizer', async () => {
    const still = await tensorsAfter(grouped([{ layers: 'conv*', learningRate: 0 }]));
    const stillLonger = await tensorsAfter({ ...grouped([{ layers: 'conv*', learningRate: 0 }]), epochs: 1 });
    expect(still.get('conv1.weight')).toBe(stillLonger.get('conv1.weight'));
    expect(still.get('fc.weight')).not.toBe(stillLonger.get('fc.weight'));
    const own = { ...body.optimizer, learningRate: 0 };
    const only = await tensorsAfter(grouped([{ layers: 'conv*', learningRate: 0.05 }], own));
    expect(only.get('conv1.weight')).not.toBe(still.get('conv1.weight'));
    expect(only.get('fc.weight')).not.toBe(still.get('fc.weight'));
  });

  test('leave the learning rate of the metrics as the optimizer has it, and follow the scheduler', async () => {
    const job = {
      ...grouped([{ layers: 'conv1', learningRate: 0.4 }]),
      scheduler: { type: 'step', stepSize: 1, gamma: 0.5 },
      epochs: 3,
    };
    expect(eventsOf((await run(job)).events, 'epoch').map(({ learningRate }) => learningRate)).toEqual([0.05, 0.025, 0.0125]);
    // The scheduler halves the learning rate of each group in all epochs.
    const halved = { ...job, scheduler: { type: 'constant', factor: 0.5, totalIters: 10 } };
    const direct = { ...grouped([{ layers: 'conv1', learningRate: 0.2 }], { ...body.optimizer, learningRate: 0.025 }), epochs: 3 };
    expect((await run(halved)).result.weightsSha256).toBe((await run(direct)).result.weightsSha256);
  });

  const types = optim.optimizerDefinitions.map(({ type }) => type);
  test.each(types)('resume with %s at any point with the bits of an uninterrupted run', async (type) => {
    const job = {
      ...grouped(
        [
          { layers: '*.bias', weightDecay: 0 },
          { layers: 'conv1', learningRate: 0.01 },
        ],
        { type, learningRate: 0.02, weightDecay: 0.01 },
      ),
      scheduler: { type: 'reduceOnPlateau', metric: 'trainLoss', threshold: 0.9, patience: 0, factor: 0.5 },
    };
    const whole = await run(job, { checkpointDue: () => true });
    for (const { bytes } of eventsOf(whole.events, 'checkpoint')) {
      setBackend(new WasmBackend());
      expect((await run(job, { resumeFrom: bytes })).result.weightsSha256).toBe(whole.result.weightsSha256);
    }
  });

  test('give the same bits on any number of threads', async () => {
    const job = grouped([{ layers: 'conv1', learningRate: 0.01 }]);
    const { result } = await run(job);
    const backend = new WasmBackend({ threads: nodeThreads(3) });
    setBackend(backend);
    try {
      expect((await run({ ...job, threads: 3 })).result.weightsSha256).toBe(result.weightsSha256);
    } finally {
      await backend.close();
    }
  });

  test('can be added when a run continues from a checkpoint: the state of each weight is kept', async () => {
    const first = await run({ ...body, epochs: 1 }, { checkpointDue: () => true });
    const resumeFrom = eventsOf(first.events, 'checkpoint').at(-1)?.bytes ?? new Uint8Array();
    const continued = await run(body, { resumeFrom });
    expect((await run(grouped([{ layers: 'conv1' }]), { resumeFrom })).result.weightsSha256).toBe(continued.result.weightsSha256);
  });

  test('count in the estimate of the memory with the arrays that each group needs', () => {
    const large = {
      ...body,
      model: { layers: [{ type: 'flatten' }, { type: 'linear', name: 'fc', outFeatures: 10_000 }, { type: 'linear', outFeatures: 10 }] },
    };
    const memoryOf = (optimizer: object): number => checkSpec({ ...large, optimizer }).summary.totals.memoryBytes;
    const [without, withMomentum] = [memoryOf({ type: 'sgd' }), memoryOf({ type: 'sgd', momentum: 0.9 })];
    expect(memoryOf({ type: 'sgd', momentum: 0.9, groups: [{ layers: '*', momentum: 0 }] })).toBe(without);
    expect(memoryOf({ type: 'sgd', groups: [{ layers: 'fc', momentum: 0.9 }] })).toBeGreaterThan(without);
    expect(memoryOf({ type: 'sgd', groups: [{ layers: 'fc', momentum: 0.9 }] })).toBeLessThan(withMomentum);
  });
});

describe('groups are refused', () => {
  test('if their pattern matches nothing, or only weights of earlier groups', () => {
    expect(problemsOf(grouped([{ layers: 'conv*' }, { layers: 'cf.*' }, { layers: 'conv1.weight' }]))).toEqual([
      {
        path: '/optimizer/groups/1/layers',
        message: '"cf.*" matches no weight of the model: the nearest names are "fc", "bn1", "conv1"',
        code: 'unknownWeight',
      },
      {
        path: '/optimizer/groups/2/layers',
        message: 'all weights that "conv1.weight" matches are in earlier groups, and the first group counts: move it up, or remove it',
        code: 'invalidValue',
      },
    ]);
  });

  test('if an option does not exist, is out of range, or contradicts another one', () => {
    expect(problemsOf(grouped([{ layers: 'fc', lr: 0.1 }]))).toMatchObject([
      { path: '/optimizer/groups/0/lr', message: 'unknown field "lr": did you mean "learningRate"?', code: 'unknownField' },
    ]);
    expect(problemsOf(grouped([{ layers: 'fc', momentum: 2 }]))).toMatchObject([{ path: '/optimizer/groups/0/momentum', code: 'tooBig' }]);
    expect(problemsOf(grouped([{ layers: 'fc', momentum: 0, nesterov: true }]))).toMatchObject([
      { path: '/optimizer/groups/0/nesterov', message: 'nesterov needs a momentum above 0 and dampening 0, got 0 and 0' },
    ]);
    expect(problemsOf(grouped([{ layers: 'fc', maximize: true }]))).toMatchObject([
      { path: '/optimizer/groups/0/maximize', code: 'unknownField' },
    ]);
    expect(problemsOf(grouped([{ learningRate: 0.1 }]))).toMatchObject([{ path: '/optimizer/groups/0/layers', code: 'required' }]);
  });

  test('by the classes of optimizers, whose groups are optimizers of their own', () => {
    const model = buildModel(checkSpec(body).spec.model.layers, [1, 28, 28], manualSeed(0));
    const options: object = { groups: [{ layers: 'fc' }] };
    expect(() => new optim.SGD(model.parameters(), options)).toThrow('unknown field "groups"');
  });
});
