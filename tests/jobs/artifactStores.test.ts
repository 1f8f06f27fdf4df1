// Runs the same tests on both artifact stores: a folder and a real S3 server.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { type ArtifactStore, copySnapshots, fetchArtifact, openArtifacts, readArtifact, readSnapshot, snapshotLine } from '@trainyard/jobs';
import { afterAll, beforeAll, test as baseTest, describe, expect, vi } from 'vitest';
import { type Fault, FaultyS3 } from '../support/faultyS3.ts';
import { type S3Server, startS3Server } from '../support/s3Server.ts';
import { until } from '../support/until.ts';

const jobId = 'job_01JZZZZZZZZZZZZZZZZZZZZZZZ';
const name = 'model.safetensors';

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
  for (const [variable, value] of Object.entries(s3.env)) vi.stubEnv(variable, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await s3.stop();
});

const withFolder = baseTest.extend('folder', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-stores-'));
  onCleanup(async () => await rm(folder, { recursive: true }));
  return folder;
});

/** Returns the target of a link; '' if the link does not exist. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function content(stream: Promise<Readable>): Promise<Buffer> {
  return await buffer(await stream);
}

let stores = 0;

describe.each([
  ['folder', (folder: string) => pathToFileURL(join(folder, 'artifacts')).href],
  ['bucket', () => `s3://${s3.bucket}/of/store-${++stores}/`],
  ['bucket without a prefix', () => `s3://${s3.bucket}`],
] as const)('an artifact in a %s', (_kind, urlOf) => {
  const test = withFolder.extend('store', async ({ folder }, { onCleanup }): Promise<ArtifactStore> => {
    const store = await openArtifacts(urlOf(folder), join(folder, 'home'));
    onCleanup(async () => {
      for (const id of [jobId, 'job_01JZZZZZZZZZZZZZZZZZZZZZZY']) await store.deleteJob(id);
      await store.close();
    });
    return store;
  });

  test('is stored from a finished file, which is then removed', async ({ store }) => {
    const bytes = randomBytes(17_000_000);
    const path = store.temporaryFile();
    await writeFile(path, bytes);
    const stored = { bytes: bytes.length, sha256: digest(bytes) };
    expect(await store.putFile(jobId, name, path)).toEqual(stored);
    expect(await store.stat(jobId, name)).toEqual(stored);
    expect(digest(await content(store.open(jobId, name)))).toBe(stored.sha256);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('can be shared with another job, which keeps it when the first job is deleted or replaces it', async ({ store }) => {
    const other = 'job_01JZZZZZZZZZZZZZZZZZZZZZZY';
    await store.putBytes(jobId, name, Buffer.from('the first'));
    await store.copy({ jobId, name }, { jobId: other, name: 'initial.safetensors' });
    await store.putBytes(jobId, name, Buffer.from('second'));
    await store.deleteJob(jobId);
    expect((await content(store.open(other, 'initial.safetensors'))).toString()).toBe('the first');
    expect(await store.stat(other, 'initial.safetensors')).toMatchObject({ bytes: 9 });
    await expect(store.copy({ jobId, name }, { jobId: other, name })).rejects.toMatchObject({ code: 'artifactNotFound' });
  });

  test('is listed by its name, and can be removed alone', async ({ store }) => {
    expect(await store.names(jobId)).toEqual([]);
    for (const one of ['b', 'a', 'c']) await store.putBytes(jobId, one, Buffer.from(one));
    expect(await store.names(jobId)).toEqual(['a', 'b', 'c']);
    await store.delete(jobId, 'b');
    await store.delete(jobId, 'b');
    expect(await store.names(jobId)).toEqual(['a', 'c']);
    expect(await store.stat(jobId, 'b')).toBeNull();
  });

  test('that is stored again replaces the previous one', async ({ store }) => {
    await store.putBytes(jobId, name, Buffer.from('the first'));
    await store.putBytes(jobId, name, Buffer.from('second'));
    expect(await store.stat(jobId, name)).toEqual({ bytes: 6, sha256: digest(Buffer.from('second')) });
    expect((await content(store.open(jobId, name))).toString()).toBe('second');
  });

  test('is read in part, including the first and the last byte of the range', async ({ store }) => {
    await store.putBytes(jobId, name, Buffer.from('0123456789'));
    for (const [start, end, part] of [
      [0, 0, '0'],
      [2, 5, '2345'],
      [9, 9, '9'],
      [0, 9, '0123456789'],
    ] as const) {
      expect((await content(store.open(jobId, name, { start, end }))).toString()).toBe(part);
    }
    for (const range of [
      { start: 0, end: 10 },
      { start: 10, end: 10 },
      { start: 5, end: 4 },
      { start: -1, end: 4 },
    ]) {
      await expect(store.open(jobId, name, range)).rejects.toMatchObject({ code: 'invalidRange' });
    }
  });

  test('can be read while many other downloads are open and unread', async ({ store }) => {
    await store.putBytes(jobId, name, randomBytes(2_000_000));
    const unread = await Promise.all(Array.from({ length: 60 }, async () => await store.open(jobId, name)));
    // Each download starts and is then not read.
    for (const stream of unread) expect(await once(stream, 'readable')).toEqual([]);
    expect((await content(store.open(jobId, name))).length).toBe(2_000_000);
    // No download was ended to make room for the last one.
    expect(unread.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([]);
    for (const stream of unread) stream.destroy();
  });

  test('that does not exist has no size, cannot be opened, and can be deleted', async ({ store }) => {
    expect(await store.stat(jobId, name)).toBeNull();
    await expect(store.open(jobId, name)).rejects.toMatchObject({ code: 'artifactNotFound' });
    await store.deleteJob(jobId);
  });

  test('is deleted with its job, and artifacts of other jobs stay', async ({ store }) => {
    const other = 'job_01JZZZZZZZZZZZZZZZZZZZZZZY';
    await store.putBytes(other, name, Buffer.from('stays'));
    for (let i = 0; i < 25; i++) await store.putBytes(jobId, `gradients-${i}-${i}.jsonl`, Buffer.from('{}'));
    await store.deleteJob(jobId);
    expect(await store.names(jobId)).toEqual([]);
    expect(await store.names(other)).toEqual([name]);
  });

  test('must have a valid job id and a valid name', async ({ store }) => {
    for (const [holder, called] of [
      ['..', name],
      [jobId, '../x'],
      [jobId, '.hidden'],
      [jobId, 'a/b'],
      ['', name],
    ] as const) {
      await expect(store.putBytes(holder, called, Buffer.from('x'))).rejects.toMatchObject({ code: 'invalidArtifactName' });
      await expect(store.open(holder, called)).rejects.toMatchObject({ code: 'invalidArtifactName' });
    }
    await expect(store.deleteJob('..')).rejects.toMatchObject({ code: 'invalidArtifactName' });
  });

  test('is read into memory or a file, and the bytes are checked against the stored digest', async ({ store, folder }) => {
    const bytes = randomBytes(200_000);
    await store.putBytes(jobId, name, bytes);
    expect(digest(await readArtifact(store, { jobId, name }))).toBe(digest(bytes));
    await fetchArtifact(store, { jobId, name }, join(folder, 'copy'));
    expect((await stat(join(folder, 'copy'))).size).toBe(bytes.length);
    const lying: ArtifactStore = Object.create(store, {
      stat: { value: () => Promise.resolve({ bytes: bytes.length, sha256: digest(Buffer.from('other')) }) },
      open: { value: async (...place: Parameters<ArtifactStore['open']>) => await store.open(...place) },
    }) as ArtifactStore;
    await expect(readArtifact(lying, { jobId, name })).rejects.toMatchObject({ code: 'damagedArtifact' });
    await expect(fetchArtifact(lying, { jobId, name }, join(folder, 'other'))).rejects.toMatchObject({ code: 'damagedArtifact' });
  });

  test('with a document for each epoch is copied to a successor without the epochs after the one where the successor starts', async ({
    store,
  }) => {
    const other = 'job_01JZZZZZZZZZZZZZZZZZZZZZZY';
    const lines = (epochs: readonly number[]) => Buffer.from(epochs.map((epoch) => snapshotLine({ epoch })).join(''));
    await store.putBytes(jobId, 'gradients-1-3.jsonl', lines([1, 2, 3]));
    await store.putBytes(jobId, 'gradients-4-6.jsonl', lines([4, 5, 6]));
    await copySnapshots(store, jobId, other, 4);
    expect(await store.names(other)).toEqual(['gradients-1-3.jsonl', 'gradients-4-4.jsonl']);
    expect(await readSnapshot(store, other, 'gradients')).toEqual({ document: { epoch: 4 } });
    expect(await readSnapshot(store, other, 'gradients', 6)).toEqual({ document: null, nearest: 4 });
  });

  test('leaves no unfinished files after the store is closed', async ({ folder }) => {
    const store = await openArtifacts(urlOf(folder), join(folder, 'home'));
    await writeFile(store.temporaryFile(), 'half of the wei');
    await store.close();
    const left = await readdir(folder, { recursive: true });
    expect(left.filter((path) => path.includes('~'))).toEqual([]);
  });
});

describe('an S3 storage that is unavailable', () => {
  withFolder('gives an error that names it, and does not report the artifact as missing', async ({ folder }) => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    const store = await openArtifacts(`s3://${s3.bucket}`, folder);
    await expect(store.stat(jobId, name)).rejects.toMatchObject({
      code: 'storageUnavailable',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    await store.close();
    vi.stubEnv('AWS_ENDPOINT_URL', s3.env['AWS_ENDPOINT_URL'] ?? '');
  });

  withFolder.skipIf(process.platform !== 'linux')('closes the files that it could not store', async ({ folder }) => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    const complaints = vi.spyOn(console, 'warn');
    const store = await openArtifacts(`s3://${s3.bucket}`, folder);
    const path = store.temporaryFile();
    await writeFile(path, Buffer.alloc(17_000_000));
    await expect(store.putFile(jobId, name, path)).rejects.toMatchObject({ code: 'storageUnavailable' });
    const isOpen = (): boolean => readdirSync('/proc/self/fd').some((fd) => linkOf(`/proc/self/fd/${fd}`) === path);
    await until(() => !isOpen());
    expect(complaints).not.toHaveBeenCalled();
    complaints.mockRestore();
    await store.close();
    vi.stubEnv('AWS_ENDPOINT_URL', s3.env['AWS_ENDPOINT_URL'] ?? '');
  });

  withFolder('gives an error also if the bucket does not exist', async ({ folder }) => {
    const store = await openArtifacts('s3://nothing', folder);
    await expect(store.putBytes(jobId, name, Buffer.from('x'))).rejects.toMatchObject({ code: 'storageUnavailable' });
    await store.close();
  });
});

describe('the check of an S3 storage', () => {
  const faulty = withFolder.extend('server', async ({ task: _task }, { onCleanup }) => {
    const server = await FaultyS3.start();
    vi.stubEnv('AWS_ENDPOINT_URL', server.env['AWS_ENDPOINT_URL'] ?? '');
    onCleanup(async () => {
      vi.stubEnv('AWS_ENDPOINT_URL', s3.env['AWS_ENDPOINT_URL'] ?? '');
      await server.stop();
    });
    return server;
  });

  /** The page of a proxy. It is not well-formed XML. */
  const page = (title: string): string => `<html><head><title>${title}</title></head><body><hr></body></html>`;

  faulty.for<readonly [string, 'PUT' | 'GET', Fault, string, string]>([
    ['other bytes', 'GET', 'corrupt', 'storageUnavailable', 'the bucket returns other bytes than were written'],
    ['nothing', 'GET', { status: 404, code: 'NoSuchKey' }, 'storageUnavailable', 'the bucket has no object that was just written to it'],
    ['the end of the connection', 'PUT', 'refuse', 'storageUnavailable', 'the S3 storage does not answer (ECONNRESET)'],
    [
      'an error',
      'PUT',
      { status: 503, code: 'SlowDown' },
      'storageUnavailable',
      'the S3 storage could not handle the request (SlowDown, status 503)',
    ],
    [
      'the error page of a proxy',
      'GET',
      { status: 502, page: page('Bad Gateway') },
      'storageUnavailable',
      "the S3 storage sent a response that is not in S3's format (status 502)",
    ],
    [
      'the 404 page of a proxy',
      'GET',
      { status: 404, page: page('Not Found') },
      'storageUnavailable',
      "the S3 storage sent a response that is not in S3's format (status 404)",
    ],
  ])('that answers with %s names the reason', async ([, method, fault, code, reason], { folder, server }) => {
    const store = await openArtifacts(`s3://${server.bucket}`, folder);
    await store.check();
    server.set((request) => (request.method === method ? fault : undefined));
    await expect(store.check()).rejects.toMatchObject({ code, reason });
    server.set();
    await store.check();
    await store.close();
  });

  faulty('is not needed to see that a proxy in front of it refuses a file because of its size', async ({ folder, server }) => {
    const store = await openArtifacts(`s3://${server.bucket}`, folder);
    server.set(({ method }) => (method === 'PUT' ? { status: 413, page: page('Request Entity Too Large') } : undefined));
    const refused = store.putBytes(jobId, name, Buffer.from('x'));
    await expect(refused).rejects.toMatchObject({ code: 'artifactTooLarge', reason: expect.stringContaining('raise its limit') as string });
    await store.close();
  });
});
