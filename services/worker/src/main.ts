// The worker's program.
import { runService } from '@trainyard/jobs';
import { workerConfig } from './config.ts';
import { startWorker, workerService } from './worker.ts';

await runService({
  ...workerService,
  start: async (environment, base) => {
    await startWorker(workerConfig(environment), base);
    return null;
  },
});
