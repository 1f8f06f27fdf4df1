// The API while its artifact storage refuses, breaks off or is full: it says so in readiness, metrics and answers, keeps nothing of what it
// could not store, and goes on by itself when the storage is back.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job, Problem } from '@trainyard/contracts';
import { describe, expect, test as baseTest } from 'vitest';
import { type Fault, FaultyS3 } from '../support/faultyS3.ts';
import { hasSmallDisks, SmallDisk } from '../support/smallDisk.ts';
import { formBody, formParts, formType } from './fixtures/forms.ts';
import { openHome, startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

const table = Buffer.from('x,y,d\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n');

/** A safetensors file of one value. */
const weights = ((): Buffer => {
  const header = Buffer.from(JSON.stringify({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
})();

const test = baseTest
  .extend('home', async ({ task: _task }, { onCleanup }) => {
    const home = await openHome();
    onCleanup(async () => await home.close());
    return home;
  })
  .extend('s3', async ({ task: _task }, { onCleanup }) => {
    const s3 = await FaultyS3.start();
    onCleanup(async () => await s3.stop());
    return s3;
  });

class Client {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async get(path: string): Promise<Response> {
    return await fetch(`${this.#url}${path}`);
  }

  async post(path: string, type: string, body: Uint8Array | string): Promise<Response> {
    const content = typeof body === 'string' ? body : new Uint8Array(body);
    return await fetch(`${this.#url}${path}`, { method: 'POST', headers: { 'content-type': type }, body: content });
  }

  async uploadAll(): Promise<Response[]> {
    return [
      await this.post('/datasets', formType, formBody(formParts({ file: table }))),
      await this.post('/weights', 'application/octet-stream', weights),
      await this.post('/weights', formType, formBody(formParts({ file: weights }))),
    ];
  }

  async storageUp(): Promise<string | undefined> {
    return /^trainyard_storage_up (\d)$/m.exec(await (await this.get('/metrics')).text())?.[1];
  }
}

async function expectAway(response: Response, retryAfter: string, detail: RegExp): Promise<void> {
  const problem = (await response.json()) as Problem;
  expect([response.status, problem.code, response.headers.get('retry-after')]).toEqual([503, 'unavailable', retryAfter]);
  expect(problem.detail).toMatch(detail);
  expect(problem.detail).not.toMatch(/Redis|\/tmp|127\.0\.0\.1/);
}

describe('an API whose bucket', () => {
  const faults: readonly (readonly [string, Fault, string])[] = [
    ['does not answer', 'refuse', 'storage cannot be used: the S3 storage does not answer (ECONNRESET)'],
    [
      'is overloaded',
      { status: 503, code: 'SlowDown' },
      'storage cannot be used: the S3 storage could not handle the request (SlowDown, status 503)',
    ],
    ['denies access', { status: 403, code: 'AccessDenied' }, 'storage refuses access'],
    [
      'is gone',
      { status: 404, code: 'NoSuchBucket' },
      'storage cannot be used: the bucket does not exist (NoSuchBucket): create it, or correct ARTIFACTS_URL',
    ],
  ];

  test.for(faults)('%s says so, keeps nothing, and recovers by itself', async ([, fault, reason], { home, s3, onTestFinished }) => {
    const storage = { ...s3.env, ARTIFACTS_URL: `s3://${s3.bucket}/of/ours` };
    const server = startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, ...storage });
    onTestFinished(async () => {
      server.child.kill();
      await server.exit;
    });
    const client = new Client(await server.ready());
    await expect.poll(async () => (await client.get('/health/ready')).status).toBe(200);
    await expect.poll(async () => await client.storageUp()).toBe('1');
    const job = (await (await client.post('/jobs', 'application/json', JSON.stringify(tutorial))).json()) as Job;

    s3.set(() => fault);
    await expect.poll(async () => (await client.get('/health/ready')).status).toBe(503);
    const ready = (await (await client.get('/health/ready')).json()) as Problem;
    expect(ready.errors).toEqual([{ path: '/dependencies/storage', message: reason, code: 'down' }]);
    await expect.poll(async () => await client.storageUp()).toBe('0');
    for (const response of await client.uploadAll()) await expectAway(response, '2', /artifact storage/);
    await expectAway(await client.get(`/jobs/${job.id}/artifacts/model.safetensors`), '2', /artifact storage/);
    await expectAway(await client.get(`/jobs/${job.id}/artifacts`), '2', /artifact storage/);
    expect((await client.get('/health/live')).status).toBe(200);
    expect(s3.keys.filter((key) => !key.includes('check-'))).toEqual([]);
    const unfinished = await readdir(join(home.folder, 'unfinished'), { recursive: true, withFileTypes: true });
    expect(unfinished.filter((entry) => entry.isFile())).toEqual([]);

    s3.set();
    await expect.poll(async () => (await client.get('/health/ready')).status).toBe(200);
    await expect.poll(async () => await client.storageUp()).toBe('1');
    expect((await client.uploadAll()).map(({ status }) => status)).toEqual([201, 201, 201]);
    server.child.kill();
    const lines = (await server.stderr).split('\n').filter((line) => line.includes('not ready: storage'));
    expect(lines).toHaveLength(1);
  });

  test('is one without a region or credentials does not start, and names what to set', async ({ home, s3 }) => {
    const environment = {
      REDIS_URL: home.redis.url,
      TRAINYARD_HOME: home.folder,
      ARTIFACTS_URL: 's3://artifacts',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const { AWS_REGION: region, ...keys } = s3.env;
    const withoutRegion = startServer({ ...environment, ...keys });
    expect([await withoutRegion.exit, await withoutRegion.stdout]).toEqual([1, '']);
    expect(await withoutRegion.stderr).toMatch(/^AWS_REGION: is not set: .*us-east-1\n$/);
    const withoutKeys = startServer({ ...environment, AWS_REGION: region ?? '' });
    expect(await withoutKeys.exit).toBe(1);
    expect(await withoutKeys.stderr).toMatch(/^AWS_ACCESS_KEY_ID: .*AWS_SECRET_ACCESS_KEY/);
  });
});

describe('an API whose disk is full', () => {
  test.skipIf(!hasSmallDisks)('says so, keeps nothing, and takes uploads when there is room', async ({ home, onTestFinished }) => {
    const disk = await SmallDisk.open(4);
    const server = startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: join(disk.path, 'home') });
    onTestFinished(async () => {
      server.child.kill();
      await server.exit;
      await disk.close();
    });
    const client = new Client(await server.ready());
    const files = async (): Promise<string[]> => {
      const entries = await readdir(join(disk.path, 'home'), { recursive: true, withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : []));
    };
    const before = await files();
    await disk.fill();
    await expect.poll(async () => (await client.get('/health/ready')).status).toBe(503);
    const ready = (await (await client.get('/health/ready')).json()) as Problem;
    expect(ready.errors).toEqual([{ path: '/dependencies/storage', message: 'storage has no room left', code: 'down' }]);
    await expect.poll(async () => await client.storageUp()).toBe('0');
    for (const response of await client.uploadAll()) await expectAway(response, '60', /no room left/);
    expect(await files()).toEqual(before);
    await disk.free();
    await expect.poll(async () => (await client.get('/health/ready')).status).toBe(200);
    expect((await client.uploadAll()).map(({ status }) => status)).toEqual([201, 201, 201]);
  });
});
