// Reads all environment variables of the services. An error names all invalid variables at once, with their values (except secrets) and
// what to do.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { webhookSecret } from '@trainyard/contracts';
import { defaultLimits, MOST_THREADS, type SpecLimits } from '@trainyard/engine/spec';
import { z } from 'zod';
import { EnvironmentError, type EnvironmentIssue } from '../errors.ts';
import type { Quotas } from '../quotas.ts';
import { parseRedisUrl, RedisUrlError } from '../redis/redisUrl.ts';
import type { RetentionLimits } from '../retention.ts';
import { type ApiKey, parseApiKeys } from './apiKeys.ts';
import { defaultHome } from './process.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** A limit: a number of at least 1. It may be written as 1e8. */
const limit = (byDefault: number) =>
  z.string().transform(Number).pipe(z.number('must be a number such as 1000 or 1e8').min(1, 'must be at least 1')).default(byDefault);

/** A quota of each key; no quota if it is not set. */
const quota = z
  .string()
  .transform(Number)
  .pipe(z.number('must be a number such as 1000 or 1e8').min(0, 'must be at least 0'))
  .transform((value): number | null => value)
  .default(null);

const count = (least: number, most: number) => {
  const message = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(least, message).max(most, message));
};

/** Memory limit of a process that the API starts, in bytes. With less than the minimum, the process cannot load even a small network. */
const processMemory = z.string().transform(Number).pipe(z.number('must be a number such as 1.5e9').min(2e8, 'must be at least 2e8'));

const url = (protocols: readonly string[], remedy: string) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), remedy);

const checkRedisUrl = (value: string, context: z.RefinementCtx): void => {
  try {
    parseRedisUrl(value);
  } catch (error) {
    if (!(error instanceof RedisUrlError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
};

const list = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

const corsRemedy = 'must be origins such as https://board.example, separated by commas';

/** Whether a text is an origin: a scheme, a host and perhaps a port, without a path. */
const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

const proxiesRemedy =
  'must be addresses or networks of proxies such as 10.0.0.0/8, separated by commas, or the number of proxies in front of the service';

/** Whether a text is an IP address, a network such as 10.0.0.0/8, or a name that the package proxy-addr defines. */
function isProxy(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128);
}

const artifactsRemedy = 'must be a folder, such as file:///var/lib/trainyard/artifacts, or a bucket, such as s3://bucket/prefix';

const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: count(0, 65_535).default(3_000),
  REDIS_URL: z.string().superRefine(checkRedisUrl).optional(),
  TRAINYARD_REDIS_MEMORY_BYTES: z
    .string()
    .transform(Number)
    .pipe(z.int('must be a whole number of bytes').min(2 ** 24, 'must be at least 16777216'))
    .optional(),
  TRAINYARD_HOME: z.string().optional(),
  TRAINYARD_DATASETS: z.string().optional(),
  TRAINYARD_DATASETS_URL: url(['http:', 'https:'], 'must be a URL such as https://mirror.example/datasets').optional(),
  TRAINYARD_API_KEYS: z.string().default(''),
  TRAINYARD_RATE_LIMIT: count(0, 1_000_000).default(6_000),
  TRAINYARD_CONNECTIONS: count(1, 1_000_000).default(10_000),
  TRAINYARD_REQUESTS_PER_KEY: count(1, 1_000_000).default(64),
  TRAINYARD_STREAMS_PER_KEY: count(1, 1_000_000).default(1_000),
  TRAINYARD_CORS_ORIGINS: z
    .string()
    .default('')
    .transform(list)
    .pipe(z.array(url(['http:', 'https:'], corsRemedy)).refine((origins) => origins.every(isOrigin), corsRemedy)),
  TRAINYARD_TRUST_PROXY: z
    .string()
    .default('')
    .refine((text) => /^\d{1,2}$/.test(text) || list(text).every(isProxy), proxiesRemedy)
    .transform((text) => (/^\d{1,2}$/.test(text) ? Number(text) : list(text))),
  TRAINYARD_BASE_PATH: z
    .string()
    .default('')
    .transform((text) => text.replace(/\/+$/, ''))
    .pipe(z.string().regex(/^(?:\/[\w.~-]+)*$/, 'must be a path such as /trainyard')),
  TRAINYARD_WEBHOOK_SECRET: webhookSecret.optional(),
  TRAINYARD_WEBHOOK_PRIVATE: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  TRAINYARD_WEBHOOK_SENDS: count(1, 10_000).default(200),
  TRAINYARD_WEBHOOK_SENDS_PER_KEY: count(1, 10_000).default(10),
  TRAINYARD_CONCURRENCY: count(1, 256).default(1),
  TRAINYARD_THREADS: count(1, MOST_THREADS).default(1),
  TRAINYARD_RELAXED: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  TRAINYARD_RETENTION_DAYS: count(1, 100_000).optional(),
  TRAINYARD_RETENTION_JOBS: count(1, 100_000_000).optional(),
  ARTIFACTS_URL: url(['file:', 's3:'], artifactsRemedy)
    .refine((value) => !value.startsWith('s3:') || new URL(value).hostname !== '', artifactsRemedy)
    .optional(),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  TRAINYARD_MAX_PARAMETERS: limit(defaultLimits.parameters),
  TRAINYARD_MAX_MEMORY_BYTES: limit(defaultLimits.memoryBytes),
  TRAINYARD_MAX_EPOCHS: limit(defaultLimits.epochs),
  TRAINYARD_MAX_LAYERS: limit(defaultLimits.layers),
  TRAINYARD_MAX_UPLOAD_BYTES: limit(2 ** 30),
  TRAINYARD_MAX_SWEEP_BYTES: limit(2 ** 24),
  TRAINYARD_MAX_UPLOAD_FILES: count(1, 10_000_000).default(100_000),
  TRAINYARD_UPLOADS: count(1, 100_000).default(64),
  TRAINYARD_UPLOADS_PER_KEY: count(1, 100_000).default(8),
  TRAINYARD_UPLOADS_BYTES: limit(16 * 2 ** 30),
  TRAINYARD_UPLOADS_BYTES_PER_KEY: limit(4 * 2 ** 30),
  TRAINYARD_UPLOAD_READERS: count(1, 256).default(2),
  TRAINYARD_UPLOAD_MEMORY_BYTES: processMemory.optional(),
  TRAINYARD_PREDICT_PROCESSES: count(1, 64).default(2),
  TRAINYARD_PREDICT_MEMORY_BYTES: processMemory.default(1.5e9),
  TRAINYARD_PREDICT_SECONDS: count(1, 3_600).default(10),
  TRAINYARD_PREDICT_WAITING: count(1, 100_000).default(64),
  TRAINYARD_QUOTA_QUEUED_JOBS: quota,
  TRAINYARD_QUOTA_PARAMETERS: quota,
  TRAINYARD_QUOTA_EPOCHS: quota,
  TRAINYARD_QUOTA_STORAGE_BYTES: quota,
  TRAINYARD_QUOTA_REDIS_BYTES: quota,
  TRAINYARD_QUOTA_TRAINING_SECONDS: quota,
});

/** The names of all variables. */
export const environmentVariables: readonly string[] = Object.keys(variables.shape);

/** The parsed default of each variable (numbers as numbers); null or absent for a variable without a default. */
export const environmentDefaults: Readonly<Record<string, unknown>> = variables.parse({});

/** Variables whose values are never shown in error messages. */
const secrets: ReadonlySet<string> = new Set(['REDIS_URL', 'TRAINYARD_API_KEYS', 'TRAINYARD_WEBHOOK_SECRET']);

export interface Environment {
  readonly host: string;
  /** The port of the API. 0 means that the system chooses a free port. */
  readonly port: number;
  /** The URL of Redis. If it is null, a Redis is started on this machine (see `startRedis`). */
  readonly redisUrl: string | null;
  /** The maxmemory of a private Redis, in bytes; null: a quarter of this machine's memory. */
  readonly redisMemoryBytes: number | null;
  /** The data folder, absolute: datasets, artifacts, private Redis. */
  readonly home: string;
  /** The absolute path of a folder that already contains datasets; null if there is none. */
  readonly datasets: string | null;
  /** The URL of a mirror from which datasets are downloaded; null if there is none. */
  readonly datasetsUrl: string | null;
  readonly apiKeys: readonly ApiKey[];
  /** The absolute path of the key file; null if the variable contains the keys themselves. */
  readonly apiKeysFile: string | null;
  /** The maximum number of requests per minute of a key. 0 means no limit. */
  readonly rateLimit: number;
  /** The maximum number of connections of each API process. */
  readonly connections: number;
  /** The maximum number of requests of a key that each API process handles at the same time. */
  readonly requestsPerKey: number;
  /** The maximum number of open event streams of a key at each API process. */
  readonly streamsPerKey: number;
  /** The origins of web sites that may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Trusted proxies: their addresses and networks, or the number of proxies in front of the service. */
  readonly trustProxy: readonly string[] | number;
  /** The path of the service in the URLs of clients, without a slash at its end. Empty for the root. */
  readonly basePath: string;
  /** The secret that signs webhooks of jobs without a secret of their own; null if there is none. */
  readonly webhookSecret: string | null;
  /** Whether webhooks may go to addresses of this machine and its network. */
  readonly allowPrivateWebhooks: boolean;
  /** The maximum number of webhooks that an API process sends at the same time: in all, and for one key. */
  readonly webhookSends: { readonly places: number; readonly placesPerKey: number };
  /** The maximum number of jobs that a worker trains at the same time. */
  readonly concurrency: number;
  /** The number of threads of a job whose spec does not set `threads`. */
  readonly threads: number;
  /** Whether jobs are trained with relaxed SIMD. Their engine version then contains `+relaxed`. */
  readonly relaxed: boolean;
  /** How long finished jobs are kept. */
  readonly retention: RetentionLimits;
  /** The URL of the artifact storage: a `file:` URL of a folder, or `s3://bucket/prefix`. */
  readonly artifactsUrl: string;
  readonly logLevel: (typeof logLevels)[number];
  readonly limits: SpecLimits;
  /** Largest upload, in bytes. */
  readonly uploadBytesLimit: number;
  /** The maximum number of bytes of the specs of all jobs of a sweep together. */
  readonly sweepBytesLimit: number;
  /** The maximum number of files in a zip or tar of images. */
  readonly uploadFilesLimit: number;
  /**
   * The maximum number of uploads that an API process handles at the same time, and their maximum total size in bytes: in all, and for one
   * key.
   */
  readonly uploadBounds: {
    readonly uploads: number;
    readonly uploadsPerKey: number;
    readonly bytes: number;
    readonly bytesPerKey: number;
  };
  /** The maximum number of uploads that an API process reads at the same time. */
  readonly uploadReaders: number;
  /** Memory limit of a process that reads an upload, in bytes; null: a share of the machine's memory. */
  readonly uploadMemoryBytes: number | null;
  readonly predictions: {
    /** The maximum number of predictions of an API process at the same time. Each runs in a separate process. */
    readonly processes: number;
    /** Memory limit of a prediction's process, in bytes. */
    readonly memoryBytes: number;
    /** Time limit of a prediction, in ms. */
    readonly timeLimitMs: number;
    /** The maximum number of waiting prediction requests of one key. */
    readonly waitingPerKey: number;
  };
  /** Quotas of each key without the admin role. */
  readonly quotas: Quotas;
}

/**
 * Returns the settings in the environment variables. An empty variable counts as not set. Relative paths are relative to the current
 * folder.
 * @throws EnvironmentError with all invalid variables
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = variables.safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues.map((issue) => issueOf(String(issue.path[0]), issue.message, given));
  const keyEntries = given['TRAINYARD_API_KEYS'] ?? '';
  const apiKeysFile = keyEntries.startsWith('@') ? resolve(keyEntries.slice(1)) : null;
  const apiKeys = readApiKeys(keyEntries, apiKeysFile, issues);
  if (!parsed.success || issues.length > 0) throw new EnvironmentError(issues);

  const { data } = parsed;
  const home = resolve(data.TRAINYARD_HOME ?? defaultHome(env));
  return {
    host: data.HOST,
    port: data.PORT,
    redisUrl: data.REDIS_URL ?? null,
    redisMemoryBytes: data.TRAINYARD_REDIS_MEMORY_BYTES ?? null,
    home,
    datasets: data.TRAINYARD_DATASETS === undefined ? null : resolve(data.TRAINYARD_DATASETS),
    datasetsUrl: data.TRAINYARD_DATASETS_URL ?? null,
    apiKeys,
    apiKeysFile,
    rateLimit: data.TRAINYARD_RATE_LIMIT,
    connections: data.TRAINYARD_CONNECTIONS,
    requestsPerKey: data.TRAINYARD_REQUESTS_PER_KEY,
    streamsPerKey: data.TRAINYARD_STREAMS_PER_KEY,
    corsOrigins: data.TRAINYARD_CORS_ORIGINS,
    trustProxy: data.TRAINYARD_TRUST_PROXY,
    basePath: data.TRAINYARD_BASE_PATH,
    webhookSecret: data.TRAINYARD_WEBHOOK_SECRET ?? null,
    allowPrivateWebhooks: data.TRAINYARD_WEBHOOK_PRIVATE === '1',
    webhookSends: { places: data.TRAINYARD_WEBHOOK_SENDS, placesPerKey: data.TRAINYARD_WEBHOOK_SENDS_PER_KEY },
    concurrency: data.TRAINYARD_CONCURRENCY,
    threads: data.TRAINYARD_THREADS,
    relaxed: data.TRAINYARD_RELAXED === '1',
    retention: { days: data.TRAINYARD_RETENTION_DAYS ?? null, jobs: data.TRAINYARD_RETENTION_JOBS ?? null },
    artifactsUrl: data.ARTIFACTS_URL ?? pathToFileURL(join(home, 'artifacts')).href,
    logLevel: data.LOG_LEVEL,
    limits: {
      parameters: data.TRAINYARD_MAX_PARAMETERS,
      memoryBytes: data.TRAINYARD_MAX_MEMORY_BYTES,
      epochs: data.TRAINYARD_MAX_EPOCHS,
      layers: data.TRAINYARD_MAX_LAYERS,
    },
    uploadBytesLimit: data.TRAINYARD_MAX_UPLOAD_BYTES,
    sweepBytesLimit: data.TRAINYARD_MAX_SWEEP_BYTES,
    uploadFilesLimit: data.TRAINYARD_MAX_UPLOAD_FILES,
    uploadBounds: {
      uploads: data.TRAINYARD_UPLOADS,
      uploadsPerKey: data.TRAINYARD_UPLOADS_PER_KEY,
      bytes: data.TRAINYARD_UPLOADS_BYTES,
      bytesPerKey: data.TRAINYARD_UPLOADS_BYTES_PER_KEY,
    },
    uploadReaders: data.TRAINYARD_UPLOAD_READERS,
    uploadMemoryBytes: data.TRAINYARD_UPLOAD_MEMORY_BYTES ?? null,
    predictions: {
      processes: data.TRAINYARD_PREDICT_PROCESSES,
      memoryBytes: data.TRAINYARD_PREDICT_MEMORY_BYTES,
      timeLimitMs: 1_000 * data.TRAINYARD_PREDICT_SECONDS,
      waitingPerKey: data.TRAINYARD_PREDICT_WAITING,
    },
    quotas: {
      queuedJobs: data.TRAINYARD_QUOTA_QUEUED_JOBS,
      parameters: data.TRAINYARD_QUOTA_PARAMETERS,
      epochs: data.TRAINYARD_QUOTA_EPOCHS,
      storageBytes: data.TRAINYARD_QUOTA_STORAGE_BYTES,
      redisBytes: data.TRAINYARD_QUOTA_REDIS_BYTES,
      trainingSeconds: data.TRAINYARD_QUOTA_TRAINING_SECONDS,
    },
  };
}

/**
 * Checks that there is an API key if other machines can connect to `host`. Call it before listening on `host`.
 * @throws EnvironmentError if `host` is not a loopback address and there is no key
 */
export function requireKeysBeyondLoopback({ host, apiKeys }: Pick<Environment, 'host' | 'apiKeys'>): void {
  if (apiKeys.length > 0 || isLoopback(host)) return;
  throw new EnvironmentError([
    {
      variable: 'HOST',
      message: `${JSON.stringify(host)} lets other machines connect, but there is no API key: create one with npm run key -- NAME and set TRAINYARD_API_KEYS to its entry, or set HOST to 127.0.0.1`,
    },
  ]);
}

/** Whether only this machine can connect to a host name or address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Returns the keys in the variable, or in the file that it names. If they are invalid, adds an issue and returns no keys. */
function readApiKeys(value: string, file: string | null, issues: EnvironmentIssue[]): ApiKey[] {
  try {
    const keys = parseApiKeys(file === null ? value : readFileSync(file, 'utf8'));
    // Without any key, every local user would be an admin. An operator who names a key file surely wants keys.
    if (file !== null && keys.length === 0) throw new RangeError('it has no entry: npm run key -- NAME creates one');
    return keys;
  } catch (error) {
    const place = file === null ? '' : `the file ${file}: `;
    issues.push({ variable: 'TRAINYARD_API_KEYS', message: place + (error instanceof Error ? error.message : String(error)) });
    return [];
  }
}

function issueOf(variable: string, message: string, env: Readonly<Record<string, string | undefined>>): EnvironmentIssue {
  return { variable, message: secrets.has(variable) ? message : `${message}, got ${JSON.stringify(env[variable])}` };
}
