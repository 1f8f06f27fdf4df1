// Tests that a run that resumes from a checkpoint ends bit for bit like an uninterrupted run. Files that are not checkpoints, and
// checkpoints of other runs, are refused.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { optim, setBackend, WasmBackend } from '@trainyard/engine';
import { CheckpointError, decodeSafetensors, encodeSafetensors, type Position } from '@trainyard/engine/formats';
import { schedulerDefinitions } from '@trainyard/engine/spec';
import { asyncProperty, assert, constantFrom, nat, record } from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, eventsOf, type FinishedRun, run } from './runs.ts';

beforeEach(() => {
  setBackend(new WasmBackend());
});

/** Three epochs of three steps, with all parts that use random numbers or keep state between batches. */
const restless = {
  seed: 5,
  data: {
    dataset: 'digits',
    trainLimit: 44,
    testLimit: 20,
    batchSize: 16,
    transforms: [{ type: 'randomCrop', size: 12, padding: 1 }, { type: 'horizontalFlip' }],
  },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv', outChannels: 2, kernelSize: 3 },
      { type: 'batchNorm2d' },
      { type: 'prelu' },
      { type: 'dropout', p: 0.3 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
  gradientClipping: { maxNorm: 1 },
  epochs: 3,
};

const textOf = ({ epoch, step }: Position): string => `${epoch}.${step}`;

/** Runs a spec with a checkpoint at every possible point. Returns the checkpoints and the run. */
async function checkpointsOf(body: unknown): Promise<{ readonly whole: FinishedRun; readonly checkpoints: readonly Uint8Array[] }> {
  const whole = await run(body, { checkpointDue: () => true });
  return { whole, checkpoints: eventsOf(whole.events, 'checkpoint').map(({ bytes }) => bytes) };
}

/** Resumes in a new backend, without any state of the earlier run. */
async function resume(body: unknown, resumeFrom: Uint8Array, options: Parameters<typeof run>[1] = {}): Promise<FinishedRun> {
  setBackend(new WasmBackend());
  return await run(body, { ...options, resumeFrom });
}

describe('a run that resumes from a checkpoint', () => {
  test('ends with the weights of an uninterrupted run, from any checkpoint, and has events for the remaining epochs', async () => {
    const undisturbed = await run(restless);
    const { whole, checkpoints } = await checkpointsOf(restless);
    const epoch = (number: number): string[] => [0, 1, 2].map((step) => `${number}.${step + 1}`);
    const evaluating = (number: number): string[] => [`${number}.3`, `${number + 1}.0`];
    expect(eventsOf(whole.events, 'checkpoint').map(textOf)).toEqual([
      ...[0, 1, 2].flatMap((number) => [...epoch(number), ...evaluating(number)]),
      '3.0',
    ]);
    expect(whole.result.weightsSha256).toBe(undisturbed.result.weightsSha256);
    const metrics = ({ events }: FinishedRun): unknown[] =>
      eventsOf(events, 'epoch').map(({ seconds: _seconds, samplesPerSecond: _rate, ...measured }) => measured);
    for (const [at, checkpoint] of checkpoints.entries()) {
      const resumed = await resume(restless, checkpoint);
      expect(resumed.result.weightsSha256).toBe(undisturbed.result.weightsSha256);
      expect(metrics(resumed)).toEqual(metrics(undisturbed).slice(Math.floor((at + 1) / 5)));
      expect(resumed.result).toMatchObject({
        finalTrainLoss: undisturbed.result.finalTrainLoss,
        bestTestLoss: undisturbed.result.bestTestLoss,
        testAccuracy: undisturbed.result.testAccuracy,
      });
      expect(eventsOf(resumed.events, 'log')).toEqual([]);
    }
  });

  const schedulers: Readonly<Record<string, object>> = {
    step: { stepSize: 1, gamma: 0.5 },
    multiStep: { milestones: [2, 5], interval: 'step' },
    exponential: { gamma: 0.9, interval: 'step' },
    cosine: { tMax: 3 },
    cosineWarmRestarts: { t0: 2, interval: 'step' },
    linear: { totalIters: 4, interval: 'step' },
    constant: { totalIters: 2 },
    polynomial: { totalIters: 7, interval: 'step' },
    oneCycle: { maxLearningRate: 0.1 },
    reduceOnPlateau: { metric: 'trainLoss', threshold: 0.9, patience: 0, factor: 0.5 },
  };
  const optimizers = optim.optimizerDefinitions.map(({ type }) => type);

  test.each(optimizers)('resumes with %s at any point', async (type) => {
    const body = { ...restless, epochs: 2, optimizer: { type, learningRate: 0.02, weightDecay: 0.01 } };
    const { whole, checkpoints } = await checkpointsOf(body);
    for (const checkpoint of checkpoints) expect((await resume(body, checkpoint)).result.weightsSha256).toBe(whole.result.weightsSha256);
  });

  test.each(schedulerDefinitions.map(({ type }) => type))('resumes with the scheduler %s at any point', async (type) => {
    const body = { ...restless, scheduler: { type, ...schedulers[type] } };
    const { whole, checkpoints } = await checkpointsOf(body);
    expect(whole.result.weightsSha256).not.toBe((await run(restless)).result.weightsSha256);
    for (const checkpoint of checkpoints) expect((await resume(body, checkpoint)).result.weightsSha256).toBe(whole.result.weightsSha256);
  });

  test('can be stopped and resumed several times', async () => {
    const places = record({ first: nat(16), second: nat(16) });
    const any = record({
      optimizer: constantFrom(...optimizers),
      scheduler: constantFrom(...Object.keys(schedulers)),
      seed: nat(),
      places,
    });
    await assert(
      asyncProperty(any, async ({ optimizer, scheduler, seed, places: { first, second } }) => {
        const body = {
          ...restless,
          seed,
          optimizer: { type: optimizer, learningRate: 0.02 },
          scheduler: { type: scheduler, ...schedulers[scheduler] },
        };
        const { whole, checkpoints } = await checkpointsOf(body);
        const { events } = await resume(body, checkpoints[first % checkpoints.length], { checkpointDue: () => true });
        const later = eventsOf(events, 'checkpoint');
        const { result } = await resume(body, later[second % later.length].bytes);
        expect(result.weightsSha256).toBe(whole.result.weightsSha256);
      }),
      { numRuns: 8 },
    );
  });

  test('can resume in another process', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
    try {
      const { whole, checkpoints } = await checkpointsOf({ ...restless, optimizer: { type: 'adamW' } });
      const [specFile, checkpointFile] = [join(folder, 'spec.json'), join(folder, 'checkpoint.safetensors')];
      await writeFile(specFile, JSON.stringify({ ...restless, optimizer: { type: 'adamW' } }));
      await writeFile(checkpointFile, checkpoints[6]);
      const program = new URL('./fixtures/resume.ts', import.meta.url).pathname;
      const { stdout } = await promisify(execFile)(process.execPath, [program, specFile, checkpointFile]);
      expect(stdout).toBe(whole.result.weightsSha256);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('keeps the state of early stopping, and ends at once if it had stopped early', async () => {
    const body = { ...restless, epochs: 9, earlyStopping: { metric: 'trainLoss', minDelta: 10, patience: 3 } };
    const { whole, checkpoints } = await checkpointsOf(body);
    expect(whole.result.stoppedEarly).toMatchObject({ epoch: 4, bestEpoch: 1 });
    for (const checkpoint of [checkpoints[7], checkpoints[17], checkpoints.at(-1) ?? checkpoints[0]]) {
      const { result } = await resume(body, checkpoint);
      expect(result).toMatchObject({ weightsSha256: whole.result.weightsSha256, stoppedEarly: whole.result.stoppedEarly });
    }
  });

  test('keeps sums that are not finite', async () => {
    const body = { ...digits, optimizer: { type: 'sgd', learningRate: 1e30 }, onNonFinite: 'continue' };
    const { whole, checkpoints } = await checkpointsOf(body);
    for (const checkpoint of [checkpoints[4], checkpoints[10]]) {
      const resumed = await resume(body, checkpoint);
      expect(resumed.result).toMatchObject({ weightsSha256: whole.result.weightsSha256, divergence: whole.result.divergence });
      expect(eventsOf(resumed.events, 'epoch').at(-1)?.nonFinite).toEqual(eventsOf(whole.events, 'epoch').at(-1)?.nonFinite);
    }
  });

  test('includes the time of the earlier run in its duration', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const { tensors, metadata } = decodeSafetensors(checkpoints[0]);
    const state = { ...(JSON.parse(metadata['state']) as object), seconds: 3600 };
    const { bytes } = encodeSafetensors(tensors, { ...metadata, state: JSON.stringify(state) });
    expect((await resume(restless, bytes)).result.seconds).toBeGreaterThan(3600);
  });
});

describe('a checkpoint with a changed spec', () => {
  test('with more epochs gives the result of a run that had more epochs from the beginning', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const longer = { ...restless, epochs: 5 };
    const { result, events } = await resume(longer, checkpoints.at(-1) ?? checkpoints[0]);
    expect(result.weightsSha256).toBe((await run(longer)).result.weightsSha256);
    expect(eventsOf(events, 'epoch').map(({ epoch }) => epoch)).toEqual([4, 5]);
  });

  test('with another optimizer keeps the weights, and the log says that the optimizer begins anew', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const { events, result } = await resume({ ...restless, optimizer: { type: 'adam' } }, checkpoints[6]);
    expect(eventsOf(events, 'log').map(({ message }) => message)).toEqual([
      'the optimizer begins anew: what it remembered is of another kind',
    ]);
    expect(result.testAccuracy).not.toBeNull();
  });

  test('with another learning rate keeps the state of the optimizer', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const { events } = await resume({ ...restless, optimizer: { ...restless.optimizer, learningRate: 0.001 } }, checkpoints[6]);
    expect(eventsOf(events, 'log')).toEqual([]);
    expect(eventsOf(events, 'epoch').map(({ learningRate }) => learningRate)).toEqual([0.05, 0.001]);
  });

  test('with other data begins the current epoch anew, and the log says so', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const { events } = await resume({ ...restless, data: { ...restless.data, batchSize: 4 } }, checkpoints[6], { stepEventMs: 0 });
    expect(eventsOf(events, 'step')[0]).toMatchObject({ epoch: 2, step: 1, stepsPerEpoch: 11 });
    expect(eventsOf(events, 'log').map(({ message }) => message)).toEqual(['epoch 2 begins anew: it goes over other data']);
  });

  test('is refused for another model, with all differences in the error, and for a run that ends before the checkpoint', async () => {
    const { checkpoints } = await checkpointsOf(restless);
    const layers = restless.model.layers.with(0, { type: 'conv2d', name: 'first', outChannels: 2, kernelSize: 5 });
    await expect(resume({ ...restless, model: { layers } }, checkpoints[0])).rejects.toThrow(
      /another model's: 7 of 10 tensors match; "first.weight" .* is missing; .*"5.weight" has shape .*"conv.bias" is not in the model/,
    );
    await expect(resume({ ...restless, epochs: 2 }, checkpoints.at(-1) ?? checkpoints[0])).rejects.toThrow(/use at least \d+ epochs/);
  });
});

describe('a file that is not a checkpoint', () => {
  test('is refused with the reason before anything is loaded', async () => {
    const { whole, checkpoints } = await checkpointsOf(restless);
    const { tensors, metadata } = decodeSafetensors(checkpoints[3]);
    const changed = (change: Record<string, string | undefined>, kept = tensors): Uint8Array =>
      encodeSafetensors(kept, JSON.parse(JSON.stringify({ ...metadata, ...change })) as Record<string, string>).bytes;
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [new Uint8Array(), /not a checkpoint/],
      [checkpoints[3].subarray(0, -8), /not a checkpoint: .* after the file/],
      [whole.weights, /only weights .* initialWeights/],
      [changed({ checkpoint: '99' }), /format 99/],
      [changed({ state: undefined }), /lacks "state"/],
      [changed({ state: '{' }), /"state" of the checkpoint is not JSON/],
      [changed({ state: '{}' }), /"state" of the checkpoint is wrong: \/epochsDone/],
      [changed({ updates: '{}' }), /unknown tensor "\.optimizer/],
      [
        changed(
          {},
          tensors.filter(({ name }) => name !== '.random'),
        ),
        /lacks its random state/,
      ],
      [
        changed(
          {},
          tensors.filter(({ name }) => name !== '1.running_mean'),
        ),
        /"1\.running_mean" \[2\] is missing/,
      ],
    ];
    for (const [bytes, message] of cases) {
      const refused = expect(resume(restless, bytes)).rejects;
      await refused.toThrow(message);
      await expect(resume(restless, bytes)).rejects.toBeInstanceOf(CheckpointError);
    }
  });
});
