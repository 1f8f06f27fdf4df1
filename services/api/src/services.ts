// Creates the services that the routes (app.ts) and the background tasks (background.ts) use, such as stores and caches. It creates each
// service once for the process.
import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
import {
  ApiKeys,
  type CloseStack,
  type Connections,
  createJobServices,
  DatasetDigests,
  DatasetStore,
  EventHub,
  EventLog,
  KeyQuotas,
  RateLimiter,
  Renames,
  ServiceTotals,
  StreamTokens,
  Successors,
  SweepRunner,
  SweepStore,
  WebhookStore,
  WeightsStore,
} from '@trainyard/jobs';
import type { FastifyBaseLogger } from 'fastify';
import type { ApiConfig } from './config.ts';
import { BuiltInReads } from './datasets/builtInReads.ts';
import { ClassLimits } from './datasets/classLimits.ts';
import { FairSemaphore } from './fairSemaphore.ts';
import { AddressLimiter } from './http/addressLimiter.ts';
import { ServiceMetrics } from './metrics/serviceMetrics.ts';
import { Predictions } from './predict/predictions.ts';
import { StorageHealth } from './storageHealth.ts';
import { UploadReader } from './uploads/readUpload.ts';
import { UploadAdmission } from './uploads/uploadAdmission.ts';

/** A service that the API depends on. `check` rejects when the service cannot be used. */
export interface Dependency {
  readonly name: string;
  check(): Promise<void>;
}

/** The objects that the caller of `createServices` provides. */
export interface ServiceParts {
  /** The connections to Redis. The caller closes them after the services. */
  readonly connections: Connections;
  /** Closes the services. */
  readonly stack: CloseStack;
  readonly log: FastifyBaseLogger;
  /** Finds the files of the built-in datasets. Default: finds them in the folders that the settings name. */
  readonly datasetFiles?: Pick<NodeDatasetFiles, 'find' | 'locate'>;
}

export type Services = Awaited<ReturnType<typeof createServices>>;

/** The limit for unpacked dataset files that are kept in memory for the next read, in bytes. MNIST fits. */
const unpackedBytes = 64 * 2 ** 20;

/** How many pages of long histories are read at the same time. With two, one is processed while Redis sends the next one. */
const historyPages = 2;

/** How many threads apply the renames of specs at the same time. */
const renameThreads = 2;

function openDatasetFiles({ datasets, home }: ApiConfig): NodeDatasetFiles {
  return new NodeDatasetFiles({ folders: datasets === null ? [] : [datasets], home }, {}, new UnpackedFiles(unpackedBytes));
}

/** Creates the services that need no Redis and no storage: they run or count the requests of this process. */
function createRequestServices(config: ApiConfig, { log, stack }: ServiceParts) {
  const predictions = new Predictions(config.predictions, (crash) => log.error(crash, 'a prediction process ended without a response'));
  stack.defer(() => predictions.close());
  const uploadReader = new UploadReader(config.uploadReader, (crash) =>
    log.error(crash, 'the process that reads an upload ended without a result'),
  );
  stack.defer(() => uploadReader.close());
  return {
    predictions,
    /** Limits the requests in memory for predictions and pictures. All routes for them share this limit. */
    predictionAdmission: predictions.admission(),
    uploadReader,
    uploadAdmission: new UploadAdmission(config.uploadBounds),
    /** Limits the pages of long histories that are read at the same time. */
    historyTurns: new FairSemaphore({ places: historyPages }),
    /** `null` if the settings have no rate limit. Requests are then not counted. */
    addressLimiter: config.rateLimit === 0 ? null : new AddressLimiter(config.rateLimit),
  };
}

/**
 * Creates all services.
 * @throws an error of the storage if the artifact storage cannot be opened
 */
export async function createServices(config: ApiConfig, parts: ServiceParts) {
  const { connections, log, stack, datasetFiles = openDatasetFiles(config) } = parts;
  const shared = await createJobServices(config, parts, 'api');
  const { prefix, redis, subscriber, artifacts, queue, jobs, reservedFiles } = shared;
  const base = { redis, prefix, artifacts, reservedFiles };
  const metrics = new ServiceMetrics();
  const eventLog = new EventLog(base);
  const eventHub = new EventHub({
    redis,
    subscriber,
    prefix,
    bufferSize: config.eventBufferSize,
    onDelay: (ms) => metrics.observeDelay(ms / 1_000),
  });
  const weights = new WeightsStore(base);
  const renames = new Renames(new FairSemaphore({ places: renameThreads }));
  const datasets = new DatasetStore(base);
  const successors = new Successors({ ...base, jobs, eventLog });
  const webhooks = new WebhookStore({ redis, prefix, onError: connections.onError });
  // Closed at the same time, because each of them may wait some time for a Redis that hangs.
  stack.defer(() => Promise.all([eventHub.close(), webhooks.close()]));
  const sweeps = new SweepStore(base);
  const { health: redisHealth } = connections;
  const storageHealth = new StorageHealth(artifacts);
  const dependencies: readonly Dependency[] = [
    { name: 'redis', check: async () => await connections.check() },
    { name: 'storage', check: async () => await storageHealth.check() },
  ];
  return {
    ...shared,
    ...createRequestServices(config, parts),
    metrics,
    log,
    connections,
    redisHealth,
    storageHealth,
    /** The dependencies that `GET /health/ready` checks. */
    dependencies,
    apiKeys: new ApiKeys(config.apiKeys),
    keyQuotas: new KeyQuotas({ redis, prefix, quotas: config.quotas, redisMaxBytes: () => redisHealth.memory?.maxBytes ?? null }),
    /** `null` if the settings have no rate limit. Requests are then not counted. */
    rateLimiter: config.rateLimit === 0 ? null : new RateLimiter({ redis, prefix, perMinute: config.rateLimit }),
    streamTokens: new StreamTokens(base),
    eventLog,
    eventHub,
    successors,
    weights,
    renames,
    datasets,
    datasetFiles,
    datasetDigests: new DatasetDigests(datasetFiles),
    classLimits: new ClassLimits({ datasets, artifacts, files: datasetFiles }),
    builtInReads: new BuiltInReads(datasetFiles),
    webhooks,
    sweeps,
    sweepRunner: new SweepRunner({ store: sweeps, jobs, successors, reservedFiles, weights, artifacts, renames }),
    totals: new ServiceTotals({ redis, prefix, queue, webhooks }),
  };
}
