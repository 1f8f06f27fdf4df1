// The API's process: reads the environment, connects, listens, and stops in an orderly way on SIGTERM, SIGINT or when
// whoever launched it is gone. Prints `listening on http://HOST:PORT` on stdout when ready; its log goes to stderr,
// one JSON object a line.
import { setInterval } from 'node:timers/promises';
import {
  ApiKeys,
  closeRedis,
  connectRedis,
  DatasetStore,
  type Environment,
  EnvironmentError,
  EventHub,
  EventLog,
  JobStore,
  KeyQuotas,
  KeyWeights,
  interruptionSignals,
  isStorageAway,
  onInterruption,
  onLauncherGone,
  openArtifacts,
  openTelemetry,
  RateLimiter,
  readEnvironment,
  Reaper,
  RedisHealth,
  ReservedFiles,
  Retention,
  requireKeysBeyondLoopback,
  requireUsableRedis,
  requireWritableFolders,
  servicePrefix as prefix,
  ServiceTotals,
  StreamTokens,
  Subscription,
  SweepRunner,
  SweepStore,
  Successors,
  TrainQueue,
  tellReady,
  traceFields,
  watchKeyFile,
  WebhookStore,
  WeightsStore,
  WorkerPresence,
} from '@trainyard/jobs';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
import closeWithGrace from 'close-with-grace';
import pino, { type Logger } from 'pino';
import { createApp, StorageHealth } from './app.ts';
import { ServiceMetrics } from './metrics/serviceMetrics.ts';
import { type WebhookPolicy, WebhookSender } from './webhooks/webhookSender.ts';

/** How often jobs are looked for that a crash kept out of the queue, in ms. */
const reconcileEveryMs = 5000;

/** Connections that may wait to be accepted, as after a restart; the system may allow fewer. Others try again after a second. */
const waitingConnections = 4_096;

/** How long a stop may take before the process ends anyway, in ms. */
const longestStopMs = 8000;

/** How long a process that has read an upload is kept for the next upload of the same key, in ms. */
const keptReaderMs = 60_000;

/** The pause before a spare reading process is started, in ms: after the start of the service, and after an upload took the spare one. */
const spareReaderMs = 3_000;

/** The most bytes of unpacked dataset files that are kept for the next read: enough for MNIST. */
const unpackedBytes = 64 * 2 ** 20;

interface Reconciled {
  readonly redisHealth: RedisHealth;
  readonly jobs: JobStore;
  readonly reaper: Reaper;
  readonly retention: Retention;
  readonly webhooks: WebhookStore;
  readonly reservedFiles: ReservedFiles;
  readonly sweepRunner: SweepRunner;
  readonly keyWeights: KeyWeights;
}

type ServerEnvironment = Environment & { readonly redisUrl: string };

/** The environment, complete and safe to serve with. */
function readServerEnvironment(): ServerEnvironment {
  const environment = readEnvironment(process.env);
  requireKeysBeyondLoopback(environment);
  requireWritableFolders(environment);
  const { redisUrl } = environment;
  if (redisUrl === null) {
    const message =
      'is not set: the API alone needs the Redis that its workers use, such as redis://127.0.0.1:6379; npm start brings one along';
    throw new EnvironmentError([{ variable: 'REDIS_URL', message }]);
  }
  return { ...environment, redisUrl };
}

/**
 * Repairs the state that a crash may leave: jobs that are not queued, jobs of lost workers, sweeps, webhooks and files. Also removes old
 * jobs. Repeats this every few seconds until the signal aborts.
 */
async function keepReconciling(services: Reconciled, apiKeys: ApiKeys, log: Logger, signal: AbortSignal): Promise<void> {
  const { redisHealth, jobs, reaper, retention, reservedFiles, webhooks, sweepRunner, keyWeights } = services;
  const turns: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['look for waiting jobs without a wake-up', () => jobs.reconcileQueue()],
    ['cancel or pause jobs, as requested, in place of lost workers', () => jobs.settleAbandoned()],
    ['look for running jobs of lost workers', () => reaper.sweep()],
    ['remove jobs over the limits of retention', () => retention.sweep()],
    ['remove remaining files of deleted jobs', () => reservedFiles.sweep()],
    ['advance sweeps', () => sweepRunner.reconcile()],
    ['look for webhooks to send', () => webhooks.reconcile()],
    ['store the weights of the keys', () => keyWeights.store(apiKeys.current)],
  ];
  /** Turns that wait for the storage: its outage is logged once, not every few seconds. */
  const waiting = new Set<string>();
  try {
    for await (const _tick of setInterval(reconcileEveryMs, undefined, { signal })) {
      for (const [what, turn] of turns) {
        if (signal.aborted) break;
        try {
          await turn();
          waiting.delete(what);
        } catch (err) {
          const isKnown = redisHealth.report(err) !== null || (isStorageAway(err) && waiting.has(what));
          if (!isKnown) log.warn({ err }, `could not ${what}`);
          if (isStorageAway(err)) waiting.add(what);
        }
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** JSON lines on stderr. */
function openLog(level: string): Logger {
  return pino(
    {
      level,
      base: { service: 'api', pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => traceFields(),
      // ioredis adds the command that failed to its errors: with the password, where that was AUTH.
      redact: ['authorization', '*.authorization', '*.*.authorization', 'err.command.args', 'err.previousErrors'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Everything that the app serves from, and the function that closes it, after the app. */
async function openServices(environment: ServerEnvironment, log: Logger) {
  const { redisUrl } = environment;
  const redisHealth = new RedisHealth({
    redisUrl,
    prefix,
    log,
    meanwhile: 'requests that need it are answered with 503',
    onRecovery: () => reaper.forgetSuspects(),
  });
  const onError = (err: unknown): void => {
    if (redisHealth.report(err) === null) log.warn({ err }, 'Redis answered with an error');
  };
  const redis = connectRedis(redisUrl, { role: 'api', onError });
  const subscriber = connectRedis(redisUrl, { role: 'subscriber', onError });
  const queue = new TrainQueue({ redis, prefix, onError });
  const jobs = new JobStore({ redis, prefix, queue, engineVersion: environment.relaxed ? relaxedEngineVersion : engineVersion });
  const eventLog = new EventLog({ redis, prefix });
  const metrics = new ServiceMetrics();
  const eventHub = new EventHub({ redis, subscriber, prefix, onDelay: (ms) => metrics.observeDelay(ms / 1_000) });
  const artifacts = await openArtifacts(environment.artifactsUrl, environment.home);
  const reservedFiles = new ReservedFiles({ redis, prefix, artifacts });
  const reaper = new Reaper({ redis, prefix });
  const retention = new Retention({ redis, prefix, jobs, reservedFiles, limits: environment.retention });
  const weights = new WeightsStore({ redis, prefix, artifacts, reservedFiles });
  const datasets = new DatasetStore({ redis, prefix, artifacts, reservedFiles });
  const folders = environment.datasets === null ? [] : [environment.datasets];
  const datasetFiles = new NodeDatasetFiles({ folders, home: environment.home }, {}, new UnpackedFiles(unpackedBytes));
  const successors = new Successors({ redis, prefix, jobs, eventLog, artifacts, reservedFiles });
  const webhooks = new WebhookStore({ redis, prefix, onError });
  const sweeps = new SweepStore({ redis, prefix });
  const sweepRunner = new SweepRunner({ store: sweeps, jobs, successors, reservedFiles, weights, artifacts });
  const sweepError = (err: unknown): void => {
    if (redisHealth.report(err) === null) log.warn({ err }, 'a sweep waits');
  };
  const ends = new Subscription({
    subscriber,
    channel: webhooks.channel,
    onMessage: (jobId) => void sweepRunner.afterJob(jobId).catch(sweepError),
    onStanding: () => void sweepRunner.reconcile().catch(sweepError),
  });
  const totals = new ServiceTotals({ redis, prefix, queue, webhooks });
  const webhookPolicy: WebhookPolicy = { secret: environment.webhookSecret, allowPrivate: environment.allowPrivateWebhooks };
  const patient = connectRedis(redisUrl, { role: 'worker', onError });
  const onLeft = (setting: string): void => metrics.countLeftWebhook(setting);
  const { webhookSends } = environment;
  const sender = new WebhookSender({
    ...webhookPolicy,
    ...webhookSends,
    store: webhooks,
    redis: patient,
    subscriber,
    prefix,
    log,
    onError,
    onLeft,
  });
  for (const connection of [redis, subscriber, patient]) redisHealth.watch(connection);
  const storage = new StorageHealth(artifacts);
  const dependencies = [
    {
      name: 'redis',
      check: async () => {
        await redisHealth.check();
        redisHealth.requireRoom();
      },
    },
    { name: 'storage', check: async () => await storage.check() },
  ];
  const { rateLimit: perMinute } = environment;
  const rateLimiter = perMinute === 0 ? undefined : new RateLimiter({ redis, prefix, perMinute });
  const close = async (): Promise<void> => {
    // At once: each waits a while for a Redis that hangs.
    await Promise.all([eventHub.close(), ends.close(), sender.close()]);
    await Promise.all([webhooks.close(), queue.close(), artifacts.close()]);
    await Promise.all([redisHealth.close(), closeRedis(redis), closeRedis(subscriber), closeRedis(patient)]);
  };
  return {
    redisHealth,
    jobs,
    reaper,
    retention,
    successors,
    reservedFiles,
    weights,
    presence: new WorkerPresence({ redis, prefix }),
    datasets,
    datasetFiles,
    eventLog,
    eventHub,
    streamTokens: new StreamTokens({ redis, prefix }),
    artifacts,
    webhooks,
    webhookPolicy,
    metrics,
    totals,
    sweeps,
    sweepRunner,
    dependencies,
    storageHealth: storage,
    keyWeights: new KeyWeights({ redis, prefix }),
    keyQuotas: new KeyQuotas({ redis, prefix, quotas: environment.quotas, redisMaxBytes: () => redisHealth.memory?.maxBytes ?? null }),
    ...(rateLimiter && { rateLimiter }),
    close,
  };
}

function watchKeys(file: string, keys: ApiKeys, log: Logger): () => void {
  return watchKeyFile(file, keys, {
    onRead: (outcome) => {
      if ('keys' in outcome) log.info({ keys: outcome.keys }, 'the API keys were read again');
      else log.error({ reason: outcome.problem }, 'the file of TRAINYARD_API_KEYS cannot be used: the keys stay as they were');
    },
  });
}

async function main(): Promise<void> {
  const environment = readServerEnvironment();
  const log = openLog(environment.logLevel);
  await requireUsableRedis(environment.redisUrl, prefix);
  const closeTelemetry = await openTelemetry('trainyard-api');
  const { close, keyWeights, ...services } = await openServices(environment, log);
  const apiKeys = new ApiKeys(environment.apiKeys);
  const storeWeights = async (): Promise<void> => {
    // If this fails, the weights are stored at the next reconciliation.
    await keyWeights.store(apiKeys.current).catch((err: unknown) => services.redisHealth.report(err));
  };
  await storeWeights();
  apiKeys.onChange(() => void storeWeights());
  const app = await createApp({
    ...services,
    limits: environment.limits,
    uploadBytesLimit: environment.uploadBytesLimit,
    sweepBytesLimit: environment.sweepBytesLimit,
    maxConnections: environment.connections,
    requestsPerKey: environment.requestsPerKey,
    streamsPerKey: environment.streamsPerKey,
    uploadBounds: environment.uploadBounds,
    uploadReader: {
      readers: environment.uploadReaders,
      ...(environment.uploadMemoryBytes !== null && { memoryBytes: environment.uploadMemoryBytes }),
      keptMs: keptReaderMs,
      spareMs: spareReaderMs,
      limits: { files: environment.uploadFilesLimit },
    },
    predictions: environment.predictions,
    threads: environment.threads,
    apiKeys,
    corsOrigins: environment.corsOrigins,
    trustProxy: environment.trustProxy,
    basePath: environment.basePath,
    logger: log,
  });
  const stopWatchingKeys = environment.apiKeysFile === null ? undefined : watchKeys(environment.apiKeysFile, apiKeys, log);
  const stop = new AbortController();
  const reconciling = keepReconciling({ ...services, keyWeights }, apiKeys, log, stop.signal);

  const grace = closeWithGrace({ delay: longestStopMs, logger: false, skip: interruptionSignals }, async ({ err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled');
    else log.info('stopping');
    stop.abort();
    stopWatchingKeys?.();
    await app.close();
    await reconciling;
    await close();
    await closeTelemetry();
  });
  let isStopping = false;
  const stopOnce = (): void => {
    if (isStopping) return;
    isStopping = true;
    grace.close();
  };
  // The second time, somebody does not want to wait.
  onInterruption(() => (isStopping ? process.exit(1) : stopOnce()));
  onLauncherGone(stopOnce);

  const url = await app.listen({ host: environment.host, port: environment.port, backlog: waitingConnections });
  process.stdout.write(`listening on ${url}\n`);
  tellReady(url);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
