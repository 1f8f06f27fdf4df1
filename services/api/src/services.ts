// Everything that the API serves from, built once from the settings and closed in the right order. It listens nowhere, and starts no work of
// its own: app.ts serves requests with it, background.ts repairs and sends with it.
import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
import {
  ApiKeys,
  type Connections,
  createJobServices,
  DatasetDigests,
  DatasetStore,
  EventHub,
  EventLog,
  KeyQuotas,
  RateLimiter,
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

/** What the services get from their process or test. */
export interface ServiceParts {
  /** The connections to Redis. The services close them. */
  readonly connections: Connections;
  readonly log: FastifyBaseLogger;
  /** The files of the built-in datasets. Default: those in the folders of the settings. */
  readonly datasetFiles?: Pick<NodeDatasetFiles, 'find' | 'locate'>;
}

export type Services = Awaited<ReturnType<typeof createServices>>;

/** The most bytes of unpacked dataset files that are kept for the next read: enough for MNIST. */
const unpackedBytes = 64 * 2 ** 20;

/** How many pages of long histories are processed at the same time: one while the other is on its way from Redis. */
const historyPages = 2;

function openDatasetFiles({ datasets, home }: ApiConfig): NodeDatasetFiles {
  return new NodeDatasetFiles({ folders: datasets === null ? [] : [datasets], home }, {}, new UnpackedFiles(unpackedBytes));
}

/** The parts that work on requests in this process. */
function createRequestServices(config: ApiConfig, { log }: ServiceParts) {
  const predictions = new Predictions(config.predictions, (crash) => log.error(crash, 'a prediction process ended without a response'));
  return {
    predictions,
    /** Shared by all routes that predict or render. */
    predictionAdmission: predictions.admission(),
    uploadReader: new UploadReader(config.uploadReader, (crash) =>
      log.error(crash, 'the process that reads an upload ended without a result'),
    ),
    uploadAdmission: new UploadAdmission(config.uploadBounds),
    /** Limits the pages of long histories that are read at the same time. */
    historyTurns: new FairSemaphore({ places: historyPages }),
    metrics: new ServiceMetrics(),
  };
}

/** Builds all services. Close them after the app. @throws when the artifact storage cannot be opened; then the connections are closed */
export async function createServices(config: ApiConfig, parts: ServiceParts) {
  const { connections, log, datasetFiles = openDatasetFiles(config) } = parts;
  const shared = await createJobServices(config, connections, 'api');
  const { prefix, redis, subscriber, artifacts, queue, jobs, reservedFiles } = shared;
  const base = { redis, prefix, artifacts, reservedFiles };
  const requestServices = createRequestServices(config, parts);
  const { metrics, predictions, uploadReader } = requestServices;
  const eventLog = new EventLog(base);
  const eventHub = new EventHub({
    redis,
    subscriber,
    prefix,
    bufferSize: config.eventBufferSize,
    onDelay: (ms) => metrics.observeDelay(ms / 1_000),
  });
  const weights = new WeightsStore(base);
  const datasets = new DatasetStore(base);
  const successors = new Successors({ ...base, jobs, eventLog });
  const webhooks = new WebhookStore({ redis, prefix, onError: connections.onError });
  const sweeps = new SweepStore(base);
  const { health: redisHealth } = connections;
  const storageHealth = new StorageHealth(artifacts);
  const dependencies: readonly Dependency[] = [
    { name: 'redis', check: async () => await connections.check() },
    { name: 'storage', check: async () => await storageHealth.check() },
  ];
  /** Ends what works on requests, then what uses Redis and the storage, then the connections. */
  const close = async (): Promise<void> => {
    uploadReader.close();
    await predictions.close();
    // At the same time: each waits a while for a Redis that hangs.
    await Promise.all([eventHub.close(), webhooks.close(), queue.close(), artifacts.close()]);
    await connections.close();
  };
  let closing: Promise<void> | undefined;
  return {
    ...shared,
    ...requestServices,
    log,
    connections,
    redisHealth,
    storageHealth,
    /** What `GET /health/ready` checks. */
    dependencies,
    apiKeys: new ApiKeys(config.apiKeys),
    keyQuotas: new KeyQuotas({ redis, prefix, quotas: config.quotas, redisMaxBytes: () => redisHealth?.memory?.maxBytes ?? null }),
    /** Null: requests are not counted. */
    rateLimiter: config.rateLimit === 0 ? null : new RateLimiter({ redis, prefix, perMinute: config.rateLimit }),
    streamTokens: new StreamTokens(base),
    eventLog,
    eventHub,
    successors,
    weights,
    datasets,
    datasetFiles,
    datasetDigests: new DatasetDigests(datasetFiles),
    classLimits: new ClassLimits({ datasets, artifacts, files: datasetFiles }),
    builtInReads: new BuiltInReads(datasetFiles),
    webhooks,
    sweeps,
    sweepRunner: new SweepRunner({ store: sweeps, jobs, successors, reservedFiles, weights, artifacts }),
    totals: new ServiceTotals({ redis, prefix, queue, webhooks }),
    close: async (): Promise<void> => await (closing ??= close()),
  };
}
