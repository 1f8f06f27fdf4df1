// Uploads that are no datasets, too much of one, or never whole: each is refused with the place, and leaves nothing behind.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Problem } from '@trainyard/contracts';
import { ArtifactError } from '@trainyard/jobs';
import * as fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterEach, describe, expect } from 'vitest';
import { idxFile, idxPair } from '../engine/data/idxFiles.ts';
import { plainPng, pngFile } from '../engine/data/imageFixtures.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi, type TestApi, type TestApiOptions, apiTest as test } from './fixtures/api.ts';
import { formBody, formParts, formType, imageZip, table, upload } from './fixtures/forms.ts';

/** Everything that uploads could leave: files under way, stored ones, records. */
async function traces(api: TestApi, redis: TestRedis): Promise<string[]> {
  const entries = await readdir(api.folder, { recursive: true, withFileTypes: true });
  const keys = await redis.connect().keys(`{${redis.prefix}}:*`);
  return [...entries.filter((entry) => entry.isFile()).map(({ name }) => name), ...keys.filter((key) => key.includes('ds_'))];
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(redis: TestRedis, options: TestApiOptions): Promise<TestApi> {
  const api = await openApi(redis, options);
  closing.push(async () => await api.close());
  return api;
}

const zipOf = (files: Record<string, Uint8Array>): Uint8Array => zipSync(files);
const pair = idxPair([0, 1]);

/** A zip whose directory says that its one file is smaller than it is. */
function lyingZip(): Uint8Array {
  const zip = zipSync({ 'a/1.png': Buffer.alloc(50_000_000) });
  const view = new DataView(zip.buffer);
  for (let at = 0; at < zip.length - 4; at++) if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 100, true);
  return zip;
}

describe('refused with its place, and nothing left:', () => {
  test.for<[string, Record<string, Uint8Array>, string]>([
    ['a bomb of a zip', { file: lyingZip() }, 'file/a/1.png'],
    [
      'a zip of a bomb',
      { file: zipOf({ 'a/1.png': Buffer.alloc(100_000_000) }) },
      'file: its files unpack to more than the limit of 1000000 bytes',
    ],
    [
      'a PNG that says it is vast',
      { file: zipOf({ 'a/1.png': pngFile({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, color: 0, rows: [[1]] }) }) },
      'file/a/1.png',
    ],
    ['a path that leads out', { file: zipOf({ '../../a/1.png': plainPng(2, 2, 1) }) }, 'file'],
    ['an absolute path', { file: zipOf({ '/etc/1.png': plainPng(2, 2, 1) }) }, 'file'],
    [
      'a zip of texts',
      { file: zipOf({ 'a/notes.txt': Buffer.from('hello') }) },
      'file: a zip must contain images, and this one contains none: "a/notes.txt" is text',
    ],
    ['a text that is called an image', { file: zipOf({ 'a/1.png': Buffer.from('hello') }) }, 'file/a/1.png is text, not an image'],
    [
      'images of two sizes',
      { file: zipOf({ 'a/1.png': plainPng(2, 2, 1), 'b/2.png': plainPng(3, 2, 1) }) },
      '2×2 (1, such as a/1.png), 3×2 (1, such as b/2.png). Send imageSize',
    ],
    ['half a zip', { file: imageZip(10).subarray(0, 900) }, 'file'],
    [
      'a lying IDX header',
      { inputs: idxFile([2_000_000_000, 60, 60], [1, 2, 3]), targets: pair.labels },
      'inputs: shape [2000000000, 60, 60] takes',
    ],
    [
      'a cut-off IDX file',
      { inputs: pair.images.subarray(0, 500), targets: pair.labels },
      'inputs: shape [2, 28, 28] takes 1568 bytes from byte 16 on',
    ],
    ['a table with a wrong row', { file: Buffer.from('a,b,k\n1,2,x\n1,oops,x\n') }, 'file: row 3 has "oops" in column "b"'],
    ['a gzip bomb', { file: gzipSync(Buffer.alloc(20_000_000, '1,1\n')) }, 'it holds more than the limit of 1000000 bytes'],
    ['nothing', {}, 'there is nothing to train on'],
  ])('%s', async ([, files, message], { redis }) => {
    const api = await open(redis, { uploadReader: { limits: { bytes: 1_000_000 } } });
    const response = await upload(api, formParts(files));
    expect(response.statusCode, response.body).toBe(422);
    const problem = response.json<Problem>();
    expect(problem.code).toBe('invalidDataset');
    expect(problem.detail).toContain(message);
    expect(problem.detail).not.toContain(api.folder);
    expect(await traces(api, redis)).toEqual([]);
  });

  test('random bytes, or a valid file with changed bytes', async ({ api, redis }) => {
    const zip = imageZip(4);
    const files = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(zip.length - 1), fc.integer({ min: 0, max: 255 }))
        .map(([at, byte]) => Uint8Array.from(zip, (was, i) => (i === at ? byte : was))),
      fc.nat(zip.length).map((end) => zip.slice(0, end)),
    );
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        const response = await upload(api, formParts({ file }));
        expect([200, 201, 422]).toContain(response.statusCode);
        if (response.statusCode === 201) await api.call({ method: 'DELETE', url: response.headers['location'] ?? '' });
        expect(await traces(api, redis)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});

describe('a form', () => {
  test.for<[string, Parameters<typeof formBody>[0], number, string]>([
    ['with an unknown file', formParts({ files: table }), 422, 'files: no part of this name takes a file'],
    ['with an unknown text', formParts({ file: table }, { nmae: 'x' }), 422, '/nmae: unknown field "nmae": did you mean "name"?'],
    ['with a wrong option', formParts({ file: table }, { format: 'exe' }), 422, '/format: must be'],
    ['with a shape that is none', formParts({ file: table }, { inputShape: '[0]' }), 422, '/inputShape: must be a shape'],
    ['with blanks that JSON has not', formParts({ file: table }, { inputShape: '[1,\f2]' }), 422, '/inputShape: must be a shape'],
    ['with a long text', formParts({ file: table }, { name: 'x'.repeat(20_000) }), 422, 'name: has more than 16384 bytes'],
    ['with a text twice', [...formParts({ file: table }, { name: 'x' }), { name: 'name', content: 'y' }], 422, 'name: is given twice'],
    ['with too many files', Array.from({ length: 40 }, () => formParts({ file: table })).flat(), 422, 'too many parts'],
  ])('%s is refused', async ([, parts, status, message], { api, redis }) => {
    const response = await upload(api, parts);
    expect(response.statusCode, response.body).toBe(status);
    expect(response.json<Problem>().detail).toContain(message);
    expect(await traces(api, redis)).toEqual([]);
  });

  test('that is cut off, or is none, is refused', async ({ api, redis }) => {
    const post = async (payload: Buffer | string, type: string) =>
      await api.call({ method: 'POST', url: '/datasets', payload, headers: { 'content-type': type } });
    const cut = await post(formBody(formParts({ file: table })).subarray(0, 150), formType);
    expect([cut.statusCode, cut.json<Problem>().code]).toEqual([400, 'malformedForm']);
    const json = await post('{}', 'application/json');
    expect([json.statusCode, json.json<Problem>().detail]).toEqual([415, expect.stringContaining('multipart/form-data')]);
    expect((await post('x', 'multipart/form-data')).statusCode).toBe(400);
    expect(await traces(api, redis)).toEqual([]);
  });
});

describe('too much', () => {
  redisTest('is a 413 that says the limit, whether it was announced or not', async ({ redis }) => {
    const api = await open(redis, { uploadBytesLimit: 100_000 });
    const url = new URL('/datasets', await api.listen());
    const body = formBody(formParts({ inputs: new Uint8Array(60_000), targets: new Uint8Array(50_000) }));
    const announced = await fetch(url, {
      method: 'POST',
      body: formBody(formParts({ file: new Uint8Array(1_000_000) })),
      headers: { 'content-type': formType },
    });
    expect(announced.status).toBe(413);
    const sent = await fetch(url, {
      method: 'POST',
      body: new Blob([body]).stream(),
      duplex: 'half',
      headers: { 'content-type': formType },
    });
    expect(sent.status).toBe(413);
    expect(((await sent.json()) as Problem).detail).toBe('An upload may have at most 100000 bytes.');
    expect(await traces(api, redis)).toEqual([]);
  });

  redisTest('time is a 422 that says so, and the reading process is gone', async ({ redis }) => {
    const api = await open(redis, { uploadReader: { timeoutMs: 1 } });
    const response = await upload(api, formParts({ file: table }));
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().detail).toContain('reading them takes more than 0.001 s');
    expect(await traces(api, redis)).toEqual([]);
  });
});

redisTest.for([
  ['whose disk is full', 'diskFull', 503, '60'],
  ['whose storage refuses files of this size', 'artifactTooLarge', 413, undefined],
] as const)('a server %s says so and keeps nothing', async ([, code, status, retryAfter], { redis }) => {
  const api = await open(redis, {});
  api.artifacts.putFile = () => Promise.reject(new ArtifactError(code, 'the dataset', 'it cannot be stored'));
  const response = await upload(api, formParts({ file: table }));
  expect([response.statusCode, response.headers['retry-after']]).toEqual([status, retryAfter]);
  expect(await traces(api, redis)).toEqual([]);
});

test('a client that leaves, while it sends or while its files are read, leaves nothing', async ({ api, redis }) => {
  const url = new URL('/datasets', await api.listen());
  const headers = { 'content-type': formType, 'transfer-encoding': 'chunked' };
  const body = formBody(
    formParts({ inputs: idxFile([2_000, 28, 28], new Uint8Array(2_000 * 784)), targets: idxFile([2_000], new Uint8Array(2_000)) }),
  );
  for (const share of [0.6, 1]) {
    const request = httpRequest(url, { method: 'POST', headers });
    request.on('error', () => {});
    request.write(body.subarray(0, Math.floor(share * body.length)));
    if (share === 1) request.end();
    await until(async () => (await traces(api, redis)).length > 0);
    request.destroy();
    await until(async () => (await traces(api, redis)).length === 0);
  }
});

test('the reading process ends with the one that started it', async () => {
  const reader = fork(new URL('../../services/api/dist/uploads/readerProcess.js', import.meta.url));
  const exited = once(reader, 'exit');
  reader.disconnect();
  expect(await exited).toEqual([1, null]);
});
