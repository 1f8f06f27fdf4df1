// Tests the environment variables: their defaults, the meaning of each variable, and the errors for invalid values.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits } from '@trainyard/engine/spec';
import {
  createApiKey,
  EnvironmentError,
  findApiKey,
  isLoopback,
  noQuotas,
  parseApiKeys,
  readEnvironment,
  requireKeysBeyondLoopback,
} from '@trainyard/jobs';
import { describe, expect, test } from 'vitest';

/** Returns the error messages for an environment, by variable. */
function complaints(env: Record<string, string>): Record<string, string> {
  try {
    readEnvironment(env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return Object.fromEntries(error.issues.map(({ variable, message }) => [variable, message]));
  }
  return {};
}

describe('the environment', () => {
  test('needs no variables', () => {
    expect(readEnvironment({ XDG_DATA_HOME: '/data' })).toEqual({
      host: '127.0.0.1',
      port: 3000,
      redisUrl: null,
      redisMemoryBytes: null,
      home: '/data/trainyard',
      datasets: null,
      datasetsUrl: null,
      apiKeys: [],
      apiKeysFile: null,
      rateLimit: 6_000,
      connections: 10_000,
      requestsPerKey: 64,
      streamsPerKey: 1_000,
      corsOrigins: [],
      trustProxy: [],
      basePath: '',
      webhookSecret: null,
      allowPrivateWebhooks: false,
      webhookSends: { places: 200, placesPerKey: 10 },
      concurrency: 1,
      threads: 1,
      relaxed: false,
      retention: { days: null, jobs: null },
      artifactsUrl: 'file:///data/trainyard/artifacts',
      logLevel: 'info',
      limits: defaultLimits,
      uploadBytesLimit: 2 ** 30,
      sweepBytesLimit: 2 ** 24,
      uploadFilesLimit: 100_000,
      uploadBounds: { uploads: 64, uploadsPerKey: 8, bytes: 16 * 2 ** 30, bytesPerKey: 4 * 2 ** 30 },
      uploadReaders: 2,
      uploadMemoryBytes: null,
      predictions: { processes: 2, memoryBytes: 1.5e9, timeLimitMs: 10_000, waitingPerKey: 64 },
      quotas: noQuotas,
    });
  });

  test('reads every variable, and treats an empty one as not set', () => {
    const { entry } = createApiKey('ada', 'admin');
    expect(
      readEnvironment({
        HOST: '0.0.0.0',
        PORT: '0',
        REDIS_URL: 'rediss://user:secret@redis.example:6380/2',
        TRAINYARD_REDIS_MEMORY_BYTES: '1e9',
        TRAINYARD_HOME: 'here',
        TRAINYARD_DATASETS: '/datasets',
        TRAINYARD_DATASETS_URL: 'https://mirror.example/datasets',
        TRAINYARD_API_KEYS: entry,
        TRAINYARD_RATE_LIMIT: '0',
        TRAINYARD_CONNECTIONS: '500',
        TRAINYARD_REQUESTS_PER_KEY: '8',
        TRAINYARD_STREAMS_PER_KEY: '20',
        TRAINYARD_CORS_ORIGINS: 'https://board.example, http://localhost:5173',
        TRAINYARD_TRUST_PROXY: '10.0.0.0/8, ::1',
        TRAINYARD_BASE_PATH: '/train/yard/',
        TRAINYARD_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}`,
        TRAINYARD_WEBHOOK_PRIVATE: '1',
        TRAINYARD_WEBHOOK_SENDS: '40',
        TRAINYARD_WEBHOOK_SENDS_PER_KEY: '4',
        TRAINYARD_CONCURRENCY: '4',
        TRAINYARD_THREADS: '2',
        TRAINYARD_RELAXED: '1',
        ARTIFACTS_URL: 'file:///var/lib/trainyard%20artifacts',
        LOG_LEVEL: 'debug',
        TRAINYARD_MAX_PARAMETERS: '1e6',
        TRAINYARD_MAX_MEMORY_BYTES: '1000000000',
        TRAINYARD_MAX_EPOCHS: '10',
        TRAINYARD_MAX_LAYERS: '',
        TRAINYARD_MAX_UPLOAD_BYTES: '5e6',
        TRAINYARD_MAX_SWEEP_BYTES: '6e6',
        TRAINYARD_MAX_UPLOAD_FILES: '1000',
        TRAINYARD_UPLOADS: '10',
        TRAINYARD_UPLOADS_PER_KEY: '3',
        TRAINYARD_UPLOADS_BYTES: '1e9',
        TRAINYARD_UPLOADS_BYTES_PER_KEY: '1e8',
        TRAINYARD_UPLOAD_READERS: '4',
        TRAINYARD_UPLOAD_MEMORY_BYTES: '2e9',
        TRAINYARD_PREDICT_PROCESSES: '3',
        TRAINYARD_PREDICT_MEMORY_BYTES: '5e8',
        TRAINYARD_PREDICT_SECONDS: '20',
        TRAINYARD_PREDICT_WAITING: '8',
        TRAINYARD_QUOTA_QUEUED_JOBS: '10',
        TRAINYARD_QUOTA_PARAMETERS: '1e5',
        TRAINYARD_QUOTA_EPOCHS: '',
        TRAINYARD_QUOTA_STORAGE_BYTES: '1e9',
        TRAINYARD_QUOTA_REDIS_BYTES: '1e8',
        TRAINYARD_QUOTA_TRAINING_SECONDS: '3600',
        TRAINYARD_RETENTION_DAYS: '30',
        TRAINYARD_RETENTION_JOBS: '1000',
      }),
    ).toEqual({
      retention: { days: 30, jobs: 1_000 },
      host: '0.0.0.0',
      port: 0,
      redisUrl: 'rediss://user:secret@redis.example:6380/2',
      redisMemoryBytes: 1e9,
      home: join(process.cwd(), 'here'),
      datasets: '/datasets',
      datasetsUrl: 'https://mirror.example/datasets',
      apiKeys: parseApiKeys(entry),
      apiKeysFile: null,
      rateLimit: 0,
      connections: 500,
      requestsPerKey: 8,
      streamsPerKey: 20,
      corsOrigins: ['https://board.example', 'http://localhost:5173'],
      trustProxy: ['10.0.0.0/8', '::1'],
      basePath: '/train/yard',
      webhookSecret: `whsec_${'A'.repeat(32)}`,
      allowPrivateWebhooks: true,
      webhookSends: { places: 40, placesPerKey: 4 },
      concurrency: 4,
      threads: 2,
      relaxed: true,
      artifactsUrl: 'file:///var/lib/trainyard%20artifacts',
      logLevel: 'debug',
      limits: { parameters: 1e6, memoryBytes: 1e9, epochs: 10, layers: defaultLimits.layers },
      uploadBytesLimit: 5e6,
      sweepBytesLimit: 6e6,
      uploadFilesLimit: 1_000,
      uploadBounds: { uploads: 10, uploadsPerKey: 3, bytes: 1e9, bytesPerKey: 1e8 },
      uploadReaders: 4,
      uploadMemoryBytes: 2e9,
      predictions: { processes: 3, memoryBytes: 5e8, timeLimitMs: 20_000, waitingPerKey: 8 },
      quotas: { queuedJobs: 10, parameters: 1e5, epochs: null, storageBytes: 1e9, redisBytes: 1e8, trainingSeconds: 3_600 },
    });
  });

  test('reports all invalid variables at once, each with its value and the allowed values', () => {
    const said = complaints({
      PORT: '70000',
      TRAINYARD_DATASETS_URL: 'ftp://mirror.example',
      TRAINYARD_RATE_LIMIT: '-1',
      TRAINYARD_CORS_ORIGINS: '*',
      TRAINYARD_TRUST_PROXY: '10.0.0.0/33',
      TRAINYARD_BASE_PATH: 'trainyard',
      TRAINYARD_CONCURRENCY: '1.5',
      TRAINYARD_THREADS: '65',
      TRAINYARD_RELAXED: 'yes',
      ARTIFACTS_URL: 's3:///prefix',
      LOG_LEVEL: 'loud',
      TRAINYARD_MAX_EPOCHS: 'many',
      TRAINYARD_MAX_LAYERS: '0',
      TRAINYARD_QUOTA_EPOCHS: '-1',
    });
    expect(said).toEqual({
      PORT: 'must be a whole number from 0 to 65535, got "70000"',
      TRAINYARD_DATASETS_URL: 'must be a URL such as https://mirror.example/datasets, got "ftp://mirror.example"',
      TRAINYARD_RATE_LIMIT: 'must be a whole number from 0 to 1000000, got "-1"',
      TRAINYARD_CORS_ORIGINS: 'must be origins such as https://board.example, separated by commas, got "*"',
      TRAINYARD_TRUST_PROXY:
        'must be addresses or networks of proxies such as 10.0.0.0/8, separated by commas, or the number of proxies in front of the service, got "10.0.0.0/33"',
      TRAINYARD_BASE_PATH: 'must be a path such as /trainyard, got "trainyard"',
      TRAINYARD_CONCURRENCY: 'must be a whole number from 1 to 256, got "1.5"',
      TRAINYARD_THREADS: 'must be a whole number from 1 to 64, got "65"',
      TRAINYARD_RELAXED: 'must be 0 or 1, got "yes"',
      ARTIFACTS_URL: expect.stringMatching(/^must be a folder.*s3:\/\/bucket\/prefix, got "s3:\/\/\/prefix"$/) as string,
      LOG_LEVEL: 'must be one of trace, debug, info, warn, error, fatal, silent, got "loud"',
      TRAINYARD_MAX_EPOCHS: 'must be a number such as 1000 or 1e8, got "many"',
      TRAINYARD_MAX_LAYERS: 'must be at least 1, got "0"',
      TRAINYARD_QUOTA_EPOCHS: 'must be at least 0, got "-1"',
    });
  });

  test('never shows a secret in an error', () => {
    const said = complaints({
      REDIS_URL: 'http://:secret@redis.example',
      TRAINYARD_API_KEYS: 'ada:user:secret',
      TRAINYARD_WEBHOOK_SECRET: 'secret',
    });
    expect(said).toEqual({
      REDIS_URL: 'must be a URL such as redis://127.0.0.1:6379',
      TRAINYARD_API_KEYS: expect.stringContaining('entry 1 is not name:role:sha256') as string,
      TRAINYARD_WEBHOOK_SECRET: 'must be whsec_ and the base64 of 24 to 64 bytes',
    });
    expect(JSON.stringify(said)).not.toContain('secret');
  });

  test('reads keys from a file, and names a file that it cannot read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-keys-'));
    const file = join(folder, 'keys');
    const [ada, bob] = [createApiKey('ada', 'admin'), createApiKey('bob', 'user')];
    await writeFile(file, `# the team\n${ada.entry}\n\n${bob.entry}\n`);
    expect(readEnvironment({ TRAINYARD_API_KEYS: `@${file}` }).apiKeys.map(({ name, role }) => `${name} ${role}`)).toEqual([
      'ada admin',
      'bob user',
    ]);
    expect(complaints({ TRAINYARD_API_KEYS: `@${file}.gone` })['TRAINYARD_API_KEYS']).toContain(`${file}.gone`);
    await rm(folder, { recursive: true });
  });

  test('does not allow access from other machines without a key', () => {
    const apiKeys = parseApiKeys(createApiKey('ada', 'user').entry);
    for (const host of ['0.0.0.0', '::', '192.168.0.4', 'example.org', '127.example.org']) {
      expect(() => requireKeysBeyondLoopback({ host, apiKeys: [] })).toThrow(/HOST: .*npm run key/);
      expect(() => requireKeysBeyondLoopback({ host, apiKeys })).not.toThrow();
      expect(isLoopback(host)).toBe(false);
    }
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost']) {
      expect(() => requireKeysBeyondLoopback({ host, apiKeys: [] })).not.toThrow();
    }
  });
});

describe('a key', () => {
  test('is found only by its token', () => {
    const [ada, bob] = [createApiKey('ada', 'admin'), createApiKey('bob', 'user')];
    const keys = parseApiKeys(`${ada.entry}, ${bob.entry}`);
    expect(findApiKey(keys, ada.token)).toMatchObject({ name: 'ada', role: 'admin' });
    expect(findApiKey(keys, bob.token)).toMatchObject({ name: 'bob', role: 'user' });
    for (const wrong of ['', 'ada', `${ada.token} `, ada.token.slice(1), ada.entry, keys[0]?.sha256 ?? '']) {
      expect(findApiKey(keys, wrong)).toBeNull();
    }
    expect(findApiKey([], ada.token)).toBeNull();
  });

  test('does not show its token in its entry, and no two tokens are alike', () => {
    const made = Array.from({ length: 20 }, () => createApiKey('ada', 'user'));
    for (const { token, entry } of made) expect(entry).not.toContain(token);
    expect(new Set(made.map(({ token }) => token)).size).toBe(20);
  });

  test.for([
    ['without a role', `ada:${'a'.repeat(64)}`],
    ['with an unknown role', `ada:root:${'a'.repeat(64)}`],
    ['with a short digest', 'ada:user:abc'],
    ['with an upper-case digest', `ada:user:${'A'.repeat(64)}`],
    ['with a bad name', `a b:user:${'a'.repeat(64)}`],
    ['with something after the weight', `ada:user:${'a'.repeat(64)}:2:3`],
  ])('%s is refused', ([, entry]) => {
    expect(() => parseApiKeys(entry ?? '')).toThrow(/entry 1 is not name:role:sha256/);
  });

  test('has the weight at the end of its entry', () => {
    const [ada, bob] = [createApiKey('ada', 'user'), createApiKey('bob', 'user')];
    expect(parseApiKeys(`${ada.entry}:100,${bob.entry}`)).toMatchObject([
      { name: 'ada', weight: 100 },
      { name: 'bob', role: 'user' },
    ]);
    for (const wrong of ['0', '101', '1.5', '-1', '', ' 2', 'x']) {
      expect(() => parseApiKeys(`${ada.entry}:${wrong}`)).toThrow(/entry 1 has an invalid weight: it must be a whole number from 1 to 100/);
    }
  });

  test('with the name of another key is refused', () => {
    const twice = `${createApiKey('ada', 'user').entry},${createApiKey('ada', 'admin').entry}`;
    expect(() => parseApiKeys(twice)).toThrow(/two keys are named "ada"/);
  });
});
