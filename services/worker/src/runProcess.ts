// Runs a worker process: starts the worker, reports that it is ready, and closes it on a signal, after an unhandled error, and when the
// launcher is gone. main.ts reads the settings.
import { interruptionSignals, onInterruption, onLauncherGone, openTelemetry, tellReady } from '@trainyard/jobs';
import closeWithGrace from 'close-with-grace';
import { TrainingWorker, type TrainingWorkerOptions } from './worker.ts';

/** How long closing may take before the process exits anyway, in ms. Only a worker that hangs takes this long. */
const LAST_RESORT_MS = 15_000;

/**
 * Runs a worker until the process receives a signal. On the first SIGTERM or SIGINT, running jobs get some time to finish, and the process
 * exits with 0. On the second, the jobs are handed back at once. On the third, the process exits at once with 1.
 * @param options `artifacts` is closed at the end
 * @throws ChildStartError if no training process can be started
 */
export async function runProcess(options: TrainingWorkerOptions): Promise<void> {
  const { log } = options;
  const closeTelemetry = await openTelemetry('trainyard-worker');
  const worker = new TrainingWorker(options);
  const grace = closeWithGrace({ delay: LAST_RESORT_MS, logger: log, skip: interruptionSignals }, async ({ err }) => {
    if (err !== undefined) log.fatal({ err }, 'closing after an unhandled error');
    if (err !== undefined) worker.endGrace();
    await worker.close();
    await options.artifacts.close();
    await closeTelemetry();
    log.info('closed');
  });
  let signals = 0;
  const stop = (): void => {
    signals += 1;
    if (signals === 1) grace.close();
    else if (signals === 2) worker.endGrace();
    else process.exit(1);
  };
  onInterruption(stop);
  onLauncherGone(stop);
  await worker.start();
  log.info({ worker: worker.name, concurrency: options.concurrency }, 'ready for jobs');
  tellReady();
}
