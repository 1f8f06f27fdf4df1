// Local files of a dataset are found in the operator's folders or in the data folder, gzipped or not. No message contains a path of the
// machine.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { describe, expect, test } from 'vitest';
import { content, eachWithFolder, name, offered, packed } from './dataPlace.ts';

const at = eachWithFolder();

describe('a local file', () => {
  const unreachable = offered('http://127.0.0.1:1');

  async function put(folder: string, file: string, bytes: Uint8Array): Promise<void> {
    await mkdir(join(at.root, folder, 'mnist'), { recursive: true });
    await writeFile(join(at.root, folder, 'mnist', file), bytes);
  }

  test.each([
    ['gzipped', name, gzipSync(content, { level: 1 })],
    ['unpacked', name.replace('.gz', ''), content],
    ['unpacked under the name of the gzipped one', name, content],
  ])('is used without a checksum: %s', async (_, file, bytes) => {
    await put('data', file, bytes);
    const files = new NodeDatasetFiles({ folders: [join(at.root, 'none'), join(at.root, 'data')], home: at.home });
    expect(Buffer.compare(await files.read('mnist', unreachable), content)).toBe(0);
  });

  test('is found by its name without .gz, and is not downloaded if it is missing', async () => {
    await put('data', name, gzipSync(content));
    const files = new NodeDatasetFiles({ folders: [join(at.root, 'data')], home: at.home, mirror: 'http://127.0.0.1:1' });
    expect(Buffer.compare((await files.find('mnist', name.replace('.gz', ''))) ?? Buffer.alloc(0), content)).toBe(0);
    expect(await files.find('mnist', 'none')).toBeNull();
  });

  test('comes from the first folder that has it', async () => {
    await put('a', name, Uint8Array.of(1));
    await put('b', name, Uint8Array.of(2));
    await put('home/datasets', name, Uint8Array.of(3));
    const read = (...folders: string[]) =>
      new NodeDatasetFiles({ folders: folders.map((folder) => join(at.root, folder)), home: at.home }).read('mnist', unreachable);
    expect([...(await read('a', 'b'))]).toEqual([1]);
    expect([...(await read('b', 'a'))]).toEqual([2]);
    expect([...(await read('c'))]).toEqual([3]);
  });

  test('is read into memory that threads can share', async () => {
    await put('data', name, gzipSync(content));
    const bytes = await new NodeDatasetFiles({ folders: [join(at.root, 'data')], home: at.home }).read('mnist', unreachable);
    expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test.each([
    ['data', 'in TRAINYARD_DATASETS is damaged and cannot be unpacked (Z_'],
    ['home/datasets', 'in datasets/ of TRAINYARD_HOME is damaged and cannot be unpacked (Z_'],
  ])('is named in the error if it is damaged: %s', async (folder, message) => {
    await put(folder, name, packed.subarray(0, packed.length / 2));
    const error = await at.failure(new NodeDatasetFiles({ folders: [join(at.root, 'data')], home: at.home }).read('mnist', unreachable));
    expect(error).toMatchObject({ code: 'invalidDataFile' });
    expect(error.message).toContain(message);
  });

  test('is named in the error if it cannot be read', async () => {
    await mkdir(join(at.root, 'data', 'mnist', name), { recursive: true });
    const error = await at.failure(new NodeDatasetFiles({ folders: [join(at.root, 'data')], home: at.home }).read('mnist', unreachable));
    expect(error).toMatchObject({ code: 'datasetUnavailable' });
    expect(error.message).toContain('in TRAINYARD_DATASETS cannot be read (EISDIR)');
  });
});
