// The settings of the API. Most of them come from environment variables, with their defaults in readEnvironment. The others are set here,
// and only tests change them.
import type { Environment } from '@trainyard/jobs';
import type { PredictionOptions } from './predict/predictions.ts';
import type { UploadReaderOptions } from './uploads/readUpload.ts';
import type { WebhookPolicy } from './webhooks/webhookSender.ts';

/** The version of the API in its responses and in the OpenAPI document. */
export const version = '0.1.0';

/** The largest body of a request that is not an upload, in bytes. */
export const bodyBytesLimit = 1024 * 1024;

/** Settings that no environment variable changes. */
const unchanged = {
  /** How long a request may take to arrive, in ms. Also how long an upload may pause while it arrives. */
  requestTimeoutMs: 30_000,
  /** How long a request may wait until other requests with the same API key have ended, in ms. */
  requestWaitMs: 10_000,
  /** The pause between two heartbeats of an event stream, in ms. */
  heartbeatMs: 15_000,
  /** How long a client may leave a response or an event stream unread, in ms. */
  stallMs: 60_000,
  /** How many of the newest events of a job are kept in memory for the job's event streams. */
  eventBufferSize: 1_000,
};

export interface ApiConfig extends Omit<Environment, 'predictions'>, Readonly<typeof unchanged> {
  readonly predictions: PredictionOptions;
  /** The settings for reading uploads. Omitted settings have the values of `uploadReaderDefaults`. */
  readonly uploadReader: Partial<UploadReaderOptions>;
  readonly webhookPolicy: WebhookPolicy;
}

/** Returns the settings of an API process from its environment. */
export function apiConfig(environment: Environment): ApiConfig {
  const { uploadMemoryBytes } = environment;
  return {
    ...environment,
    ...unchanged,
    predictions: {
      ...environment.predictions,
      // The body is read after the wait, so the sum of all waits must stay below `requestTimeoutMs`.
      waitLimitMs: 15_000,
    },
    uploadReader: {
      readers: environment.uploadReaders,
      ...(uploadMemoryBytes !== null && { memoryBytes: uploadMemoryBytes }),
      keptMs: 60_000,
      spareMs: 3_000,
      limits: { files: environment.uploadFilesLimit },
    },
    webhookPolicy: { secret: environment.webhookSecret, allowPrivate: environment.allowPrivateWebhooks },
  };
}
