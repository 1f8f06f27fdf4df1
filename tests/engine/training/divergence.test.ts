// Tests runs with numbers that are not finite. The error names the cause, the run fails or continues as the spec says, and all events are
// valid JSON.
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

  test('names the right layer, also if it ran fused with its neighbours', async () => {
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
    // The larger step overflows in the second convolution, the smaller one in the linear layer.
    for (const [learningRate, name] of [
      [1e22, 'far'],
      [1e17, '7'],
    ] as const) {
      const error = await failure({ ...digits, model: { layers: layers(4) }, optimizer: { type: 'sgd', learningRate } });
      expect(error.message).toContain(`the output of layer "${name}"`);
    }
  });

  test('names the parameter that the previous update made infinite, not a value that was computed from it', async () => {
    const error = await failure({ ...digits, optimizer: { type: 'sgd', learningRate: 1e308 } });
    expect(error).toMatchObject({ epoch: 1, step: 2 });
    expect(error.message).toMatch(/first tensor with a value of (nan|-?inf) is the parameter "hidden\.weight"/);
  });

  test('fails if only the last update made the weights not finite', async () => {
    const one = { ...digits, data: { ...digits.data, trainLimit: 32 }, epochs: 1, optimizer: { type: 'sgd', learningRate: 1e308 } };
    const error = await failure(one);
    expect(error).toMatchObject({ epoch: 1, step: 1 });
    expect(error.message).toContain('"hidden.weight"');
  });

  test('continues if the spec says so, warns once, and all its events can be converted to JSON and back', async () => {
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

  test('continues with a learning rate that has become infinite, also from a checkpoint in such an epoch', async () => {
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

/** Each test follows the advice of the error. The run then ends with a finite loss. */
describe('the remedy of a run that is not finite', () => {
  const values = {
    seed: 1,
    data: { dataset: 'random', inputShape: [4], targetShape: [3], samples: 8, batchSize: 4 },
    model: { layers: [{ type: 'linear', outFeatures: 3 }, { type: 'logSoftmax' }] },
    loss: { type: 'klDiv' },
    optimizer: { type: 'sgd', learningRate: 0.01 },
    epochs: 1,
  };
  const single = { ...digits, data: { ...digits.data, batchSize: 1 } };
  const normed = (eps: number) => ({
    ...digits,
    model: { layers: [{ type: 'flatten' }, { type: 'batchNorm1d', eps }, { type: 'linear', outFeatures: 10 }] },
  });
  const adam = (eps: number) => ({ ...digits, optimizer: { type: 'adam', learningRate: 0.01, eps } });
  const loss = (options: object) => ({ type: 'crossEntropy', ...options });

  test.for([
    [
      'where a label is ignored',
      { ...single, loss: loss({ ignoreIndex: 3 }) },
      'every label of the batch is the ignoreIndex 3, so their mean is 0/0: use a larger batchSize, or reduction "sum"',
      [
        { ...digits, loss: loss({ ignoreIndex: 3 }) },
        { ...single, loss: loss({ ignoreIndex: 3, reduction: 'sum' }), optimizer: { type: 'sgd', learningRate: 0.01 } },
      ],
    ],
    [
      'where a class has weight 0',
      { ...single, loss: loss({ weight: [1, 1, 1, 0, 1, 1, 1, 1, 1, 1] }) },
      'every label of the batch is ignored or has weight 0',
      [{ ...digits, loss: loss({ weight: [1, 1, 1, 0, 1, 1, 1, 1, 1, 1] }) }],
    ],
    [
      'where every class has weight 0',
      { ...digits, loss: loss({ weight: new Array<number>(10).fill(0) }) },
      'the weight of every class is 0: use weights above 0',
      [{ ...digits, loss: loss({ weight: new Array<number>(10).fill(1) }) }],
    ],
    [
      'where targets are no probabilities',
      values,
      'a target is below 0, so it is not a probability: use targets from 0 to 1, or logTarget for log-probabilities',
      [{ ...values, loss: { type: 'klDiv', logTarget: true } }],
    ],
    [
      'where a layer divides by a deviation of 0',
      normed(0),
      'its eps is 0 and it divides by a deviation of 0: use an eps above 0',
      [normed(1e-5)],
    ],
    ['where the optimizer divides by 0', adam(0), "the optimizer's eps is 0 and it divides by 0: use an eps above 0", [adam(1e-8)]],
    ['where the learning rate is too high', wild, 'try a learning rate below 1e+30, gradientClipping', [digits]],
  ] as const)('%s is in the error, and following it helps', async ([, body, remedy, mended]) => {
    const { message } = await failure(body);
    expect(message).toContain(remedy);
    if (!remedy.includes('learning rate')) expect(message).not.toContain('learning rate');
    for (const better of mended) expect((await run(better)).result.finalTrainLoss).toEqual(expect.any(Number));
  });
});
