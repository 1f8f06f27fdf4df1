// Tests that a process keeps unpacked files in memory between reads, up to a limit.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NodeDatasetFiles, UnpackedFiles } from '@trainyard/engine/node';
import { describe, expect, test } from 'vitest';
import { eachWithFolder } from './dataPlace.ts';

const at = eachWithFolder();

describe('a file that is kept unpacked', () => {
  const keeping = (unpacked: UnpackedFiles) => new NodeDatasetFiles({ folders: [join(at.root, 'data')], home: at.home }, {}, unpacked);
  const find = async (unpacked: UnpackedFiles, file: string) => await keeping(unpacked).find('mnist', file);
  const put = async (file: string, bytes: Uint8Array): Promise<void> => {
    await mkdir(join(at.root, 'data', 'mnist'), { recursive: true });
    await writeFile(join(at.root, 'data', 'mnist', file), bytes);
  };

  test('is unpacked once, and again if it was replaced', async () => {
    const unpacked = new UnpackedFiles(1_000);
    await put('a.gz', gzipSync(Uint8Array.of(1, 2)));
    const first = await find(unpacked, 'a');
    expect(await find(unpacked, 'a')).toBe(first);
    await put('a.gz', gzipSync(Uint8Array.of(3, 4, 5)));
    expect([...((await find(unpacked, 'a')) ?? [])]).toEqual([3, 4, 5]);
    expect(unpacked.bytes).toBe(3);
    await rm(join(at.root, 'data', 'mnist', 'a.gz'));
    expect(await find(unpacked, 'a')).toBeNull();
  });

  test('is evicted if it is the least recently used, and a file that is too large is not kept', async () => {
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
