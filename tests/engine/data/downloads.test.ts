// Tests downloads of dataset files from a local server. The server may be slow, send wrong data, close connections or not exist. No
// unfinished file is left, and no message contains a path of the machine.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { afterEach, describe, expect, test } from 'vitest';
import type { LoadProgress } from '../../../packages/engine/src/data/files.ts';
import { waitLimitMs } from '../../support/hangLimits.ts';
import { content, eachWithFolder, name, offered, packed } from './dataPlace.ts';

/** Retries at once, with three tries in total. */
const hasty = { retryDelaysMs: [1, 1] };

const at = eachWithFolder();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Starts a server that handles the n-th request with the n-th listener, and later requests with the last one. */
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
/** Announces the full length, sends half of the data and closes the connection. */
const breakOff =
  (bytes: Uint8Array): RequestListener =>
  (_, response) => {
    response.setHeader('content-length', bytes.length);
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  };

describe('a download', () => {
  test('gives the unpacked content, stores the published file and is not repeated', async () => {
    const server = await serve(send(packed));
    const files = new NodeDatasetFiles({ folders: [], home: at.home });
    expect(Buffer.compare(await files.read('mnist', offered(server.base)), content)).toBe(0);
    expect(await at.inHome()).toEqual([name]);
    expect(Buffer.compare(await readFile(join(at.home, 'datasets', 'mnist', name)), packed)).toBe(0);
    await server.close();
    const again = new NodeDatasetFiles({ folders: [], home: at.home });
    expect(Buffer.compare(await again.read('mnist', offered(server.base)), content)).toBe(0);
    expect(server.requests).toEqual([`/mnist/${name}`]);
  });

  test('comes from the mirror if there is one', async () => {
    const server = await serve(send(packed));
    for (const mirror of [`${server.base}/data/sets`, `${server.base}/data/sets/`]) {
      await new NodeDatasetFiles({ folders: [], home: join(at.home, mirror.at(-1) ?? ''), mirror }).read(
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
    await new NodeDatasetFiles({ folders: [], home: at.home }).read('mnist', offered(server.base), {
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual({ file: `mnist/${name}`, bytesDone: packed.length, bytesTotal: packed.length });
    expect(seen.map(({ bytesDone }) => bytesDone)).toEqual(seen.map(({ bytesDone }) => bytesDone).toSorted((a, b) => a - b));
  });

  test('of another file is refused with both checksums, and no file is kept', async () => {
    const other = Uint8Array.from(packed);
    other[200] ^= 1;
    const server = await serve(send(other));
    const file = offered(server.base);
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }, hasty).read('mnist', file));
    expect(error).toMatchObject({ code: 'datasetChecksum' });
    expect(error.message).toContain(`from ${server.host} is not the original: expected sha256 ${file.checksum.slice(7)}, got sha256 `);
    expect(error.message).toContain('TRAINYARD_DATASETS');
    expect(server.requests).toHaveLength(1);
    expect(await at.inHome()).toEqual([]);
  });

  test('is aborted if it is larger than the published file', async () => {
    const server = await serve((_, response) => {
      response.on('error', () => {});
      const flood = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(65536), flood);
      };
      flood();
    });
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({
      code: 'datasetChecksum',
      message: expect.stringContaining(`more than ${packed.length} bytes`) as string,
    });
    expect(await at.inHome()).toEqual([]);
  });

  test.each([
    ['a connection that breaks', breakOff(packed)],
    ['a server that is busy', fail(503)],
    ['a server that wants fewer requests', fail(429)],
  ])('is retried after %s', async (_, trouble) => {
    const server = await serve(trouble, trouble, send(packed));
    const files = new NodeDatasetFiles({ folders: [], home: at.home }, hasty);
    expect(Buffer.compare(await files.read('mnist', offered(server.base)), content)).toBe(0);
    expect(server.requests).toHaveLength(3);
    expect(await at.inHome()).toEqual([name]);
  });

  test('whose connection always breaks fails, and no file is kept', async () => {
    const server = await serve(breakOff(packed));
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain(`from ${server.host} after 3 tries: the connection broke`);
    expect(server.requests).toHaveLength(3);
    expect(await at.inHome()).toEqual([]);
  });

  test('of a missing file is not retried', async () => {
    const server = await serve(fail(404));
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain(`from ${server.host}: it answered 404 Not Found`);
    expect(server.requests).toHaveLength(1);
  });

  test('without a network fails with the host and advice', async () => {
    const server = await serve(fail(500));
    await server.close();
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }, hasty).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toBe(
      `mnist/${name} could not be downloaded from ${server.host} after 3 tries: ECONNREFUSED. Check the network, put the file as mnist/${name} into a folder named by TRAINYARD_DATASETS, or name a mirror by TRAINYARD_DATASETS_URL`,
    );
  });

  test('that makes no progress fails', async () => {
    const server = await serve((_, response) => void response.write(packed.subarray(0, 100)));
    const files = new NodeDatasetFiles({ folders: [], home: at.home }, { retryDelaysMs: [], stallMs: 50 });
    const error = await at.failure(files.read('mnist', offered(server.base)));
    expect(error.message).toContain('nothing came for 50 ms');
    expect(await at.inHome()).toEqual([]);
  });

  test('ends with the reason of an abort, and no file is kept', async () => {
    const server = await serve((_, response) => void response.write(packed.subarray(0, 100)));
    const abort = new AbortController();
    const reading = new NodeDatasetFiles({ folders: [], home: at.home }).read('mnist', offered(server.base), {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('cancelled')),
    });
    await expect(reading).rejects.toThrow('cancelled');
    expect(await at.inHome()).toEqual([]);
  });

  test('can be aborted also during the pause before a retry', async () => {
    const abort = new AbortController();
    const server = await serve((_, response) => {
      response.writeHead(503).end();
      setImmediate(() => abort.abort(new Error('cancelled')));
    });
    const files = new NodeDatasetFiles({ folders: [], home: at.home }, { retryDelaysMs: [3_600_000] });
    await expect(files.read('mnist', offered(server.base), { signal: abort.signal })).rejects.toThrow('cancelled');
  });

  test('by two processes at once results in one correct file', async () => {
    const waiting: Parameters<RequestListener>[1][] = [];
    const server = await serve((_, response) => {
      response.write(packed.subarray(0, 1000));
      waiting.push(response);
      if (waiting.length === 2) for (const one of waiting) one.end(packed.subarray(1000));
    });
    const script = `
      import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
      const bytes = await new NodeDatasetFiles({ folders: [], home: ${JSON.stringify(at.home)} }).read('mnist', ${JSON.stringify(offered(server.base))});
      console.log(bytes.length);
    `;
    const run = () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname, timeout: waitLimitMs });
    const outcomes = await Promise.all([run(), run()]);
    expect(outcomes.map(({ stdout }) => Number(stdout))).toEqual([content.length, content.length]);
    expect(server.requests).toHaveLength(2);
    expect(await at.inHome()).toEqual([name]);
    expect(Buffer.compare(await readFile(join(at.home, 'datasets', 'mnist', name)), packed)).toBe(0);
  });

  test('removes only old unfinished files of killed processes', async () => {
    const folder = join(at.home, 'datasets', 'mnist');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '.old.part'), 'x');
    await writeFile(join(folder, '.new.part'), 'x');
    await utimes(join(folder, '.old.part'), 0, 0);
    const server = await serve(send(packed));
    await new NodeDatasetFiles({ folders: [], home: at.home }).read('mnist', offered(server.base));
    expect(new Set(await at.inHome())).toEqual(new Set(['.new.part', name]));
  });

  test('that cannot be stored fails with an error without the path', async () => {
    await writeFile(at.home, 'a file where the folder should be');
    const server = await serve(send(packed));
    const error = await at.failure(new NodeDatasetFiles({ folders: [], home: at.home }).read('mnist', offered(server.base)));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain('could not be stored in datasets/ of TRAINYARD_HOME (E');
  });
});
