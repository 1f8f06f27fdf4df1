// The same spec gives the same weights: on this machine, on every other, and under another Node where one is named. When a
// change moves bits on purpose, raise engineVersion and run `npm run golden -- --write`.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { engineVersion } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import pinned from './hashes.json' with { type: 'json' };
import { goldenHashes, goldenJobs } from './jobs.ts';

const hashes: Readonly<Record<string, string>> = pinned.hashes;

describe('golden runs', () => {
  test('are pinned for this version of the engine, each and no other', () => {
    expect(pinned.engineVersion).toBe(engineVersion);
    expect(Object.keys(hashes)).toEqual(Object.keys(goldenJobs));
  });

  test.each(Object.keys(goldenJobs))('%s: the weights are, bit for bit, those that this version gives everywhere', async (name) => {
    expect(await goldenHashes([name])).toEqual({ [name]: hashes[name] });
  });

  test('are the same in a process of their own: under the Node that TRAINYARD_OTHER_NODE names, else under this one', async () => {
    const node = process.env['TRAINYARD_OTHER_NODE'] ?? process.execPath;
    const program = fileURLToPath(new URL('./run.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(node, [program]);
    expect(JSON.parse(stdout)).toEqual({ engineVersion, hashes });
  });
});
