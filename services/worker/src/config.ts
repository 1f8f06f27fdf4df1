// The settings of a worker. Most of them come from environment variables, with their defaults in readEnvironment. The others are set here,
// and only tests change them.
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import type { Environment } from '@trainyard/jobs';
import { childEnvironment } from './childEnvironment.ts';
import { RELAXED } from './messages.ts';
import type { ChildOptions } from './trainingChild.ts';

/** Settings that no environment variable changes. */
const unchanged = {
  /** How long running jobs may continue after `close`, in ms. `docker stop` kills after 10 s, and handing jobs back needs time too. */
  closeGraceMs: 5_000,
  /** The shortest time between two checkpoints of a job, in ms. */
  checkpointEveryMs: 10_000,
  /** The number of additional warm training processes. */
  spares: 1,
};

export interface WorkerConfig extends Pick<Environment, 'artifactsUrl' | 'concurrency' | 'home' | 'relaxed'>, Readonly<typeof unchanged> {
  /** The folders where datasets are found and kept. */
  readonly data: NodeDatasetFilesOptions;
  /** The training program and its limits. */
  readonly child: ChildOptions;
}

/** Returns the settings of a worker from its environment. */
export function workerConfig(environment: Environment): WorkerConfig {
  const { artifactsUrl, concurrency, home, relaxed, datasets, datasetsUrl, limits } = environment;
  return {
    ...unchanged,
    artifactsUrl,
    concurrency,
    home,
    relaxed,
    data: { folders: datasets === null ? [] : [datasets], home, ...(datasetsUrl !== null && { mirror: datasetsUrl }) },
    child: {
      script: new URL('./trainJob.js', import.meta.url),
      args: relaxed ? [RELAXED] : [],
      heapMegabytes: 1_024,
      memoryBytes: limits.memoryBytes,
      // Short enough to end a cancelled job within a second, together with the time for the request and its confirmation.
      stopGraceMs: 500,
      startTimeoutMs: 60_000,
      env: childEnvironment(process.env),
    },
  };
}
