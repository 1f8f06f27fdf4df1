// The background tasks of an API process: repairs after crashes, sweeps, webhooks, and changes of the file with the API keys. Every API
// process runs all of these tasks, so if one process ends, the other processes continue them.
import { setInterval } from 'node:timers/promises';
import { isStorageAway, KeyWeights, Reaper, Retention, Subscription, watchKeyFile } from '@trainyard/jobs';
import type { ApiConfig } from './config.ts';
import type { Services } from './services.ts';
import { WebhookSender } from './webhooks/webhookSender.ts';

/** How often this process looks for something to repair, in ms. */
const reconcileEveryMs = 5_000;

/** A repair: its description for the log, and the function that makes it. */
type Repair = readonly [what: string, run: () => Promise<unknown>];

/** Returns all repairs, in the order in which they are made. */
function repairsOf({ retention: limits }: ApiConfig, services: Services, storeKeyWeights: () => Promise<void>): readonly Repair[] {
  const { redis, prefix, redisHealth, jobs, reservedFiles, sweepRunner, webhooks } = services;
  const reaper = new Reaper({ redis, prefix });
  redisHealth.onRecovery(() => reaper.forgetSuspects());
  const retention = new Retention({ redis, prefix, jobs, reservedFiles, limits });
  return [
    ['look for waiting jobs without a wake-up', () => jobs.reconcileQueue()],
    ['cancel or pause jobs, as requested, in place of lost workers', () => jobs.settleAbandoned()],
    ['look for running jobs of lost workers', () => reaper.sweep()],
    ['remove jobs over the limits of retention', () => retention.sweep()],
    ['remove remaining files of deleted jobs', () => reservedFiles.sweep()],
    ['advance sweeps', () => sweepRunner.reconcile()],
    ['look for webhooks to send', () => webhooks.reconcile()],
    ['store the weights of the keys', storeKeyWeights],
  ];
}

/** Makes all repairs every few seconds, until the signal aborts. */
async function keepRepairing(repairs: readonly Repair[], { redisHealth, log }: Services, signal: AbortSignal): Promise<void> {
  /** The descriptions of the repairs that failed because the storage is unavailable. An outage is logged once for each of them. */
  const waiting = new Set<string>();
  try {
    for await (const _tick of setInterval(reconcileEveryMs, undefined, { signal })) {
      for (const [what, run] of repairs) {
        if (signal.aborted) break;
        try {
          await run();
          waiting.delete(what);
        } catch (err) {
          const isOfRedis = redisHealth.report(err) !== null;
          const isKnown = isOfRedis || (isStorageAway(err) && waiting.has(what));
          if (!isKnown) log.warn({ err }, `could not ${what}`);
          if (isStorageAway(err)) waiting.add(what);
        }
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** When a job of a sweep has ended, advances the sweep at once. */
function followEnds({ subscriber, webhooks, sweepRunner, redisHealth, log }: Services): Subscription {
  const onError = (err: unknown): void => {
    if (redisHealth.report(err) === null) log.warn({ err }, 'a sweep waits');
  };
  return new Subscription({
    subscriber,
    channel: webhooks.channel,
    onMessage: (jobId) => void sweepRunner.afterJob(jobId).catch(onError),
    onStanding: () => void sweepRunner.reconcile().catch(onError),
  });
}

function startSending({ webhookPolicy, webhookSends }: ApiConfig, services: Services): WebhookSender {
  const { connections, subscriber, prefix, webhooks, metrics, log } = services;
  return new WebhookSender({
    ...webhookPolicy,
    ...webhookSends,
    store: webhooks,
    redis: connections.open('worker'),
    subscriber,
    prefix,
    log,
    onError: connections.onError,
    onLeft: (setting) => metrics.countLeftWebhook(setting),
  });
}

/** Reads the file with the API keys again after each change of the file. @returns a function that ends the watching */
function watchKeys(file: string, { apiKeys, log }: Services): () => void {
  return watchKeyFile(file, apiKeys, {
    onRead: (outcome) => {
      if ('keys' in outcome) log.info({ keys: outcome.keys }, 'the API keys were read again');
      else log.error({ reason: outcome.problem }, 'the file of TRAINYARD_API_KEYS cannot be used: the keys stay as they were');
    },
  });
}

export interface Background {
  /** Stops all background tasks. Resolves when the tasks that were running have ended. */
  close(): Promise<void>;
}

/** Stores the weights of the API keys in Redis, and starts the background tasks. Close them before the services. */
export async function startBackground(config: ApiConfig, services: Services): Promise<Background> {
  const { redis, prefix, apiKeys, redisHealth } = services;
  const keyWeights = new KeyWeights({ redis, prefix });
  const storeKeyWeights = async (): Promise<void> => await keyWeights.store(apiKeys.current);
  // If storing the weights fails, the next repairs store them.
  const tryToStore = async (): Promise<void> => await storeKeyWeights().catch((err: unknown) => void redisHealth.report(err));
  await tryToStore();
  apiKeys.onChange(() => void tryToStore());
  const ends = followEnds(services);
  const sender = startSending(config, services);
  const stopWatchingKeys = config.apiKeysFile === null ? undefined : watchKeys(config.apiKeysFile, services);
  const stop = new AbortController();
  const repairing = keepRepairing(repairsOf(config, services, storeKeyWeights), services, stop.signal);
  return {
    close: async () => {
      stop.abort();
      stopWatchingKeys?.();
      await Promise.all([repairing, ends.close(), sender.close()]);
    },
  };
}
