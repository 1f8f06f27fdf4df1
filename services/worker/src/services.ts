// Creates the parts of a worker process, each once: the connections and stores that it shares with the API, and the training processes.
// worker.ts uses them.
import { hostname } from 'node:os';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { ActionRequests, createJobServices, DatasetDigests, type ServiceBase, within } from '@trainyard/jobs';
import { ActiveRuns } from './activeRuns.ts';
import { ChildPool } from './childPool.ts';
import type { WorkerConfig } from './config.ts';
import { StorageOutage } from './storageWaits.ts';
import { TrainingChild } from './trainingChild.ts';
import { UploadedData } from './uploadedData.ts';

/** How long a call to Redis may take while the worker closes, in ms. */
export const closingPatienceMs = 500;
const runsPerChild = 200;
const residentBytesLimit = 512 * 2 ** 20;

export type WorkerServices = Awaited<ReturnType<typeof createServices>>;

/**
 * Creates all parts. `stack` closes them.
 * @throws an error of the storage if the artifact storage cannot be opened
 */
export async function createServices(config: WorkerConfig, base: ServiceBase) {
  const { connections, log, stack } = base;
  const { onError, health } = connections;
  const shared = await createJobServices(config, base, 'worker');
  const { redis, subscriber, prefix, artifacts, jobs, reservedFiles } = shared;
  const { data, checkpointEveryMs } = config;
  /** The worker's name, as jobs and the list of workers show it. */
  const name = `${hostname()}-${process.pid}`;
  const actionRequests = new ActionRequests({ redis, subscriber, prefix, onError });
  stack.defer(() => within(closingPatienceMs, actionRequests.close()));
  const pool = new ChildPool({
    size: config.concurrency,
    spares: config.spares,
    start: async (signal) => await TrainingChild.start(config.child, signal),
    runsPerChild,
    residentBytesLimit,
    onStartError: (error) => log.error({ err: error }, 'a training process could not be started; retrying'),
  });
  stack.defer(() => pool.close());
  const uploads = new UploadedData({ artifacts, home: data.home, log });
  const outage = new StorageOutage((reason) => {
    if (reason === null) log.info('the storage is available again');
    else log.warn({ reason }, 'the storage is not available; jobs wait for it');
  });
  const abandoned = new AbortController();
  stack.defer(() => abandoned.abort(new Error('the worker is closing')));
  const runContext = {
    store: jobs,
    actionRequests,
    reservedFiles,
    artifacts,
    checkpointEveryMs,
    pool,
    data,
    digests: new DatasetDigests(new NodeDatasetFiles(data)),
    uploads,
    redisHealth: health,
    outage,
    worker: name,
    abandoned: abandoned.signal,
  };
  return { ...shared, name, health, onError, pool, uploads, outage, runs: new ActiveRuns(runContext, log) };
}
