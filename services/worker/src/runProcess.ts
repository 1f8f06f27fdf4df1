// The life of a worker process: starts the worker, says that it is ready, and ends in an orderly way on a signal, after a
// fault, and when the launcher that started it is gone. Where the settings come from is main.ts's.
import { interruptionSignals, onInterruption, onLauncherGone, openTelemetry, tellReady } from '@trainyard/jobs';
import closeWithGrace from 'close-with-grace';
import { TrainingWorker, type TrainingWorkerOptions } from './worker.ts';

/** Longer than the worker's own close takes at most: only for the case that it hangs. */
const LAST_RESORT_MS = 15_000;

/**
 * Runs a worker until the process is told to end; exits 0 when that was a signal. The first SIGTERM or SIGINT lets jobs
 * in hand finish for a while, the second has them handed back at once, the third ends the process as it is.
 * @param options `artifacts` is closed in the end
 * @throws ChildStartError when no training process can be started
 */
export async function runProcess(options: TrainingWorkerOptions): Promise<void> {
  const { log } = options;
  const closeTelemetry = await openTelemetry('trainyard-worker');
  const worker = new TrainingWorker(options);
  const grace = closeWithGrace({ delay: LAST_RESORT_MS, logger: log, skip: interruptionSignals }, async ({ err }) => {
    if (err !== undefined) log.fatal({ err }, 'closing after a fault');
    if (err !== undefined) worker.hurry();
    await worker.close();
    await options.artifacts.close();
    await closeTelemetry();
    log.info('closed');
  });
  let wishes = 0;
  const stop = (): void => {
    wishes += 1;
    if (wishes === 1) grace.close();
    else if (wishes === 2) worker.hurry();
    else process.exit(1);
  };
  onInterruption(stop);
  onLauncherGone(stop);
  await worker.start();
  log.info({ worker: worker.name, concurrency: options.concurrency }, 'ready for jobs');
  tellReady();
}
