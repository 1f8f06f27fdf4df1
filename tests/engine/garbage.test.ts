// Measures the garbage that training leaves on JavaScript's heap. A job replays its first step, so later steps and the loop around them
// create almost no garbage. Steps that a user writes create a few objects for each operation. The amount for each step does not grow with
// the batch, with the sizes of layers or with the number of steps.
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { Generator, inArena, MSELoss, optim, randn, setBackend, type Shape, train, WasmBackend } from '../../packages/engine/src/index.ts';
import { buildModel, checkSpec, type JobSpec, layerSchema } from '../../packages/engine/src/spec.ts';
import { Learner } from '../../packages/engine/src/training/learner.ts';
import { noFiles } from './training/runs.ts';

// V8 then optimises functions after hundreds of calls instead of thousands, so that the test needs fewer measurements.
setFlagsFromString('--invocation-count-for-maglev=100');
setFlagsFromString('--invocation-count-for-turbofan=300');

const layers = [
  { type: 'conv2d', outChannels: 6, kernelSize: 5 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'conv2d', outChannels: 16, kernelSize: 5 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 120 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 84 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 10 },
].map((layer) => layerSchema.parse(layer));

/** Returns one step of LeNet, as in the tutorial. */
function lenetStep(batch: number): () => number {
  const model = buildModel(layers, [1, 32, 32], new Generator(0));
  const [input, target] = [randn([batch, 1, 32, 32]), randn([batch, 10])];
  const criterion = new MSELoss();
  const optimizer = new optim.SGD(model.parameters(), { learningRate: 0.01, momentum: 0.9 });
  return () =>
    inArena(() => {
      optimizer.zeroGrad();
      const loss = criterion.forward(model.forward(input), target);
      loss.backward();
      optimizer.step();
      return loss.item();
    });
}

const digit = [1, 32, 32];
const sgd = { type: 'sgd', learningRate: 0.001, momentum: 0.9 };

const jobOf = (inputShape: Shape, model: object, optimizer: object, epochs: number): JobSpec =>
  checkSpec({
    seed: 0,
    data: { dataset: 'random', inputShape, targetShape: [10], samples: 256, batchSize: 1 },
    model,
    loss: { type: 'mse' },
    optimizer,
    gradientClipping: { maxNorm: 100 },
    scheduler: { type: 'cosine', tMax: 1000, interval: 'step' },
    epochs,
  }).spec;

/** Returns a step of a job. */
function jobStep(batch: number, shape: Shape = digit, model: object = { layers }, optimizer: object = sgd): () => number {
  const learner = new Learner(jobOf(shape, model, optimizer, 1), new Generator(0));
  const inputShape = [batch, ...shape];
  const inputs = new Generator(1).normal_(new Float32Array(inputShape.reduce((size, length) => size * length)));
  const given = { size: batch, inputShape, inputs, targetShape: [batch, 10], targets: new Float32Array(batch * 10) };
  const options = { measureNorm: false, snapshot: false, diagnose: true };
  return () => learner.step(given, options).loss;
}

interface ProfileNode {
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

const totalSize = ({ selfSize, children }: ProfileNode): number => children.reduce((sum, child) => sum + totalSize(child), selfSize);

/** Returns the bytes that each `run` allocates on JavaScript's heap, including collected ones, as measured by V8's sampling profiler. */
async function bytesPerRun(run: () => void, runs: number): Promise<number> {
  const bytes = await bytesOf(() => {
    for (let i = 0; i < runs; i++) run();
    return Promise.resolve();
  });
  return bytes / runs;
}

/**
 * Repeats the measurement up to a hundred times, until it is below `most`, and returns the last result. Code that V8 has not optimised yet
 * allocates more, and on a busy machine the optimisation takes some time.
 */
async function steady(measure: () => Promise<number>, most: number): Promise<number> {
  let bytes = await measure();
  for (let more = 0; more < 99 && bytes >= most; more++) bytes = await measure();
  return bytes;
}

async function bytesOf(run: () => Promise<void>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: 1024,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await run();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return totalSize(profile.head);
  } finally {
    session.disconnect();
  }
}

describe("a training step's garbage", () => {
  // Measured: 0.1, 0.1, 1.4 and 0.4 KB in jobs, 10 KB as a user writes it; the activations of a batch of 16 alone are 560 KB.
  test.each([
    ['in a job with LeNet', () => jobStep(1), 1_500],
    ['in a job with LeNet and a batch of 16', () => jobStep(16), 1_500],
    ['in a job with LeNet and Adam', () => jobStep(1, digit, { layers }, { type: 'adam' }), 3_500],
    ['in a job with a ResNet', () => jobStep(1, [3, 8, 8], { preset: 'resnet8' }), 3_500],
    ['as a user writes it', () => lenetStep(1), 24_000],
    ['as a user writes it with a batch of 16', () => lenetStep(16), 24_000],
  ] as const)('%s is small', async (_, stepOf, most) => {
    setBackend(new WasmBackend());
    const step = stepOf();
    expect(await steady(() => bytesPerRun(step, 400), most)).toBeLessThan(most);
  });

  test('with the loop around it is small in a job: batches, rates, events and checks for checkpoints', async () => {
    setBackend(new WasmBackend());
    const events = train(jobOf(digit, { layers }, sgd, 1_000), { files: noFiles, inspect: false, checkpointDue: () => false });
    const epochs = async (count: number): Promise<void> => {
      for (let seen = 0; seen < count; ) {
        const { value, done } = await events.next();
        if (done === true) throw new Error('the training ended before it was measured');
        if (value.type === 'epoch') seen += 1;
      }
    };
    // Measured: 0.6 KB a step.
    const perStep = async (): Promise<number> => (await bytesOf(() => epochs(8))) / (8 * 256);
    expect(await steady(perStep, 2_000)).toBeLessThan(2_000);
  });

  test('does not accumulate: arenas and persistent memory have the same size after many steps as after a few', () => {
    const backend = new WasmBackend();
    setBackend(backend);
    const step = lenetStep(4);
    for (let i = 0; i < 3; i++) step();
    const before = backend.memoryUse();
    for (let i = 0; i < 200; i++) step();
    expect(backend.memoryUse()).toEqual(before);
  });
});
