// The settings of the API: those of the environment, and some that only tests change. Their defaults are in readEnvironment and here.
import type { Environment } from '@trainyard/jobs';
import type { PredictionOptions } from './predict/predictions.ts';
import type { UploadReaderOptions } from './uploads/readUpload.ts';
import type { WebhookPolicy } from './webhooks/webhookSender.ts';

/** The version that the API gives of itself. */
export const version = '0.1.0';

/** The most bytes of a request's body, except of an upload. */
export const bodyBytesLimit = 1024 * 1024;

/** Settings that no environment variable changes. */
const unchanged = {
  /** How long a request may take to arrive, and how long nothing may arrive of an upload, in ms. */
  requestTimeoutMs: 30_000,
  /** How long a request may wait for other requests of its key, in ms. */
  requestWaitMs: 10_000,
  /** The pause between two heartbeats of an event stream, in ms. */
  heartbeatMs: 15_000,
  /** How long a client may leave a response or an event stream unread, in ms. */
  stallMs: 60_000,
  /** How many events the reader of a stream may fall behind. */
  eventBufferSize: 1_000,
};

export interface ApiConfig extends Omit<Environment, 'predictions'>, Readonly<typeof unchanged> {
  readonly predictions: PredictionOptions;
  /** How uploads are read. What is omitted has the value of `uploadReaderDefaults`. */
  readonly uploadReader: Partial<UploadReaderOptions>;
  readonly webhookPolicy: WebhookPolicy;
}

/** Returns the settings of an API process with this environment. */
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
