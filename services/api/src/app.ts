// The HTTP API: a fastify app over the services it is given. It opens no connection, reads no environment and listens
// nowhere; server.ts does that for the process, and tests do it for themselves.
import type { SpecLimits } from '@trainyard/engine/spec';
import type { NodeDatasetFiles } from '@trainyard/engine/node';
import {
  type ApiKey,
  ApiKeys,
  type ArtifactStore,
  DatasetDigests,
  type DatasetStore,
  type EventHub,
  type EventLog,
  type JobStore,
  type KeyQuotas,
  type RateLimiter,
  type RedisHealth,
  type ReservedFiles,
  type ServiceTotals,
  type StreamTokens,
  type Successors,
  type SweepRunner,
  type SweepStore,
  type WebhookStore,
  type WeightsStore,
  type WorkerPresence,
} from '@trainyard/jobs';
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { isUtf8, parseJsonBody } from './http/jsonBody.ts';
import { closeAfterAnswer, isStillSending } from './http/lingeringClose.ts';
import { validatorCompiler } from './http/parameters.ts';
import { basePathOf, targetOf, trustProxies } from './http/proxies.ts';
import { requestIdOf } from './http/requestIds.ts';
import { access } from './plugins/access.ts';
import { BuiltInReads } from './datasets/builtInReads.ts';
import { ClassLimits } from './datasets/classLimits.ts';
import { FairSemaphore } from './fairSemaphore.ts';
import { documentation, documentationRoutes } from './plugins/documentation.ts';
import { answerClientError, errors, sendProblem } from './plugins/errors.ts';
import { headers, setBrowserHeaders } from './plugins/headers.ts';
import { named } from './plugins/named.ts';
import { arrival } from './plugins/arrival.ts';
import { basePaths } from './plugins/basePath.ts';
import { connections } from './plugins/connections.ts';
import { collectMethods } from './plugins/methodNotAllowed.ts';
import { requestForm } from './plugins/requestForm.ts';
import { requestLog } from './plugins/requestLog.ts';
import { requestPlaces } from './plugins/requestPlaces.ts';
import { streams } from './plugins/streams.ts';
import { tracing } from './plugins/tracing.ts';
import { artifactRoutes } from './routes/artifacts.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { datasetExportRoute } from './routes/datasetExport.ts';
import { datasetSamplesRoute } from './routes/datasetSamples.ts';
import { datasetRoutes } from './routes/datasets.ts';
import { createJobRoute } from './routes/createJob.ts';
import { eventRoutes } from './routes/events.ts';
import { type Dependency, healthRoutes } from './routes/health.ts';
import { jobActionRoutes } from './routes/jobActions.ts';
import { filterRoutes } from './routes/filters.ts';
import { type PredictionOptions, Predictions } from './predict/predictions.ts';
import { predictRoutes } from './routes/predict.ts';
import { insideRoutes } from './routes/inside.ts';
import { jobRoutes } from './routes/jobs.ts';
import { ServiceMetrics } from './metrics/serviceMetrics.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { measureRequests, serviceMetricsRoutes } from './routes/serviceMetrics.ts';
import { successorRoutes } from './routes/successors.ts';
import { quotaRoutes } from './routes/quotas.ts';
import { sweepRoutes } from './routes/sweeps.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import type { WebhookPolicy } from './webhooks/webhookSender.ts';
import { weightsRoutes } from './routes/weights.ts';
import { ProblemError } from './problems.ts';
import { workerRoutes } from './routes/workers.ts';
import { uploadDatasetRoute } from './routes/uploadDataset.ts';
import { uploadWeightsRoute } from './routes/uploadWeights.ts';
import { StorageHealth } from './storageHealth.ts';
import { UploadReader, type UploadReaderOptions } from './uploads/readUpload.ts';
import { UploadAdmission, type UploadBounds } from './uploads/uploadAdmission.ts';

export { ServiceMetrics } from './metrics/serviceMetrics.ts';
export type { Dependency } from './routes/health.ts';
export { StorageHealth } from './storageHealth.ts';
export { WebhookSender, type WebhookPolicy, type WebhookSenderOptions } from './webhooks/webhookSender.ts';

/** The version that the API gives of itself. */
export const version = '0.1.0';

const bodyLimitBytes = 1024 * 1024;

const noFiles: Pick<NodeDatasetFiles, 'find' | 'locate'> = { find: () => Promise.resolve(null), locate: () => Promise.resolve(null) };

/** The most listeners that one event of a response may have. Node would warn of a leak at 11, but plugins, routes and streams need more. */
const mostListeners = 32;

/** How long a request may take to arrive, in ms: its own bytes, not its answer. An upload may take longer. */
const requestTimeoutMs = 30_000;
const uploadTimeoutMs = 60 * 60 * 1_000;

export interface AppOptions {
  readonly jobs: JobStore;
  readonly successors: Successors;
  readonly reservedFiles: ReservedFiles;
  readonly weights: WeightsStore;
  readonly presence: WorkerPresence;
  readonly eventLog: EventLog;
  readonly eventHub: EventHub;
  readonly streamTokens: StreamTokens;
  readonly artifacts: ArtifactStore;
  readonly datasets: DatasetStore;
  /** Files of built-in datasets on this machine; left out, there are none. */
  readonly datasetFiles?: Pick<NodeDatasetFiles, 'find' | 'locate'>;
  /** How uploads are read. Default: `uploadReaderDefaults`. */
  readonly uploadReader?: Partial<UploadReaderOptions>;
  /** How many uploads may be in progress, and how many bytes they may have. Default: `uploadBounds`. */
  readonly uploadBounds?: Partial<UploadBounds>;
  readonly webhooks: WebhookStore;
  /** Left out, jobs need secrets of their own, and webhooks go to public addresses alone. */
  readonly webhookPolicy?: WebhookPolicy;
  readonly sweeps: SweepStore;
  readonly sweepRunner: SweepRunner;
  readonly totals: ServiceTotals;
  /** What is measured here; left out, something that begins with this app. */
  readonly metrics?: ServiceMetrics;
  /** Says why Redis cannot be used. Default: each 503 has the reason of its own error. */
  readonly redisHealth?: Pick<RedisHealth, 'report'>;
  /** Checks the artifact storage for the metrics. Default: a new instance. */
  readonly storageHealth?: StorageHealth;
  /** What `GET /health/ready` looks at. */
  readonly dependencies: readonly Dependency[];
  readonly limits: SpecLimits;
  /** What each key that is no admin's may have. */
  readonly keyQuotas: KeyQuotas;
  /** Threads of a job that names none; default 1. */
  readonly threads?: number;
  /** Without any, only this machine is served, and every caller is one admin. */
  readonly apiKeys: readonly ApiKey[] | ApiKeys;
  /** Left out, or without keys, nobody counts requests. */
  readonly rateLimiter?: RateLimiter;
  /** Web sites that may call from a browser; left out, none. */
  readonly corsOrigins?: readonly string[];
  /** Trusted proxies: addresses, networks, or how many are in front of this process. Default: none. */
  readonly trustProxy?: readonly string[] | number;
  /** The path under which clients see this service, such as `/trainyard`. Default: the root. */
  readonly basePath?: string;
  /** Bytes that an upload may have; default 1 GiB. */
  readonly uploadBytesLimit?: number;
  /** The most bytes of the specs and values of all trials of a sweep together. Default: 16 MiB. */
  readonly sweepBytesLimit?: number;
  /** Limits of predictions: processes, memory, time and waiting. Default: `predictionDefaults`. */
  readonly predictions?: PredictionOptions;
  /** How many connections may be open at the same time. Default: 10,000. */
  readonly maxConnections?: number;
  /** How many requests of one API key may be in progress; further requests wait. Default: 64. */
  readonly requestsPerKey?: number;
  /** How long a request may wait for other requests of its key, in ms. Default: 10,000. */
  readonly requestWaitMs?: number;
  /** How many event streams one API key may have open. Default: 1,000. */
  readonly streamsPerKey?: number;
  /** Left out, nothing is logged. */
  readonly logger?: FastifyBaseLogger;
  /** How long a request may take to arrive, and how long nothing may arrive of an upload, in ms; default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Pause between two heartbeats of an event stream, in ms; default 15,000. */
  readonly heartbeatMs?: number;
  /** How long a client may leave a response or an event stream unread, in ms. Default: 60,000. */
  readonly stallMs?: number;
}

/** Makes the app. What it is given stays the caller's to close, after the app. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { jobs, successors, reservedFiles, weights, datasets, eventLog, eventHub, artifacts, limits, threads = 1 } = options;
  const { uploadBytesLimit = 2 ** 30, keyQuotas, streamTokens, corsOrigins = [], basePath = '' } = options;
  const keys = options.apiKeys instanceof ApiKeys ? options.apiKeys : new ApiKeys(options.apiKeys);
  const trust = trustProxies(options.trustProxy ?? []);
  const app = fastify({
    ...(options.logger ? { loggerInstance: options.logger } : {}),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: bodyLimitBytes,
    requestTimeout: uploadTimeoutMs,
    // A missing Host header gets our own answer, and so does a request on a kept connection during a stop.
    http: { requireHostHeader: false },
    return503OnClosing: false,
    // Streams that end in preClose, and kept connections, would hold up a stop otherwise.
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    trustProxy: trust,
    rewriteUrl: (request) => targetOf(request, basePath),
    frameworkErrors: (error, request, reply) => {
      // No hook has run for it.
      request.basePath = basePathOf(request.raw, trust, basePath);
      setBrowserHeaders(request, reply, corsOrigins);
      if (isStillSending(request)) closeAfterAnswer(reply);
      void sendProblem(error, request, reply);
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas and not parsed by them: a job of last year, whose stored spec lacks what was added
  // since, has to be shown too.
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (!isUtf8(request.headers['content-type'])) {
      throw new ProblemError('unsupportedMediaType', 'JSON must be UTF-8. Send it as UTF-8, without another charset in Content-Type.');
    }
    return await parseJsonBody(body, request.routeOptions.config.jsonLimits);
  });

  app.addHook('onRequest', (_request, reply, next) => {
    reply.raw.setMaxListeners(mostListeners);
    next();
  });
  collectMethods(app);
  const { maxConnections = 10_000, streamsPerKey = 1_000, heartbeatMs = 15_000, stallMs = 60_000 } = options;
  await app.register(connections, { maxConnections, stallMs });
  await app.register(streams, { heartbeatMs, stallMs, keys, streamsPerKey });
  await app.register(tracing);
  await app.register(basePaths, { basePath, trust });
  await app.register(requestLog);
  const metrics = options.metrics ?? new ServiceMetrics();
  await app.register(measureRequests, { metrics });
  await app.register(errors, { redisHealth: options.redisHealth ?? null });
  await app.register(headers, { corsOrigins });
  await app.register(arrival, { timeoutMs: options.requestTimeoutMs ?? requestTimeoutMs });
  await app.register(access, { keys, rateLimiter: options.rateLimiter ?? null, streamTokens, corsOrigins });
  const { requestsPerKey = 64, requestWaitMs = 10_000 } = options;
  await app.register(requestPlaces, { keys, requestsPerKey, waitLimitMs: requestWaitMs });
  await app.register(requestForm);
  const needsKeys = keys.current.length > 0;
  await app.register(documentation, { version, needsKeys });
  await app.register(named(documentationRoutes));
  await app.register(named(healthRoutes), { dependencies: options.dependencies });
  await app.register(named(catalogRoutes), { limits, bodyBytesLimit: bodyLimitBytes, uploadBytesLimit, version, needsKeys });
  const webhooks = options.webhookPolicy ?? { secret: null, allowPrivate: false };
  const files = options.datasetFiles ?? noFiles;
  const datasetDigests = new DatasetDigests(files);
  const sources = { jobs, weights, artifacts };
  const classLimits = new ClassLimits({ datasets, artifacts, files });
  await app.register(named(createJobRoute), {
    ...sources,
    reservedFiles,
    datasets,
    classLimits,
    datasetDigests,
    limits,
    keyQuotas,
    threads,
    webhooks,
  });
  await app.register(named(quotaRoutes), { keyQuotas, limits });
  await app.register(named(jobRoutes), { jobs });
  await app.register(named(jobActionRoutes), { jobs, reservedFiles });
  await app.register(named(successorRoutes), { jobs, successors, datasets, classLimits, limits, keyQuotas, threads, webhooks });
  await app.register(named(eventRoutes), { eventLog, eventHub, streamTokens });
  // Two pages of long histories at a time: one is processed while the other is on its way from Redis.
  const turns = new FairSemaphore({ places: 2 });
  await app.register(named(metricsRoutes), { jobs, eventLog, turns });
  await app.register(named(webhookRoutes), { jobs, webhooks: options.webhooks });
  await app.register(named(insideRoutes), { jobs, artifacts });
  const { sweeps, sweepRunner: runner } = options;
  const bytesLimit = options.sweepBytesLimit ?? 2 ** 24;
  await app.register(named(sweepRoutes), { ...sources, sweeps, runner, datasets, classLimits, limits, bytesLimit, keyQuotas, threads });
  await app.register(named(serviceMetricsRoutes), {
    metrics,
    totals: options.totals,
    eventHub,
    storageHealth: options.storageHealth ?? new StorageHealth(artifacts),
  });
  const predictions = new Predictions(options.predictions ?? {}, (crash) =>
    app.log.error(crash, 'a prediction process ended without a response'),
  );
  app.addHook('onClose', async () => await predictions.close());
  const rendering = { predictions, admission: predictions.admission() };
  await app.register(named(predictRoutes), { jobs, artifacts, ...rendering });
  await app.register(named(filterRoutes), { jobs, artifacts, ...rendering });
  await app.register(named(artifactRoutes), { jobs, artifacts, eventLog, turns });
  await app.register(named(workerRoutes), { presence: options.presence });
  await app.register(named(weightsRoutes), { weights });
  await app.register(named(datasetRoutes), { datasets });
  const reader = new UploadReader(options.uploadReader, (crash) => {
    app.log.error(crash, 'the process that reads an upload ended without a result');
  });
  app.addHook('onClose', (_app, done) => {
    reader.close();
    done();
  });
  const admission = new UploadAdmission(options.uploadBounds);
  await app.register(named(uploadWeightsRoute), { weights, artifacts, reader, admission, uploadBytesLimit, keyQuotas });
  await app.register(named(uploadDatasetRoute), { datasets, artifacts, reader, admission, uploadBytesLimit, keyQuotas });
  const builtIn = new BuiltInReads(files);
  await app.register(named(datasetSamplesRoute), { datasets, artifacts, builtIn, ...rendering });
  await app.register(named(datasetExportRoute), { datasets, artifacts, builtIn });
  await app.ready();
  return app;
}
