// Runs whose numbers stop being finite: what is named, what becomes of the run, and that all it says stays JSON.
import { setBackend, TrainingError, WasmBackend } from '@trainyard/engine';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, eventsOf, run } from './runs.ts';

const wild = { ...digits, optimizer: { type: 'sgd', learningRate: 1e30 } };

beforeEach(() => {
  setBackend(new WasmBackend());
});

async function failure(body: unknown): Promise<TrainingError> {
  const error: unknown = await run(body).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof TrainingError) return error;
  throw new Error('the run did not fail as it should', { cause: error });
}

describe('a run whose numbers are no longer finite', () => {
  test('fails and names the first tensor, its layer, the epoch, the step and the remedy', async () => {
    const error = await failure(wild);
    expect(error).toMatchObject({ code: 'nonFinite', epoch: 1, step: 2 });
    expect(error.message).toContain('the output of layer "3"');
    expect(error.message).toContain('learning rate below 1e+30');
  });

  test('names the layer that it was, also where that ran as one with its neighbours', async () => {
    const layers = (first: number) => [
      { type: 'conv2d', name: 'near', outChannels: first, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'conv2d', name: 'far', outChannels: 2, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ];
    // The larger step is too much for the second convolution's sums already, the smaller one for the linear layer's.
    for (const [learningRate, name] of [
      [1e22, 'far'],
      [1e17, '7'],
    ] as const) {
      const error = await failure({ ...digits, model: { layers: layers(4) }, optimizer: { type: 'sgd', learningRate } });
      expect(error.message).toContain(`the output of layer "${name}"`);
    }
  });

  test('blames the parameter that the update before broke, not what was computed from it', async () => {
    const error = await failure({ ...digits, optimizer: { type: 'sgd', learningRate: 1e308 } });
    expect(error).toMatchObject({ epoch: 1, step: 2 });
    expect(error.message).toMatch(/first tensor with a value of (nan|-?inf) is the parameter "hidden\.weight"/);
  });

  test('fails when only its last update broke the weights', async () => {
    const one = { ...digits, data: { ...digits.data, trainLimit: 32 }, epochs: 1, optimizer: { type: 'sgd', learningRate: 1e308 } };
    const error = await failure(one);
    expect(error).toMatchObject({ epoch: 1, step: 1 });
    expect(error.message).toContain('"hidden.weight"');
  });

  test('goes on where the spec says so, warns once, and everything it tells survives JSON', async () => {
    const { events, result } = await run({ ...wild, onNonFinite: 'continue' }, { stepEventMs: 0 });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(eventsOf(events, 'epoch')[0]).toMatchObject({ trainLoss: null, nonFinite: { trainLoss: 'nan' } });
    expect(result.nonFinite).toMatchObject({ finalTrainLoss: 'nan', bestTestLoss: 'nan' });
    expect(eventsOf(events, 'epoch')).toHaveLength(2);
    expect(eventsOf(events, 'log')).toEqual([
      { type: 'log', level: 'warn', message: expect.stringContaining('output of layer "3"') as string },
    ]);
    expect(result.divergence).toMatchObject({ epoch: 1, step: 2, kind: 'output', name: '3' });
  });

  test('goes on with a learning rate that outgrew all numbers, also from a checkpoint in such an epoch', async () => {
    const scheduler = { type: 'exponential', gamma: 1e200 };
    const overflowing = { ...digits, epochs: 4, scheduler, onNonFinite: 'continue' };
    const whole = await run(overflowing, { checkpointDue: ({ epoch, step }) => epoch === 2 && step === 3 });
    expect(JSON.parse(JSON.stringify(eventsOf(whole.events, 'epoch')))).toEqual(eventsOf(whole.events, 'epoch'));
    expect(eventsOf(whole.events, 'epoch').map(({ learningRate, nonFinite }) => [learningRate, nonFinite?.learningRate])).toEqual([
      [0.1, undefined],
      [expect.any(Number), undefined],
      [null, 'inf'],
      [null, 'inf'],
    ]);
    const [{ bytes }] = eventsOf(whole.events, 'checkpoint');
    const resumed = await run(overflowing, { resumeFrom: bytes });
    expect(resumed.result.weightsSha256).toBe(whole.result.weightsSha256);
    expect(eventsOf(resumed.events, 'epoch').map(({ epoch }) => epoch)).toEqual([3, 4]);
  });
});
