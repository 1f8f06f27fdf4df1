// The program of a training child, which the worker forks: trains jobs with the engine and writes weights and checkpoints to files.
// serveTraining.ts handles the messages. The child does not connect to Redis. It gets its settings from its arguments and from each
// training order.
import { readFile } from 'node:fs/promises';
import { setBackend, train, WasmBackend } from '@trainyard/engine';
import { NodeDatasetFiles, nodeThreads, openLoader, UnpackedFiles } from '@trainyard/engine/node';
import { checkSpec } from '@trainyard/engine/spec';
import { CheckpointFiles } from './checkpointFiles.ts';
import { freeBytes } from './freeBytes.ts';
import { memoryBytesOf } from './memoryLimit.ts';
import { RELAXED, type ReportedEvent } from './messages.ts';
import { diskProblemOf } from './runError.ts';
import { ScratchDisk } from './scratchDisk.ts';
import { serveTraining, type Train } from './serveTraining.ts';
import { SnapshotFiles } from './snapshotFiles.ts';

/** A cache of unpacked dataset files for later jobs, large enough for two datasets of MNIST's size. */
const unpacked = new UnpackedFiles(128 * 2 ** 20);

/** The backend of all jobs, so that the next job can use kernels that are already compiled and optimised. */
const backend = new WasmBackend({
  maximumBytes: memoryBytesOf(process.argv),
  ...(process.argv.includes(RELAXED) && { kernels: (await import('@trainyard/engine/relaxed')).relaxedKernels }),
});
setBackend(backend);

/**
 * Trains a small network once, so that the engine is compiled and optimised before the first job. It is the network of the tutorial, which
 * most jobs with convolutions resemble.
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

/** Returns the threads of a spec. A spec that was stored by an older version has no `threads` and gets one. */
const threadsOf = ({ threads = 1 }: { threads?: number }): number => threads;

/** The first and the longest pause before data is loaded again after the disk was full, in ms. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

async function* trainOnce(...[order, { stop, pause }, disk]: [...Parameters<Train>, ScratchDisk]): ReturnType<Train> {
  const { spec, modelFile, data, resumeFile, initialFile } = order;
  const checkpoints = new CheckpointFiles(order, disk);
  const snapshots = new SnapshotFiles(order, disk);
  const ended = AbortSignal.any([stop, pause]);
  // A pause stops the loading of data at once, because loading can take long and there is no progress to keep yet.
  const loading = new AbortController();
  const stopLoading = (): void => loading.abort(pause.reason);
  if (pause.aborted) stopLoading();
  pause.addEventListener('abort', stopLoading);
  // The bytes of these files are freed when training begins.
  const given = await Promise.all([resumeFile, initialFile].map(async (file) => (file === null ? null : await readFile(file))));
  const [resumeFrom = null, initialWeights = null] = given;
  const events = train(spec, {
    files: new NodeDatasetFiles(data, {}, unpacked),
    signal: AbortSignal.any([stop, loading.signal]),
    openLoader,
    checkpointDue: () => pause.aborted || checkpoints.due(),
    ...(resumeFrom !== null && { resumeFrom }),
    ...(initialWeights !== null && { initialWeights }),
  });
  const written = async function* (): AsyncGenerator<ReportedEvent, boolean, void> {
    return yield* snapshots.write();
  };
  try {
    for (let next = await events.next(); ; next = await events.next()) {
      if (next.done === true) {
        const { weights, result } = next.value;
        yield* disk.until(() => disk.write(modelFile, weights), ended);
        freeBytes(weights);
        yield* disk.until(written, ended);
        return result;
      }
      const event = next.value;
      if (event.type === 'gradients' || event.type === 'evaluation') snapshots.add(event);
      else if (event.type !== 'checkpoint') {
        if (event.type === 'phase' && event.phase === 'training') {
          pause.removeEventListener('abort', stopLoading);
          for (const bytes of given) if (bytes !== null) freeBytes(bytes);
        }
        yield event;
      }
      let isComplete = true;
      // Documents are written before a checkpoint, because a run that resumes from it does not produce them again.
      if (snapshots.due || event.type === 'checkpoint') isComplete = yield* snapshots.write();
      if (snapshots.isFull) yield* disk.until(written, ended);
      if (event.type !== 'checkpoint') continue;
      if (isComplete) yield* checkpoints.write(event);
      else checkpoints.skip(event);
      if (pause.aborted) {
        await events.return(undefined as never);
        return 'paused';
      }
    }
  } catch (error) {
    // Writes the last gradients and evaluations, because they help to find the cause of the failure.
    yield* snapshots.write();
    throw error;
  }
}

await serveTraining(async function* (order, signals) {
  await backend.useThreads(nodeThreads(threadsOf(order.spec)));
  const disk = new ScratchDisk();
  const ended = AbortSignal.any([signals.stop, signals.pause]);
  let hasBegun = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const run = trainOnce(order, signals, disk);
    try {
      for (let next = await run.next(); ; next = await run.next()) {
        if (next.done === true) return next.value;
        if (!hasBegun && next.value.type === 'phase' && next.value.phase === 'training') {
          hasBegun = true;
          yield* disk.reportWorking();
        }
        yield next.value;
      }
    } catch (error) {
      // A full disk during the download of a dataset is temporary: the data is loaded again later.
      if (hasBegun || diskProblemOf(error)?.code !== 'diskFull') throw error;
      yield* disk.reportProblem(error);
      await disk.pause(pauseMs, ended);
    }
  }
}, warmUp);
