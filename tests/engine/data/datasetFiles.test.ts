// Files of a dataset on a machine: found in the operator's folders or in the program's home, else fetched from a loopback
// server, which may be slow, wrong, rude or not there at all. Nothing half-done stays behind, and no message says where on
// the machine something lies.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LoadProgress } from '../../../packages/engine/src/data/files.ts';
import { idxPair, published } from './idxFiles.ts';

const content = idxPair(Array.from({ length: 40 }, (_, i) => i % 10)).images;
const name = 'images-idx3-ubyte.gz';
/** Tries again at once, three times in all. */
const hasty = { retryDelaysMs: [1, 1] };

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let root: string;
let home: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'trainyard-files-'));
  home = join(root, 'home');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await rm(root, { recursive: true });
});

/** A server that answers the n-th request by the n-th listener, and further ones by the last. */
async function serve(...answers: RequestListener[]) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answers[Math.min(requests.length, answers.length) - 1](request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  cleanups.push(close);
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, base: `http://127.0.0.1:${port}`, requests, close };
}

const send =
  (bytes: Uint8Array): RequestListener =>
  (_, response) =>
    response.setHeader('content-length', bytes.length).end(bytes);
const fail =
  (status: number): RequestListener =>
  (_, response) =>
    response.writeHead(status).end('no');
/** Announces everything, sends half and hangs up. */
const breakOff =
  (bytes: Uint8Array): RequestListener =>
  (_, response) => {
    response.setHeader('content-length', bytes.length);
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  };

const packed = published(name, content, '').packed;
const offered = (base: string) => published(name, content, `${base}/mnist/${name}`).file;
const inHome = () => readdir(join(home, 'datasets', 'mnist')).catch(() => []);

/** The error of a read that must fail; its message names the file and the remedy, and no place on the machine. */
async function failure(read: Promise<unknown>): Promise<Error & { code?: string }> {
  const error = await read.then(
    () => new Error('the read succeeded'),
    (reason: unknown) => reason as Error & { code?: string },
  );
  expect(error.message).toContain(`mnist/${name.replace('.gz', '')}`);
  expect(error.message).not.toContain(root);
  return error;
}

describe('a download', () => {
  test('gives the unpacked content, keeps the file as published and is not repeated', async () => {
    const server = await serve(send(packed));
    const files = new NodeDatasetFiles({ folders: [], home });
    expect(Buffer.compare(await files.read('mnist', offered(server.base)), content)).toBe(0);
    expect(await inHome()).toEqual([name]);
    expect(Buffer.compare(await readFile(join(home, 'datasets', 'mnist', name)), packed)).toBe(0);
    await server.close();
    const again = new NodeDatasetFiles({ folders: [], home });
    expect(Buffer.compare(await again.read('mnist', offered(server.base)), content)).toBe(0);
    expect(server.requests).toEqual([`/mnist/${name}`]);
  });

  test('comes from the mirror if there is one', async () => {
    const server = await serve(send(packed));
    for (const mirror of [`${server.base}/data/sets`, `${server.base}/data/sets/`]) {
      await new NodeDatasetFiles({ folders: [], home: join(home, mirror.at(-1) ?? ''), mirror }).read(
        'mnist',
        offered('http://unused.invalid'),
      );
    }
    expect(server.requests).toEqual([`/data/sets/mnist/${name}`, `/data/sets/mnist/${name}`]);
  });

  test('reports its progress up to the last byte', async () => {
    const server = await serve((_, response) => {
      response.write(packed.subarray(0, 100), () => response.end(packed.subarray(100)));
    });
    const seen: LoadProgress[] = [];
    await new NodeDatasetFiles({ folders: [], home }).read('mnist', offered(server.base), {
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual({ file: `mnist/${name}`, bytesDone: packed.length, bytesTotal: packed.length });
    expect(seen.map(({ bytesDone }) => bytesDone)).toEqual(seen.map(({ bytesDone }) => bytesDone).toSorted((a, b) => a - b));
  });

  test('of another file is refused with both checksums, and nothing of it is kept', async () => {
    const other = Uint8Array.from(packed);
    other[200] ^= 1;
    const server = await serve(send(other));
    const file = offered(server.base);
    const error = await failure(new NodeDatasetFiles({ folders: [], home }, hasty).read('mnist', file));
    expect(error).toMatchObject({ code: 'datasetChecksum' });
    expect(error.message).toContain(`from ${server.host} is not the original: expected sha256 ${file.checksum.slice(7)}, got sha256 `);
    expect(error.message).toContain('TRAINYARD_DATASETS');
    expect(server.requests).toHaveLength(1);
    expect(await inHome()).toEqual([]);
  });

  test('is cut off when more comes than the file has', async () => {
    const server = await serve((_, response) => {
      response.on('error', () => {});
      const flood = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(65536), flood);
      };
      flood();
    });
    const error = await failure(new NodeDatasetFiles({ folders: [], home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({
      code: 'datasetChecksum',
      message: expect.stringContaining(`more than ${packed.length} bytes`) as string,
    });
    expect(await inHome()).toEqual([]);
  });

  test.each([
    ['a connection that breaks', breakOff(packed)],
    ['a server that is busy', fail(503)],
    ['a server that wants fewer requests', fail(429)],
  ])('is tried again after %s', async (_, trouble) => {
    const server = await serve(trouble, trouble, send(packed));
    const files = new NodeDatasetFiles({ folders: [], home }, hasty);
    expect(Buffer.compare(await files.read('mnist', offered(server.base)), content)).toBe(0);
    expect(server.requests).toHaveLength(3);
    expect(await inHome()).toEqual([name]);
  });

  test('that always breaks off is given up, and nothing of it is kept', async () => {
    const server = await serve(breakOff(packed));
    const error = await failure(new NodeDatasetFiles({ folders: [], home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain(`from ${server.host} after 3 tries: the connection broke`);
    expect(server.requests).toHaveLength(3);
    expect(await inHome()).toEqual([]);
  });

  test('that is not there is not asked for twice', async () => {
    const server = await serve(fail(404));
    const error = await failure(new NodeDatasetFiles({ folders: [], home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain(`from ${server.host}: it answered 404 Not Found`);
    expect(server.requests).toHaveLength(1);
  });

  test('without a network fails with the host and the remedy', async () => {
    const server = await serve(fail(500));
    await server.close();
    const error = await failure(new NodeDatasetFiles({ folders: [], home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toBe(
      `mnist/${name} could not be downloaded from ${server.host} after 3 tries: ECONNREFUSED. Check the network, put the file as mnist/${name} into a folder named by TRAINYARD_DATASETS, or name a mirror by TRAINYARD_DATASETS_URL`,
    );
  });

  test('that stands still is given up', async () => {
    const server = await serve((_, response) => void response.write(packed.subarray(0, 100)));
    const files = new NodeDatasetFiles({ folders: [], home }, { retryDelaysMs: [], stallMs: 50 });
    const error = await failure(files.read('mnist', offered(server.base)));
    expect(error.message).toContain('nothing came for 50 ms');
    expect(await inHome()).toEqual([]);
  });

  test('ends with the reason of an abort, and nothing of it is kept', async () => {
    const server = await serve((_, response) => void response.write(packed.subarray(0, 100)));
    const abort = new AbortController();
    const reading = new NodeDatasetFiles({ folders: [], home }).read('mnist', offered(server.base), {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('cancelled')),
    });
    await expect(reading).rejects.toThrow('cancelled');
    expect(await inHome()).toEqual([]);
  });

  test('ends an abort also while it waits to try again', async () => {
    const abort = new AbortController();
    const server = await serve((_, response) => {
      response.writeHead(503).end();
      setImmediate(() => abort.abort(new Error('cancelled')));
    });
    const files = new NodeDatasetFiles({ folders: [], home }, { retryDelaysMs: [3_600_000] });
    await expect(files.read('mnist', offered(server.base), { signal: abort.signal })).rejects.toThrow('cancelled');
  });

  test('by two processes at once leaves one good file', async () => {
    const waiting: Parameters<RequestListener>[1][] = [];
    const server = await serve((_, response) => {
      response.write(packed.subarray(0, 1000));
      waiting.push(response);
      if (waiting.length === 2) for (const one of waiting) one.end(packed.subarray(1000));
    });
    const script = `
      import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
      const bytes = await new NodeDatasetFiles({ folders: [], home: ${JSON.stringify(home)} }).read('mnist', ${JSON.stringify(offered(server.base))});
      console.log(bytes.length);
    `;
    const run = () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname, timeout: 60_000 });
    const outcomes = await Promise.all([run(), run()]);
    expect(outcomes.map(({ stdout }) => Number(stdout))).toEqual([content.length, content.length]);
    expect(server.requests).toHaveLength(2);
    expect(await inHome()).toEqual([name]);
    expect(Buffer.compare(await readFile(join(home, 'datasets', 'mnist', name)), packed)).toBe(0);
  });

  test('clears away what a killed process left long ago, and only that', async () => {
    const folder = join(home, 'datasets', 'mnist');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.old.part'), 'x');
    await writeFile(join(folder, '.new.part'), 'x');
    await utimes(join(folder, '.old.part'), 0, 0);
    const server = await serve(send(packed));
    await new NodeDatasetFiles({ folders: [], home }).read('mnist', offered(server.base));
    expect(new Set(await inHome())).toEqual(new Set(['.new.part', name]));
  });

  test('that cannot be stored says so without the path', async () => {
    await writeFile(home, 'a file where the folder should be');
    const server = await serve(send(packed));
    const error = await failure(new NodeDatasetFiles({ folders: [], home }).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain('could not be stored in datasets/ of TRAINYARD_HOME (E');
  });
});

describe('a file that is there', () => {
  const unreachable = offered('http://127.0.0.1:1');

  async function put(folder: string, file: string, bytes: Uint8Array): Promise<void> {
    await mkdir(join(root, folder, 'mnist'), { recursive: true });
    await writeFile(join(root, folder, 'mnist', file), bytes);
  }

  test.each([
    ['gzipped', name, gzipSync(content, { level: 1 })],
    ['unpacked', name.replace('.gz', ''), content],
    ['unpacked under the name of the gzipped one', name, content],
  ])('is used without a checksum: %s', async (_, file, bytes) => {
    await put('data', file, bytes);
    const files = new NodeDatasetFiles({ folders: [join(root, 'none'), join(root, 'data')], home });
    expect(Buffer.compare(await files.read('mnist', unreachable), content)).toBe(0);
  });

  test('is found by its plain name, and is not fetched when there is none', async () => {
    await put('data', name, gzipSync(content));
    const files = new NodeDatasetFiles({ folders: [join(root, 'data')], home, mirror: 'http://127.0.0.1:1' });
    expect(Buffer.compare((await files.find('mnist', name.replace('.gz', ''))) ?? Buffer.alloc(0), content)).toBe(0);
    expect(await files.find('mnist', 'none')).toBeNull();
  });

  test('comes from the first folder that has it', async () => {
    await put('a', name, Uint8Array.of(1));
    await put('b', name, Uint8Array.of(2));
    await put('home/datasets', name, Uint8Array.of(3));
    const read = (...folders: string[]) =>
      new NodeDatasetFiles({ folders: folders.map((folder) => join(root, folder)), home }).read('mnist', unreachable);
    expect([...(await read('a', 'b'))]).toEqual([1]);
    expect([...(await read('b', 'a'))]).toEqual([2]);
    expect([...(await read('c'))]).toEqual([3]);
  });

  test('lies in memory that a thread can share', async () => {
    await put('data', name, gzipSync(content));
    const bytes = await new NodeDatasetFiles({ folders: [join(root, 'data')], home }).read('mnist', unreachable);
    expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test.each([
    ['data', 'in TRAINYARD_DATASETS is damaged and cannot be unpacked (Z_'],
    ['home/datasets', 'in datasets/ of TRAINYARD_HOME is damaged and cannot be unpacked (Z_'],
  ])('is named when it is damaged: %s', async (folder, message) => {
    await put(folder, name, packed.subarray(0, packed.length / 2));
    const error = await failure(new NodeDatasetFiles({ folders: [join(root, 'data')], home }).read('mnist', unreachable));
    expect(error).toMatchObject({ code: 'invalidDataFile' });
    expect(error.message).toContain(message);
  });

  test('is named when it cannot be read', async () => {
    await mkdir(join(root, 'data', 'mnist', name), { recursive: true });
    const error = await failure(new NodeDatasetFiles({ folders: [join(root, 'data')], home }).read('mnist', unreachable));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain('in TRAINYARD_DATASETS cannot be read (EISDIR)');
  });
});

describe('a file that is kept unpacked', () => {
  const keeping = (unpacked: UnpackedFiles) => new NodeDatasetFiles({ folders: [join(root, 'data')], home }, {}, unpacked);
  const find = async (unpacked: UnpackedFiles, file: string) => await keeping(unpacked).find('mnist', file);
  const put = async (file: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(join(root, 'data', 'mnist'), { recursive: true });
    await writeFile(join(root, 'data', 'mnist', file), bytes);
  };

  test('is unpacked once, and anew when it was replaced', async () => {
    const unpacked = new UnpackedFiles(1_000);
    await put('a.gz', gzipSync(Uint8Array.of(1, 2)));
    const first = await find(unpacked, 'a');
    expect(await find(unpacked, 'a')).toBe(first);
    await put('a.gz', gzipSync(Uint8Array.of(3, 4, 5)));
    expect([...((await find(unpacked, 'a')) ?? [])]).toEqual([3, 4, 5]);
    expect(unpacked.bytes).toBe(3);
    await rm(join(root, 'data', 'mnist', 'a.gz'));
    expect(await find(unpacked, 'a')).toBeNull();
  });

  test('makes room for others: the one that was not asked for longest goes first, and one that is too large is not kept', async () => {
    const unpacked = new UnpackedFiles(5);
    const sizes = { a: 2, b: 2, c: 3, d: 6 };
    for (const [file, size] of Object.entries(sizes)) await put(`${file}.gz`, gzipSync(new Uint8Array(size)));
    const a = await find(unpacked, 'a');
    const b = await find(unpacked, 'b');
    expect(await find(unpacked, 'a')).toBe(a);
    await find(unpacked, 'c');
    await find(unpacked, 'd');
    expect(unpacked.bytes).toBe(5);
    expect(await find(unpacked, 'a')).toBe(a);
    expect(await find(unpacked, 'b')).not.toBe(b);
  });
});
