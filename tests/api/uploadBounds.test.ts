// Tests the limits of uploads in progress: the number of uploads and bytes, in total and per key, and how slowly a body may arrive.
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Dataset, Problem } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { redisTest as test, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi, type TestApi, type TestApiOptions } from './fixtures/api.ts';
import { formBody, formParts, formType, table, upload } from './fixtures/forms.ts';
import { bearer, makeKey, type TestKey } from './fixtures/keys.ts';

const [ada, bob] = [makeKey('ada'), makeKey('bob')];

/** Creates an app whose uploads stay in progress, because nothing is read. */
async function openHeld(redis: TestRedis, onTestFinished: (close: () => Promise<void>) => void, options: TestApiOptions): Promise<TestApi> {
  const apiKeys = parseApiKeys(`${ada.entry},${bob.entry}`);
  const api = await openApi(redis, { apiKeys, uploadReader: { readers: 0, tryMs: 0 }, ...options });
  onTestFinished(async () => await api.close());
  return api;
}

const send = async (api: TestApi, key: TestKey, file: Uint8Array = table) =>
  await upload(api, formParts({ file }), { ...bearer(key), prefer: 'respond-async' });

describe('uploads in progress', () => {
  test('of one key are limited, and do not affect those of another key', async ({ redis, onTestFinished }) => {
    const api = await openHeld(redis, onTestFinished, { uploadBounds: { uploadsPerKey: 2 } });
    const [first] = [await send(api, ada), await send(api, ada)];
    const refused = await send(api, ada);
    expect([refused.statusCode, refused.headers['retry-after'], refused.headers['connection']]).toEqual([429, '30', 'close']);
    expect(refused.json<Problem>()).toMatchObject({
      code: 'tooManyRequests',
      detail: 'This key has 2 uploads in progress, which is the limit. Try again when one of them has ended.',
    });
    const weights = { method: 'POST', url: '/weights', payload: Buffer.alloc(10) } as const;
    const octets = { 'content-type': 'application/octet-stream' };
    expect((await api.call({ ...weights, headers: { ...octets, ...bearer(ada) } })).statusCode).toBe(429);
    expect((await send(api, bob)).statusCode).toBe(202);
    await api.call({ method: 'DELETE', url: `/datasets/${first.json<Dataset>().id}`, headers: bearer(ada) });
    await until(async () => (await send(api, ada)).statusCode === 202);
  });

  test('of all keys together are limited', async ({ redis, onTestFinished }) => {
    const api = await openHeld(redis, onTestFinished, { uploadBounds: { uploads: 1 } });
    expect((await send(api, ada)).statusCode).toBe(202);
    const refused = await send(api, bob);
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '30']);
    expect(refused.json<Problem>()).toMatchObject({ code: 'unavailable' });
  });

  test.for([
    ['of one key', { bytesPerKey: 3_000 }, ada, 429],
    ['of all keys', { bytes: 3_000 }, bob, 503],
  ] as const)(
    '%s have a common limit of bytes, which a single upload may exceed',
    async ([, uploadBounds, key, status], { redis, onTestFinished }) => {
      const api = await openHeld(redis, onTestFinished, { uploadBounds });
      const large = Buffer.concat([table, Buffer.from('7,8,cat\n'.repeat(400))]);
      expect((await send(api, ada, large)).statusCode).toBe(202);
      const refused = await send(api, key);
      expect([refused.statusCode, refused.headers['retry-after']]).toEqual([status, '30']);
    },
  );

  test('without a content-length count the bytes that arrive, and leave no file if they are refused', async ({ redis, onTestFinished }) => {
    const api = await openHeld(redis, onTestFinished, { uploadBounds: { bytesPerKey: 3_000 } });
    expect((await send(api, ada)).statusCode).toBe(202);
    const stored = await filesStored(api);
    const body = formBody(formParts({ file: Buffer.alloc(100_000, '1,2,cat\n') }));
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port) });
    socket.on('error', () => undefined);
    const answer = text(socket);
    socket.write(
      `POST /datasets HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${ada.token}\r\ncontent-type: ${formType}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    socket.write(`${body.length.toString(16)}\r\n`);
    socket.write(body);
    expect(await answer).toMatch(/^HTTP\/1\.1 429 /);
    await until(async () => (await filesStored(api)) === stored);
  });
});

test('a small upload is read in a short try while no place is free', async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { uploadReader: { readers: 0, tryMs: 2 ** 30 } });
  onTestFinished(async () => await api.close());
  expect((await upload(api, formParts({ file: table }))).statusCode).toBe(201);
});

test.for([
  ['/weights', 'application/octet-stream', ''],
  [
    '/datasets',
    formType,
    formBody(formParts({ file: table }))
      .toString('latin1')
      .slice(0, 120),
  ],
] as const)(
  'an upload to %s that arrives too slowly gets a 408, and the log has no warning',
  async ([path, type, head], { redis, onTestFinished }) => {
    const lines: { level: number; msg: string }[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });
    const api = await openApi(redis, { requestTimeoutMs: 300, log });
    onTestFinished(async () => await api.close());
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port) });
    socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 50000\r\n\r\n${head}`, 'latin1');
    const dripping = setInterval(() => socket.write('x'), 10);
    onTestFinished(() => clearInterval(dripping));
    socket.on('error', () => undefined);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('less than 1000 bytes a second');
    await until(() => lines.some(({ msg }) => msg === 'the upload ended after its response'));
    expect(lines.filter(({ level }) => level > 30)).toEqual([]);
  },
);

/** Returns the number of files in the folder of the app. */
async function filesStored(api: TestApi): Promise<number> {
  const entries = await readdir(api.folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}
