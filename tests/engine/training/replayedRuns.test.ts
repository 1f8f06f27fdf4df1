// Compares whole runs with and without replay of steps and evaluations. For random specs, all events and the weights are the same, bit for
// bit. ../replay.test.ts tests single layers and losses.
import { type Arbitrary, asyncProperty, assert, boolean, constant, constantFrom, integer, oneof, option, record, tuple } from 'fast-check';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { setBackend, train, type TrainingEvent, type TrainOptions, WasmBackend } from '../../../packages/engine/src/index.ts';
import { checkSpec, type JobSpec, SpecError } from '../../../packages/engine/src/spec.ts';
import { nodeThreads } from '../../../packages/engine/src/node/index.ts';
import { optimizerDefinitions } from '../../../packages/engine/src/optim/index.ts';
import { Replay } from '../../../packages/engine/src/replay.ts';
import { networkFor } from '../../support/layerArbitrary.ts';
import { layerSamples } from '../../support/layerSamples.ts';
import { noFiles } from './runs.ts';

// The runs use one backend one after the other, as in a training process.
const backend = new WasmBackend();
afterAll(() => backend.close());
afterEach(() => vi.restoreAllMocks());

const ofClasses = oneof(
  record({ type: constant('crossEntropy'), labelSmoothing: constantFrom(0, 0.1), ignoreIndex: constantFrom(-100, 3) }).map((loss) => ({
    loss,
    last: [] as object[],
  })),
  constant({ loss: { type: 'nll', weight: [1, 2, 1, 0.5, 1, 1, 1, 3, 1, 1] }, last: [{ type: 'logSoftmax' }] }),
);
const ofValues = constantFrom(
  { loss: { type: 'mse' }, last: [] },
  { loss: { type: 'l1', reduction: 'sum' }, last: [] },
  { loss: { type: 'huber', delta: 0.5 }, last: [{ type: 'prelu', numParameters: 3 }] },
  { loss: { type: 'smoothL1', beta: 0.5 }, last: [] },
  { loss: { type: 'bceWithLogits', posWeight: [2, 1, 3] }, last: [] },
  { loss: { type: 'klDiv', reduction: 'batchmean', logTarget: true }, last: [{ type: 'logSoftmax' }] },
);

const optimizers = tuple(
  constantFrom(...optimizerDefinitions),
  // Some of these diverge.
  constantFrom(0.001, 0.01, 0.3, 1e20),
  constantFrom({}, { momentum: 0.9 }, { momentum: 0.5, nesterov: true }, { weightDecay: 0.01 }, { amsgrad: true }, { centered: true }),
).map(([{ type, schema }, learningRate, more]) => ({
  type,
  learningRate,
  ...Object.fromEntries(Object.entries(more).filter(([name]) => name in schema.shape)),
}));

const interval = constantFrom('epoch', 'step');
const schedulers = oneof(
  interval.map((interval) => ({ type: 'step', stepSize: 2, gamma: 0.5, interval })),
  interval.map((interval) => ({ type: 'cosine', tMax: 5, interval })),
  interval.map((interval) => ({ type: 'linear', totalIters: 4, interval })),
  interval.map((interval) => ({ type: 'oneCycle', maxLearningRate: 0.1, interval, cycleMomentum: false })),
  constant({ type: 'oneCycle', maxLearningRate: 0.1 }),
  constant({ type: 'reduceOnPlateau', metric: 'trainLoss', patience: 0 }),
);

/** Layers that random options produce rarely or never. */
const special = constantFrom<object[]>(
  [],
  [{ type: 'dropout', p: 0.4 }],
  [{ type: 'dropout2d', p: 0.4 }],
  [{ type: 'batchNorm2d' }],
  [{ type: 'instanceNorm2d', affine: true, trackRunningStats: true }],
  [
    {
      type: 'residual',
      ...layerSamples['residual']?.options,
      layers: [
        { type: 'conv2d', outChannels: 3, kernelSize: 3, padding: 1 },
        { type: 'dropout', p: 0.3 },
      ],
    },
  ],
  [{ type: 'squeezeExcite', squeezeChannels: 2 }],
  [
    {
      type: 'branches',
      branches: [
        [{ type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 1 }, { type: 'relu' }, { type: 'dropout2d', p: 0.3 }],
        [{ type: 'batchNorm2d' }],
        [],
      ],
    },
  ],
  [{ type: 'branches', merge: 'add', branches: [[{ type: 'batchNorm2d' }], [{ type: 'dropout', p: 0.3 }], []] }],
  [{ type: 'conv2d', outChannels: 5, kernelSize: 3, padding: 1 }, { type: 'relu' }, { type: 'maxPool2d', kernelSize: 2 }],
  [{ type: 'convTranspose2d', outChannels: 3, kernelSize: 2, stride: 2 }],
  [{ type: 'upsample', scaleFactor: 2, mode: 'bilinear' }],
);

const run = {
  seed: integer({ min: 0, max: 99 }),
  optimizer: optimizers,
  scheduler: option(schedulers, { nil: undefined }),
  gradientClipping: option(constant({ maxNorm: 0.5 }), { nil: undefined }),
  earlyStopping: option(constant({ metric: 'trainLoss', patience: 0 }), { nil: undefined }),
  epochs: integer({ min: 1, max: 4 }),
  onNonFinite: constantFrom('fail', 'continue'),
};
const batches = { batchSize: integer({ min: 1, max: 7 }), dropLast: boolean(), shuffle: boolean() };
const augmented = [{ type: 'randomCrop', size: 8, padding: 1 }, { type: 'horizontalFlip' }, { type: 'normalize', mean: [0.3], std: [0.4] }];

/** The parts of a random job. Special layers are placed before the network's own layers if they fit. */
interface Parts {
  readonly special: readonly object[];
  readonly layers: readonly object[];
  readonly last: readonly object[];
  readonly rest: object;
}

/** Builds the job from these parts, without the special layers if they do not fit. Returns null if the spec is not valid. */
function jobOf({ special, layers, last, rest }: Parts): JobSpec | null {
  for (const first of [special, []]) {
    try {
      return checkSpec({ ...rest, model: { layers: [...first, ...layers, ...last] } }).spec;
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
    }
  }
  return null;
}

const valueShapes = constantFrom<number[][]>([3, 6, 5], [2, 4, 4], [6]);
const valueJobs = tuple(networkFor(valueShapes), special, ofValues, record(run), record(batches), integer({ min: 4, max: 20 })).map(
  ([{ inputShape, layers }, special, { loss, last }, options, batching, samples]): Parts => ({
    special,
    layers,
    last: [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }, ...last],
    rest: { ...options, loss, data: { dataset: 'random', inputShape, targetShape: [3], samples, testSplit: 0.3, ...batching } },
  }),
);
const classJobs = tuple(networkFor(constant([1, 8, 8])), special, ofClasses, record(run), record(batches), constantFrom([], augmented)).map(
  ([{ layers }, special, { loss, last }, options, batching, transforms]): Parts => ({
    special,
    layers,
    last: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }, ...last],
    rest: { ...options, loss, data: { dataset: 'digits', trainLimit: 23, testLimit: 9, transforms, ...batching } },
  }),
);
const jobs: Arbitrary<JobSpec> = oneof(valueJobs, classJobs)
  .map(jobOf)
  .filter((spec) => spec !== null);

/** All events of a run, without times, and its end. */
interface Told {
  readonly events: TrainingEvent[];
  readonly end: unknown;
  /** The checkpoint at the requested step. */
  readonly checkpoint: Uint8Array | null;
}

const withoutTimes = (event: TrainingEvent): TrainingEvent =>
  event.type === 'epoch' ? { ...event, seconds: 0, samplesPerSecond: 0 } : event;

/** Trains to the end, with a checkpoint at step `at` of the whole run. Runs `others` at every event. */
async function tellOf(spec: JobSpec, at: number, resumeFrom: Uint8Array | null, others: () => Promise<void> = noOthers): Promise<Told> {
  let steps = 0;
  const options: TrainOptions = {
    files: noFiles,
    stepEventMs: 0,
    checkpointDue: () => steps++ === at,
    ...(resumeFrom !== null && { resumeFrom }),
  };
  const training = train(spec, options);
  const events: TrainingEvent[] = [];
  let checkpoint: Uint8Array | null = null;
  try {
    for (;;) {
      const { done, value } = await training.next();
      if (done === true) {
        const { seconds: _, peakMemoryBytes: __, ...result } = value.result;
        // A string, because comparing long arrays is slow.
        const weights = Buffer.from(value.weights).toString('base64');
        return { events, end: { weights, result }, checkpoint };
      }
      if (value.type === 'checkpoint') checkpoint ??= value.bytes;
      else events.push(withoutTimes(value));
      await others();
    }
  } catch (error) {
    return { events, end: error, checkpoint };
  }
}

const noOthers = (): Promise<void> => Promise.resolve();

/** Trains without replay. */
async function toldAnew(spec: JobSpec, at: number): Promise<Told> {
  const spy = vi.spyOn(Replay, 'of').mockImplementation((_arena, compute) => ({ result: compute(), replay: null }));
  try {
    return await tellOf(spec, at, null);
  } finally {
    spy.mockRestore();
  }
}

/** Returns a function that continues another run by one event. */
function otherRun(spec: JobSpec): () => Promise<void> {
  const training = train(spec, { files: noFiles, stepEventMs: 0 });
  return async () => {
    try {
      await training.next();
    } catch {
      // A run that diverges has ended.
    }
  };
}

/** Returns the events with numbers, without phases and without the log line about resuming. */
const numbersOf = ({ events }: Told): TrainingEvent[] => events.filter(({ type }) => type !== 'phase' && type !== 'log');

test('a run of any spec has the same events and the same weights with and without replay', async () => {
  setBackend(backend);
  const again = vi.spyOn(Replay.prototype, 'run');
  let doneAgain = 0;
  await assert(
    asyncProperty(jobs, jobs, integer({ min: 0, max: 20 }), constantFrom(1, 2), async (spec, other, at, threads) => {
      await backend.useThreads(nodeThreads(threads));
      const anew = await toldAnew(spec, at);
      expect(again).not.toHaveBeenCalled();
      const replayed = await tellOf(spec, at, null, otherRun(other));
      expect({ ...replayed, checkpoint: null }).toEqual({ ...anew, checkpoint: null });
      if (replayed.checkpoint !== null) {
        const resumed = await tellOf(spec, -1, replayed.checkpoint);
        expect(resumed.end).toEqual(anew.end);
        const [told, rest] = [numbersOf(anew), numbersOf(resumed)];
        expect(rest).toEqual(told.slice(told.length - rest.length));
      }
      doneAgain += again.mock.calls.length;
      again.mockClear();
    }),
    { numRuns: 60 },
  );
  expect(doneAgain).toBeGreaterThan(0);
});
