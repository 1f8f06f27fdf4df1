// The program of a training child: the engine, its datasets and the files that weights and checkpoints go to. A worker forks it;
// how it is spoken to is serveTraining.ts's. It has no Redis and no settings but its argument and those that come with an order.
import { readFile, writeFile } from 'node:fs/promises';
import { checkSpec, InlineLoader, setBackend, type TrainOptions, train, WasmBackend } from '@trainyard/engine';
import { AheadLoader, NodeDatasetFiles, nodeThreads, UnpackedFiles } from '@trainyard/engine/node';
import { CheckpointFiles } from './checkpointFiles.ts';
import { RELAXED } from './messages.ts';
import { serveTraining } from './serveTraining.ts';
import { SnapshotFiles } from './snapshotFiles.ts';

/** From this size on, a dataset gets a thread that gathers its batches ahead; below, starting one costs more than it saves. */
const AHEAD_BYTES = 4 * 2 ** 20;

/** Unpacked files that the process keeps from job to job: room for two datasets of MNIST's size. */
const unpacked = new UnpackedFiles(128 * 2 ** 20);

/** One for all jobs, so that what was compiled and optimised for one serves the next. */
const backend = new WasmBackend(
  process.argv.includes(RELAXED) ? { kernels: (await import('@trainyard/engine/relaxed')).relaxedKernels } : {},
);
setBackend(backend);

const openLoader: NonNullable<TrainOptions['openLoader']> = (dataset, options) =>
  dataset.inputs.byteLength < AHEAD_BYTES ? new InlineLoader(dataset, options) : new AheadLoader(dataset, options);

/**
 * Trains a small network once, so that the first job finds the engine compiled and optimised. It is the tutorial's,
 * which every job that convolves resembles.
 */
async function warmUp(): Promise<void> {
  const { spec } = checkSpec({
    seed: 0,
    data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 1 },
    model: {
      layers: [
        { type: 'conv2d', outChannels: 6, kernelSize: 5 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'conv2d', outChannels: 16, kernelSize: 5 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 10 },
      ],
    },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.01 },
    epochs: 10,
  });
  const events = train(spec, { files: new NodeDatasetFiles({ folders: [], home: '' }) });
  while ((await events.next()).done !== true);
}

/** A spec that was stored before specs had threads has none. */
const threadsOf = ({ threads = 1 }: { threads?: number }): number => threads;

await serveTraining(async function* ({ spec, modelFile, data, resumeFile, initialFile, ...order }, { stop, pause }) {
  await backend.useThreads(nodeThreads(threadsOf(spec)));
  const checkpoints = new CheckpointFiles(order);
  const snapshots = new SnapshotFiles(order);
  // While data loads there is nothing to keep, and loading can take long.
  const loading = new AbortController();
  const stopLoading = (): void => loading.abort(pause.reason);
  pause.addEventListener('abort', stopLoading);
  const events = train(spec, {
    files: new NodeDatasetFiles(data, {}, unpacked),
    signal: AbortSignal.any([stop, loading.signal]),
    openLoader,
    checkpointDue: () => pause.aborted || checkpoints.due(),
    ...(resumeFile !== null && { resumeFrom: await readFile(resumeFile) }),
    ...(initialFile !== null && { initialWeights: await readFile(initialFile) }),
  });
  try {
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done === true) {
        await writeFile(modelFile, next.value.weights);
        yield* snapshots.write();
        return next.value.result;
      }
      const event = next.value;
      if (event.type === 'gradients' || event.type === 'evaluation') snapshots.add(event);
      else if (event.type !== 'checkpoint') {
        if (event.type === 'phase' && event.phase === 'training') pause.removeEventListener('abort', stopLoading);
        yield event;
      }
      // What a checkpoint goes on from is not told of again.
      if (snapshots.due || event.type === 'checkpoint') yield* snapshots.write();
      if (event.type !== 'checkpoint') continue;
      yield await checkpoints.write(event);
      if (pause.aborted) {
        await events.return(undefined as never);
        return 'paused';
      }
    }
  } catch (error) {
    // What led to a run's failure is what one wants to look at.
    yield* snapshots.write();
    throw error;
  }
}, warmUp);
